// What a number means, one hover, tap or focus away from its heading; Escape takes it off again.
const tip = document.createElement("div");
tip.id = "tip";
tip.setAttribute("role", "tooltip");
tip.hidden = true;
document.querySelector("main").append(tip);
let leaving = null;
let explained = null;
const explain = (button) => {
  clearTimeout(leaving);
  explained = button;
  const name = button.dataset.metric;
  const title = document.createElement("strong");
  title.textContent = button.textContent;
  // The exact name, as the files in tables/ have it.
  const column = document.createElement("code");
  column.textContent = name;
  const meaning = document.getElementById(`meaning-${name}`);
  const nodes = [...meaning.childNodes].map((node) => node.cloneNode(true));
  tip.replaceChildren(title, " ", column, document.createElement("br"), ...nodes);
  tip.hidden = false;
  place();
};
const place = () => {
  const button = explained;
  const box = button.getBoundingClientRect();
  const room = document.documentElement.clientWidth - tip.offsetWidth - 8;
  tip.style.left = `${window.scrollX + Math.max(8, Math.min(box.left, room))}px`;
  tip.style.top = `${window.scrollY + box.bottom + 4}px`;
};
const fade = () => {
  // Long enough for a pointer to get from the heading onto the text.
  leaving = setTimeout(() => (tip.hidden = true), 200);
};
for (const button of document.querySelectorAll("th button[data-metric]")) {
  button.setAttribute("aria-describedby", `meaning-${button.dataset.metric}`);
  for (const event of ["mouseenter", "focus", "click"])
    button.addEventListener(event, () => explain(button));
  for (const event of ["mouseleave", "blur"]) button.addEventListener(event, fade);
}
tip.addEventListener("mouseenter", () => clearTimeout(leaving));
tip.addEventListener("mouseleave", fade);
// A table that scrolls takes its heading along.
document.addEventListener("scroll", () => tip.hidden || place(), true);
// It would stay where the heading was.
window.addEventListener("resize", () => (tip.hidden = true));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") tip.hidden = true;
});
