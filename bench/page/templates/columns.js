// Columns are chosen for all tables that have them, for as long as the page is open.
const choosers = [];
document.querySelectorAll(".comparison table").forEach((table, place) => {
  const heads = [...table.tHead.rows[0].cells];
  const columns = heads.flatMap((head, n) => (head.dataset.column ? [{ head, n: n + 1 }] : []));
  // Few need no choice.
  if (columns.length < 5) return;
  table.dataset.place = place;
  const rules = document.head.appendChild(document.createElement("style"));
  const boxes = new Map();
  // A rule a column: of ten thousand rows, none is touched.
  const apply = () => {
    const out = columns.filter(({ head }) => !boxes.get(head.dataset.column).checked);
    rules.textContent = out
      .map(({ n }) => `[data-place="${place}"] tr>:nth-child(${n}){display:none}`)
      .join("");
    summary.textContent = `Columns (${columns.length - out.length} of ${columns.length})`;
  };
  const list = document.createElement("div");
  for (const { head } of columns) {
    const label = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.checked = !("later" in head.dataset);
    box.addEventListener("change", () => choose(head.dataset.column, box.checked));
    label.append(box, head.textContent);
    list.append(label);
    boxes.set(head.dataset.column, box);
  }
  const all = document.createElement("button");
  all.type = "button";
  all.textContent = "All columns";
  all.addEventListener("click", () => [...boxes.keys()].forEach((name) => choose(name, true)));
  list.append(all);
  const chooser = document.createElement("details");
  const summary = document.createElement("summary");
  chooser.className = "columns";
  chooser.append(summary, list);
  table.closest(".scroll").after(chooser);
  choosers.push({ boxes, apply });
  apply();
});
function choose(name, shown) {
  for (const { boxes, apply } of choosers) {
    if (!boxes.has(name)) continue;
    boxes.get(name).checked = shown;
    apply();
  }
}
