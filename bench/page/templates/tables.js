"use strict";
// Tables sort by a click or Enter on a heading; without this script they stay in the grid's order.
// So many rows at a time are laid out: of ten thousand a browser would take seconds.
const STEP = 500;
const tables = new Map();
for (const table of document.querySelectorAll("table.sortable")) {
  const state = { rows: [...table.tBodies[0].rows], passes: () => true, limit: STEP };
  tables.set(table, state);
  const more = document.createElement("button");
  more.type = "button";
  more.className = "more";
  more.addEventListener("click", () => {
    state.limit += STEP;
    state.refresh();
  });
  table.closest(".scroll").after(more);
  state.refresh = () => {
    let passed = 0;
    for (const row of state.rows) row.hidden = !(state.passes(row) && (passed += 1) <= state.limit);
    const left = passed - state.limit;
    more.hidden = left <= 0;
    more.textContent = `Show ${Math.min(left, STEP)} more of ${left}`;
    return passed;
  };
  state.refresh();
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    const link = head.querySelector("a");
    if (link) button.dataset.metric = link.hash.slice("#metric-".length);
    button.append(...(link ?? head).childNodes);
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      state.rows = sorted(state.rows, column, up);
      table.tBodies[0].append(...state.rows);
      state.refresh();
    });
  });
}
function sorted(rows, column, up) {
  const keyed = rows.map((row) => {
    const cell = row.cells[column];
    const name = cell.querySelector("summary")?.textContent;
    const text = cell.dataset.value ?? cell.textContent.replace("−", "-").replace(/%$/, "");
    // An empty text would be 0, and the name of a run may look like a number.
    return [row, name ?? (text === "" || Number.isNaN(Number(text)) ? text : Number(text))];
  });
  const compare = ([, x], [, y]) => {
    if (typeof x !== typeof y) return 0;
    return (up ? 1 : -1) * (typeof x === "number" ? x - y : x.localeCompare(y));
  };
  // What has no value comes last, whichever way numbers are sorted.
  const numbers = keyed.filter(([, key]) => typeof key === "number");
  const texts = keyed.filter(([, key]) => typeof key === "string");
  return [...numbers.sort(compare), ...texts.sort(compare)].map(([row]) => row);
}
// Comparison tables are filtered by dataset and by kind of model.
const choices = document.getElementById("choices");
if (choices) {
  choices.hidden = false;
  choices.addEventListener("change", () => {
    const [dataset, kind] = ["datasets", "kinds"].map(
      (name) => choices.querySelector(`[data-of=${name}]`).value,
    );
    for (const part of document.querySelectorAll(":is(#summary, #differences) .comparison")) {
      const state = tables.get(part.querySelector("table"));
      state.passes = (row) => !kind || row.dataset.kind === kind;
      const left = state.refresh();
      part.hidden = left === 0 || Boolean(dataset && part.dataset.dataset !== dataset);
    }
  });
}
// Runs are filtered by words that all have to occur in a row.
const filter = document.getElementById("filter");
if (filter) {
  const state = tables.get(document.getElementById("run-table"));
  const found = document.getElementById("found");
  const texts = new Map();
  filter.closest("p").hidden = false;
  filter.addEventListener("input", () => {
    if (!texts.size)
      for (const row of state.rows)
        texts.set(row, `${row.dataset.kind} ${row.textContent}`.toLowerCase());
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    state.passes = (row) => words.every((word) => texts.get(row).includes(word));
    const passed = state.refresh();
    found.textContent = words.length ? `${passed} of ${state.rows.length}` : "";
    filter.closest("section").querySelector("details").open = true;
  });
}
