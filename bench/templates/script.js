"use strict";
// Tables sort by a click or Enter on a heading; without this script they stay in the grid's order.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const value = (row) => {
        const cell = row.cells[column];
        const number = parseFloat(cell.dataset.value ?? cell.textContent);
        return Number.isNaN(number) ? cell.textContent : number;
      };
      const compare = (a, b) => {
        const [x, y] = [value(a), value(b)];
        if (typeof x === typeof y) return typeof x === "number" ? x - y : x.localeCompare(y);
        return typeof x === "number" ? -1 : 1;
      };
      const rows = [...table.tBodies[0].rows].sort(compare);
      table.tBodies[0].append(...(up ? rows : rows.reverse()));
    });
  });
}
// Runs are filtered by words that all have to occur in a row.
const filter = document.getElementById("filter");
if (filter) {
  filter.closest("p").hidden = false;
  filter.addEventListener("input", () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of document.querySelectorAll("#run-table tbody tr")) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
  });
}
// Sliders show one cell of the sheet of traversals, which is what there is without this script.
for (const model of document.querySelectorAll("details.model")) {
  const sheet = model.querySelector(".sheet");
  const [columns, rows] = [Number(model.dataset.columns), Number(model.dataset.rows)];
  const view = document.createElement("div");
  view.className = "view";
  view.setAttribute("role", "img");
  view.style.backgroundImage = `url(${sheet.src})`;
  view.style.backgroundSize = `${columns * 256}px ${rows * 256}px`;
  const inputs = [...model.querySelectorAll("input[type=range]")];
  const middle = (columns - 1) / 2;
  const show = (input) => {
    for (const other of inputs) if (other !== input) other.value = middle;
    const [row, column] = [Number(input.dataset.row), Number(input.value)];
    const value = (-3 + (6 * column) / (columns - 1)).toFixed(1);
    view.style.backgroundPosition = `${-column * 256}px ${-row * 256}px`;
    const name = input.parentElement.querySelector("span").firstChild.textContent.trim();
    view.setAttribute("aria-label", `decoder's image for ${name} at ${value}`);
    input.setAttribute("aria-valuetext", value);
  };
  inputs.forEach((input) => input.addEventListener("input", () => show(input)));
  if (inputs.length) show(inputs[0]);
  sheet.before(view);
  sheet.hidden = true;
  model.classList.add("live");
  let timer = null;
  const play = model.querySelector(".play");
  play.addEventListener("click", () => {
    if (timer) {
      clearInterval(timer);
      timer = null;
      play.textContent = "Play";
      return;
    }
    let tick = 0;
    play.textContent = "Stop";
    timer = setInterval(() => {
      const input = inputs[Math.floor(tick / columns) % inputs.length];
      input.value = tick % columns;
      show(input);
      tick += 1;
    }, 160);
  });
}
