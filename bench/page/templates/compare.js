// Two models side by side: their blocks move here while they are compared, and back after that.
{
  const bar = document.getElementById("compare");
  const panel = document.getElementById("side-by-side");
  const choices = bar ? [...bar.querySelectorAll("select")] : [];
  const sides = panel ? [...panel.querySelectorAll(".side")] : [];
  const [heads, rows] = panel ? [panel.querySelectorAll("thead th"), panel.querySelector("tbody")] : [];
  const text = (value) =>
    (Number.isFinite(value) ? Number(value.toPrecision(3)).toString() : "–").replace("-", "−");
  const back = (side) => {
    const body = side.querySelector(":scope > .body");
    if (body) document.getElementById(body.dataset.home).append(body);
    side.replaceChildren();
  };
  const close = bar?.querySelector("button");
  const seeds = (row) =>
    new Map(row.dataset.seeds.split(" ").map((pair) => pair.split(":").map(Number)));
  const scores = (side) =>
    new Map([...side.querySelectorAll(".own-scores tbody tr")].map((row) => [row.dataset.metric, row]));
  // The second minus the first: of the means, and from the least to the largest of a seed's pairs.
  const line = (first, second) => {
    const [a, b] = [first, second].map((row) => Number(row.children[1].dataset.value));
    const [these, those] = [first, second].map(seeds);
    const pairs = [...these.keys()].filter((s) => those.has(s)).map((s) => those.get(s) - these.get(s));
    const span = [Math.min(...pairs), Math.max(...pairs)].map(text);
    const spread = pairs.length > 1 ? `${span[0]} to ${span[1]} (${pairs.length} pairs)` : "–";
    const row = document.createElement("tr");
    const name = document.createElement("th");
    name.scope = "row";
    name.textContent = first.children[0].textContent;
    const cells = [text(b - a), spread].map((content) => {
      const cell = document.createElement("td");
      cell.className = "number";
      cell.textContent = content;
      return cell;
    });
    // With their intervals, as in the models' own tables, which are not shown beside this one.
    const means = [first, second].map((row) => row.children[1].cloneNode(true));
    row.append(name, ...means, ...cells);
    return row;
  };
  const show = () => {
    sides.forEach(back);
    const chosen = choices.map((choice) => choice.value);
    panel.hidden = !(chosen[0] && chosen[1] && chosen[0] !== chosen[1]);
    close.hidden = !chosen.some(Boolean);
    if (panel.hidden) return;
    chosen.forEach((id, i) => {
      const home = document.getElementById(id);
      const title = document.createElement("h3");
      title.textContent = `${home.dataset.label}, ${home.dataset.dataset}`;
      heads[i + 1].textContent = home.dataset.label;
      const body = home.querySelector(":scope > .body");
      body.dataset.home = id;
      sides[i].append(title, body);
    });
    const [first, second] = sides.map(scores);
    const both = [...first.keys()].filter((metric) => second.has(metric));
    rows.replaceChildren(...both.map((metric) => line(first.get(metric), second.get(metric))));
  };
  if (choices.length && choices[0].options.length > 2) {
    bar.hidden = false;
    close.hidden = true;
    for (const choice of choices) choice.addEventListener("change", show);
    close.addEventListener("click", () => {
      for (const choice of choices) choice.value = "";
      show();
      choices[0].focus();
    });
    // A block whose body is away tells where it is.
    document.addEventListener("toggle", (event) => {
      const home = event.target;
      if (home.open && home.matches?.(".model") && !home.querySelector(":scope > .body")) {
        home.open = false;
        panel.scrollIntoView();
      }
    }, true);
  }
}
