// Sliders show one cell of the sheet of traversals, which is what there is without this script.
for (const model of document.querySelectorAll("details.model")) {
  const sheet = model.querySelector(".sheet");
  const inputs = [...model.querySelectorAll(".controls input")];
  const names = inputs.map((input) => input.previousElementSibling.firstChild.textContent.trim());
  const values = model.dataset.values.split(" ");
  const middle = (values.length - 1) >> 1;
  const view = document.createElement("div");
  view.className = "view";
  view.setAttribute("role", "img");
  view.style.backgroundImage = `url(${sheet.src})`;
  view.style.backgroundSize = `${values.length * 100}% ${inputs.length * 100}%`;
  const place = codes(model.querySelector(".place"), names);
  const show = (row) => {
    const column = Number(inputs[row].value);
    inputs.forEach((other, i) => {
      if (i !== row) other.value = middle;
      other.setAttribute("aria-valuetext", values[Number(other.value)]);
    });
    const across = values.length > 1 ? column / (values.length - 1) : 0;
    const down = inputs.length > 1 ? row / (inputs.length - 1) : 0;
    view.style.backgroundPosition = `${across * 100}% ${down * 100}%`;
    view.setAttribute("aria-label", `decoder's image for ${names[row]} at ${values[column]}`);
    place?.show(row);
  };
  let timer = null;
  const play = model.querySelector(".play");
  const stop = () => {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
  };
  inputs.forEach((input, row) =>
    input.addEventListener("input", () => {
      stop();
      show(row);
    }),
  );
  // Every latent in turn, there and back.
  play.addEventListener("click", () => {
    if (timer) return stop();
    const way = [...values.keys(), ...[...values.keys()].reverse().slice(1, -1)];
    let tick = 0;
    play.textContent = "Stop";
    timer = setInterval(() => {
      const row = Math.floor(tick / way.length) % inputs.length;
      inputs[row].value = way[tick % way.length];
      show(row);
      tick += 1;
    }, 120);
  });
  if (inputs.length) show(0);
  sheet.before(view);
  sheet.hidden = true;
  model.classList.add("live");
}
// The code of every position of the ball: a map of one latent in colours, all of them in numbers.
function codes(part, names) {
  if (!part) return null;
  const canvas = part.querySelector("canvas");
  const { width, height } = canvas;
  const bytes = Uint8Array.from(atob(part.dataset.codes), (c) => c.charCodeAt(0));
  const numbers = new DataView(bytes.buffer);
  const [unit, step] = [Number(part.dataset.unit), Number(part.dataset.step)];
  const [x, y] = ["x", "y"].map((axis) => part.querySelector(`[data-axis=${axis}]`));
  const output = part.querySelector("output");
  // The smallest number stands for positions that no image was evaluated at.
  const at = (latent, column, row) => {
    const number = numbers.getInt16(2 * ((latent * height + row) * width + column), true);
    return number === -32768 ? null : number * unit;
  };
  let shown = 0;
  const draw = () => {
    // Drawn larger than the map, so that the mark is thinner than a position.
    const size = 8;
    [canvas.width, canvas.height] = [width * size, height * size];
    const pen = canvas.getContext("2d");
    for (let row = 0; row < height; row++)
      for (let column = 0; column < width; column++) {
        const value = at(shown, column, row);
        // As in the figures: blue −3, white 0, red 3.
        const pale = value === null ? 0 : Math.round(255 * (1 - Math.min(1, Math.abs(value) / 3)));
        pen.fillStyle =
          value === null ? "#888" : value > 0 ? `rgb(255 ${pale} ${pale})` : `rgb(${pale} ${pale} 255)`;
        pen.fillRect(column * size, row * size, size, size);
      }
    const centre = [(Number(x.value) + 0.5) * size, (Number(y.value) + 0.5) * size];
    for (const [style, line] of [["#fff", 5], ["#000", 2]]) {
      pen.strokeStyle = style;
      pen.lineWidth = line;
      pen.beginPath();
      pen.arc(...centre, size, 0, 2 * Math.PI);
      pen.stroke();
    }
  };
  const tell = () => {
    const [column, row] = [Number(x.value), Number(y.value)];
    const code = names.map((name, latent) => {
      const value = at(latent, column, row);
      return value === null ? null : `${name} ${value.toFixed(2).replace("-", "−")}`;
    });
    const where = `Position ${column * step}, ${row * step}: `;
    output.textContent = where + (code.includes(null) ? "no image evaluated" : code.join(", "));
    draw();
  };
  canvas.addEventListener("click", (event) => {
    const box = canvas.getBoundingClientRect();
    const cell = (offset, length, n) => Math.max(0, Math.min(n - 1, Math.floor((offset / length) * n)));
    x.value = cell(event.clientX - box.left, box.width, width);
    y.value = cell(event.clientY - box.top, box.height, height);
    tell();
  });
  for (const input of [x, y]) input.addEventListener("input", tell);
  tell();
  return {
    show(latent) {
      shown = latent;
      const colours = `Colours: ${names[latent]}, blue −3, white 0, red 3.`;
      part.querySelector(".colours").textContent = colours;
      canvas.setAttribute("aria-label", `mean of ${names[latent]} at every position of the ball`);
      draw();
    },
  };
}
