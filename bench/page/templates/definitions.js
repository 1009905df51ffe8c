// What a number means, one hover, tap or focus away from its heading; Escape takes it off again.
const tip = document.createElement("div");
tip.id = "tip";
tip.setAttribute("role", "tooltip");
tip.hidden = true;
document.querySelector("main").append(tip);
let leaving = null;
const explain = (button) => {
  clearTimeout(leaving);
  const name = button.dataset.metric;
  const title = document.createElement("strong");
  title.textContent = name;
  const meaning = document.getElementById(`meaning-${name}`);
  tip.replaceChildren(title, " ", ...[...meaning.childNodes].map((node) => node.cloneNode(true)));
  tip.hidden = false;
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
// It would stay where the heading was.
window.addEventListener("resize", () => (tip.hidden = true));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") tip.hidden = true;
});
