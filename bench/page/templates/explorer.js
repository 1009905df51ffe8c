// Models to touch. One with a decoder is drawn anew for every code; of one without, a latent at a
// time is shown from the sheet of its traversals. Nothing is read or drawn before it is seen.
const readModels = new Map();
function readModel(run) {
  if (!readModels.has(run)) {
    const read = (kind) => JSON.parse(document.getElementById(`${kind}-${run}`)?.textContent ?? "null");
    const decoder = read("decoder");
    readModels.set(run, { ...read("data"), decoder: decoder && readDecoder(decoder) });
  }
  return readModels.get(run);
}
function wholeSheet(element) {
  return document.querySelector(`.explorer[data-model="${element.dataset.model}"]:not(.compact) .sheet`);
}
const explorersInView = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) target.explorer ??= explore(target);
    else target.explorer?.stop();
  }
});
for (const element of document.querySelectorAll(".explorer")) {
  // A small one without a decoder shows the sheet of the whole one; without that it stays still.
  if (element.matches(".compact[data-still]") && !wholeSheet(element)) continue;
  element.classList.add("live");
  explorersInView.observe(element);
}
// Rounded first: nothing is below nothing.
const written = (value) => (Math.round(100 * value) / 100 + 0).toFixed(2).replace("-", "−");
function explore(element) {
  const model = readModel(element.dataset.model);
  const { names, values } = model;
  const find = (selector) => element.querySelector(selector);
  const [low, high] = [values[0], values.at(-1)];
  const within = (value) => Math.max(low, Math.min(high, value));
  // What is shown: a code, the latent that moved last, and where the code comes from, if anywhere.
  const origin = {
    code: model.start,
    image: model.codes.length ? 0 : null,
    position: model.map && [model.map.width >> 1, model.map.height >> 1],
  };
  const state = { moved: 0, ...origin };
  const parts = [];
  let waiting = false;
  // However many changes come, a frame draws once.
  const change = (changes) => {
    Object.assign(state, { image: null, position: null }, changes);
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      for (const show of parts) show(state);
    });
  };
  const move = (latent, value) => {
    stop();
    // The sheet has no picture of two latents that moved, and none of a position.
    const code = [...(model.decoder ? state.code : model.start)];
    code[latent] = value;
    change({ code, moved: latent, image: state.image, position: model.decoder ? null : state.position });
  };
  const { stop, play } = playing(element, model, state, change);
  const on = (selector, act) =>
    find(selector)?.addEventListener("click", () => {
      stop();
      act();
    });
  on(".reset", () => change(origin));
  on(".random", () => change({ code: names.map(normal) }));
  find(".play")?.addEventListener("click", play);
  parts.push(model.decoder ? drawn(find(".view"), model) : cut(find(".view"), wholeSheet(element), model));
  const sliders = [...element.querySelectorAll(".controls input")];
  sliders.forEach((input, i) => input.addEventListener("input", () => move(i, Number(input.value))));
  parts.push(({ code }) =>
    sliders.forEach((input, i) => {
      if (Number(input.value) !== code[i]) input.value = within(code[i]);
      input.setAttribute("aria-valuetext", written(code[i]));
      input.closest("label").querySelector(".value").textContent = written(code[i]);
    }),
  );
  if (find(".pad")) parts.push(pad(find(".pad"), model, state, within, move));
  if (find(".images")) parts.push(images(element, model, stop, change));
  if (find(".place")) parts.push(placeMap(find(".place"), model, stop, change));
  if (model.decoder) change(origin);
  // The strongest latent at its middle: the sheet has no picture of the start.
  else move(0, values[(values.length - 1) >> 1]);
  return { stop };
}
// A draw from the standard normal distribution, by Box and Muller.
function normal() {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}
function drawn(view, { decoder, names }) {
  const pen = view.getContext("2d");
  return ({ code }) => {
    pen.putImageData(new ImageData(decoder.decode(code), decoder.size), 0, 0);
    const where = names.map((name, i) => `${name} ${written(code[i])}`).join(", ");
    view.setAttribute("aria-label", `decoder's picture at ${where}`);
  };
}
// A cell of the sheet of traversals: latents down, values across.
function cut(view, sheet, { names, values }) {
  view.style.backgroundImage = `url(${sheet.src})`;
  view.style.backgroundSize = `${values.length * 100}% ${names.length * 100}%`;
  const share = (i, n) => `${n > 1 ? (100 * i) / (n - 1) : 0}%`;
  return ({ code, moved }) => {
    const distances = values.map((value) => Math.abs(value - code[moved]));
    const column = distances.indexOf(Math.min(...distances));
    view.style.backgroundPosition = `${share(column, values.length)} ${share(moved, names.length)}`;
    view.setAttribute("aria-label", `decoder's picture for ${names[moved]} at ${written(values[column])}`);
  };
}
// Every latent in turn from end to end and back, the others where they are.
function playing(element, model, state, change) {
  const button = element.querySelector(".play");
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const { names, values } = model;
  const way = [...values, ...values.slice(1, -1).reverse()];
  const pause = calm ? 600 : 120;
  let timer = null;
  const stop = () => {
    if (timer === null) return;
    cancelAnimationFrame(timer);
    timer = null;
    button.textContent = "Play";
  };
  const play = () => {
    if (timer !== null) return stop();
    button.textContent = "Stop";
    const rest = model.decoder ? state.code : model.start;
    let [began, last] = [null, null];
    const tick = (now) => {
      began ??= now;
      const place = (now - began) / pause;
      const step = Math.floor(place);
      const moved = Math.floor(step / way.length) % names.length;
      // A decoder has pictures between the steps too.
      const between = model.decoder && !calm ? place - step : 0;
      if (between || step !== last) {
        const [from, to] = [way[step % way.length], way[(step + 1) % way.length]];
        const code = [...rest];
        code[moved] = from + between * (to - from);
        change({ code, moved });
        last = step;
      }
      timer = requestAnimationFrame(tick);
    };
    timer = requestAnimationFrame(tick);
  };
  return { stop, play };
}
// The two strongest latents as one plane, by pointer or by the keys of a slider.
function pad(element, model, state, within, move) {
  const { values } = model;
  const [low, high] = [values[0], values.at(-1)];
  const handle = element.querySelector("i");
  const share = (value) => (within(value) - low) / (high - low);
  const both = (x, y) => {
    move(1, within(y));
    move(0, within(x));
  };
  const point = (event) => {
    const box = element.getBoundingClientRect();
    const along = (offset, length) => low + (offset / length) * (high - low);
    both(along(event.clientX - box.left, box.width), along(box.bottom - event.clientY, box.height));
  };
  element.addEventListener("pointerdown", (event) => {
    element.setPointerCapture(event.pointerId);
    point(event);
  });
  element.addEventListener("pointermove", (event) => {
    if (element.hasPointerCapture(event.pointerId)) point(event);
  });
  const keys = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] };
  element.addEventListener("keydown", (event) => {
    const by = keys[event.key];
    if (by) both(...by.map((way, i) => state.code[i] + way * (event.shiftKey ? 1 : 0.1)));
    else if (event.key === "Home") both(0, 0);
    else return;
    event.preventDefault();
  });
  dots(element.querySelector("canvas"), model, share);
  return ({ code }) => {
    const [x, y] = code;
    handle.style.left = `${100 * share(x)}%`;
    handle.style.bottom = `${100 * share(y)}%`;
    element.setAttribute("aria-valuenow", within(x).toFixed(2));
    const [across, upwards] = model.names;
    element.setAttribute("aria-valuetext", `${across} ${written(x)}, ${upwards} ${written(y)}`);
  };
}
// Where codes lie in the plane: of all positions, or of the images that are there.
function dots(canvas, model, share) {
  const found = model.map ? positions(model).filter((code) => code !== null) : model.codes;
  const pen = canvas.getContext("2d");
  const { width, height } = canvas;
  pen.fillStyle = "#888";
  const size = found.length > 100 ? 2 : 4;
  for (const [x, y] of found)
    pen.fillRect(share(x) * width - size / 2, (1 - share(y)) * height - size / 2, size, size);
}
// The codes of all positions, row by row; null where no image was evaluated.
function positions({ map, names }) {
  const numbers = new DataView(decoded(map.data));
  const count = map.width * map.height;
  return Array.from({ length: count }, (_, cell) => {
    const whole = names.map((_, latent) => numbers.getInt16(2 * (latent * count + cell), true));
    // The smallest number stands for a position without an image.
    return whole.includes(-32768) ? null : whole.map((number) => number * map.unit);
  });
}
// Images of the dataset to start from, and the one that was chosen beside its reconstruction.
function images(element, model, stop, change) {
  const buttons = [...element.querySelectorAll(".image")];
  const beside = element.querySelector(".beside");
  const paint = (part, i) => {
    part.style.backgroundImage = `url(${model.images})`;
    part.style.backgroundSize = `${buttons.length * 100}% 100%`;
    part.style.backgroundPosition = `${buttons.length > 1 ? (100 * i) / (buttons.length - 1) : 0}% 0`;
  };
  buttons.forEach((button, i) => {
    paint(button, i);
    button.addEventListener("click", () => {
      stop();
      change({ code: model.codes[i], image: i });
    });
  });
  return ({ image }) => {
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", i === image));
    beside.classList.toggle("none", image === null);
    if (image !== null) paint(beside.querySelector(".original"), image);
  };
}
// A colour of the figures' maps, which go from −3 to 3; between two of them is a straight line.
function mapColour(value, colours) {
  const last = colours.length - 1;
  const place = (last * (Math.max(-3, Math.min(3, value)) + 3)) / 6;
  const below = Math.min(last - 1, Math.floor(place));
  const mixed = colours[below].map((low, i) =>
    Math.round(low + (place - below) * (colours[below + 1][i] - low)),
  );
  return `rgb(${mixed.join(" ")})`;
}
// The code of every position of the ball: a map of one latent in colours, all of them in numbers.
function placeMap(part, model, stop, change) {
  const { map, names, decoder } = model;
  const canvas = part.querySelector("canvas");
  const known = positions(model);
  const size = canvas.width / map.width;
  const colours = map.colours.map((text) => [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16)));
  const [x, y] = ["x", "y"].map((axis) => part.querySelector(`[data-axis=${axis}]`));
  let drawnAs = "";
  const draw = ({ moved, position }) => {
    if (drawnAs === (drawnAs = `${moved} ${position}`)) return;
    const pen = canvas.getContext("2d");
    known.forEach((code, cell) => {
      // As in the figures: blue −3, white 0, red 3.
      pen.fillStyle = code === null ? "#8a8a8a" : mapColour(code[moved], colours);
      pen.fillRect((cell % map.width) * size, Math.floor(cell / map.width) * size, size, size);
    });
    if (position === null) return;
    for (const [style, line] of [["#fff", 5], ["#000", 2]]) {
      pen.strokeStyle = style;
      pen.lineWidth = line;
      pen.beginPath();
      pen.arc((position[0] + 0.5) * size, (position[1] + 0.5) * size, size, 0, 2 * Math.PI);
      pen.stroke();
    }
  };
  const tell = (position) => {
    if (position === null) return "";
    [x.value, y.value] = position;
    const code = known[position[1] * map.width + position[0]];
    const text = code?.map((value, i) => `${names[i]} ${written(value)}`).join(", ");
    const where = position.map((step) => step * map.step).join(", ");
    return `Position ${where}: ${text ?? "no image evaluated"}`;
  };
  const go = (...position) => {
    stop();
    const code = decoder && known[position[1] * map.width + position[0]];
    change({ position, ...(code && { code }) });
  };
  const point = (event) => {
    const box = canvas.getBoundingClientRect();
    const cell = (offset, length, n) => Math.max(0, Math.min(n - 1, Math.floor((offset / length) * n)));
    go(
      cell(event.clientX - box.left, box.width, map.width),
      cell(event.clientY - box.top, box.height, map.height),
    );
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    point(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (canvas.hasPointerCapture(event.pointerId)) point(event);
  });
  for (const input of [x, y]) input.addEventListener("input", () => go(Number(x.value), Number(y.value)));
  return (state) => {
    draw(state);
    part.querySelector("output").textContent = tell(state.position);
    part.querySelector(".colours").textContent = `Colours: ${names[state.moved]}, blue −3, white 0, red 3.`;
    canvas.setAttribute("aria-label", `mean of ${names[state.moved]} at every position of the ball`);
  };
}
