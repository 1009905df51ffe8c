"use strict";
// Tables sort by a click or Enter on a heading; without this script they stay in the grid's order.
// So many rows at a time are laid out: of ten thousand a browser would take seconds.
const STEP = 500;
const tables = new Map();
for (const table of document.querySelectorAll("table.sortable")) {
  const rows = [...table.tBodies[0].rows];
  const isPinned = (row) => row.matches(".pinned,.baseline");
  // What is no model stays below those that are, in its own order.
  const pinned = rows.filter(isPinned);
  const state = { rows, passes: () => true, limit: STEP };
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
    // The best first, where the metric says what is better; else from low to high, or A to Z.
    const first = link?.dataset.better === "more" ? "descending" : "ascending";
    const second = first === "ascending" ? "descending" : "ascending";
    button.append(...(link ?? head).childNodes);
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const order = head.getAttribute("aria-sort") === first ? second : first;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", order);
      const models = state.rows.filter((row) => !isPinned(row));
      state.rows = [...sorted(models, column, order === "ascending"), ...pinned];
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
  // Of texts that count something, 4 comes before 16.
  const words = new Intl.Collator("en", { numeric: true });
  const compare = ([, x], [, y]) =>
    (up ? 1 : -1) * (typeof x === "number" ? x - y : words.compare(x, y));
  // What has no value comes last, whichever way the others are sorted.
  const missing = keyed.filter(([, key]) => key === "" || key === "–");
  const numbers = keyed.filter(([, key]) => typeof key === "number");
  const texts = keyed.filter(([, key]) => typeof key === "string" && key !== "" && key !== "–");
  return [...numbers.sort(compare), ...texts.sort(compare), ...missing].map(([row]) => row);
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
  });
}
