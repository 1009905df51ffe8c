// A model's decoder: linear layers, then transposed convolutions of 4x4 and stride 2, a rectifier
// between any two, and a sigmoid. `bench/page/decoder.py` says how weights are laid out.
function readDecoder(payload) {
  const { side, widths } = payload;
  const [scales, biases] = [payload.scales, payload.biases].map((text) => new Float32Array(decoded(text)));
  // In doubles, as JavaScript computes in them: every other type is converted at every product.
  const weights = Float64Array.from(new Int16Array(decoded(payload.weights)));
  let [weight, unit] = [0, 0];
  const take = (nIn, nOut, places) => {
    const layer = {
      nIn,
      nOut,
      weights: weights.subarray(weight, (weight += nIn * nOut * places)),
      scales: scales.subarray(unit, unit + nOut),
      biases: biases.subarray(unit, unit + nOut),
    };
    unit += nOut;
    return layer;
  };
  const pairs = (list) => list.slice(1).map((width, i) => [list[i], width]);
  const linears = pairs(widths[0]).map(([nIn, nOut]) => take(nIn, nOut, 1));
  const convs = pairs(widths[1]).map(([nIn, nOut]) => take(nIn, nOut, 16));
  const units = widths[0].slice(1).map((width) => new Float64Array(width));
  // Features are rows of pixels of channels, with a frame of zeros that no layer writes to.
  const features = widths[1].map((width, i) => new Float64Array(((side << i) + 2) ** 2 * width));
  const [channels, size] = [widths[1].at(-1), side << convs.length];
  // Return the picture of a code as an array of red, green, blue and opacity.
  const decode = (code) => {
    let given = code;
    linears.forEach((layer, i) => {
      linear(layer, given, units[i]);
      given = units[i];
    });
    const row = side * widths[1][0];
    for (let y = 0; y < side; y++)
      features[0].set(given.subarray(y * row, (y + 1) * row), ((y + 1) * (side + 2) + 1) * widths[1][0]);
    convs.forEach((layer, i) =>
      (layer.nOut % 4 ? upsampled : upsampledByFour)(layer, features[i], features[i + 1], side << i, i < convs.length - 1),
    );
    const picture = new Uint8ClampedArray(4 * size * size).fill(255);
    const logits = features.at(-1);
    for (let y = 0, pixel = 0; y < size; y++)
      for (let x = 0; x < size; x++, pixel += 4) {
        const place = ((y + 1) * (size + 2) + x + 1) * channels;
        for (let colour = 0; colour < 3; colour++)
          picture[pixel + colour] = 255 / (1 + Math.exp(-logits[place + (channels < 3 ? 0 : colour)]));
      }
    return picture;
  };
  return { size, latents: widths[0][0], decode };
}
// The bytes of a text in base64.
function decoded(text) {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes.buffer;
}
function linear(layer, given, result) {
  const { nIn, nOut, weights, scales, biases } = layer;
  result.fill(0);
  for (let i = 0; i < nIn; i++) {
    const value = given[i];
    // Half of what a rectifier leaves is 0.
    if (value !== 0) for (let j = 0, k = i * nOut; j < nOut; j++, k++) result[j] += value * weights[k];
  }
  for (let j = 0; j < nOut; j++) result[j] = Math.max(0, result[j] * scales[j] + biases[j]);
}
// A pixel at an even or odd row and column of the result sees 2x2 pixels of what is given, so the
// layer is four products, one for each. Two pixels and four channels at a time: a number that is
// loaded is used four times or twice, and all sums stay in registers.
function upsampledByFour(layer, given, result, side, rectified) {
  const { nIn, nOut, weights, scales, biases } = layer;
  const [run, row, wide] = [2 * nIn, (side + 2) * nIn, 2 * side + 2];
  for (let phase = 0; phase < 4; phase++) {
    const [p, q] = [phase >> 1, phase & 1];
    for (let first = 0; first < nOut; first += 4) {
      const start = (phase * nOut + first) * run * 2;
      const [scale0, scale1, scale2, scale3] = scales.subarray(first, first + 4);
      const [bias0, bias1, bias2, bias3] = biases.subarray(first, first + 4);
      for (let y = 0; y < side; y++)
        for (let x = 0; x < side; x += 2) {
          // Of an odd row of pixels the last is its own neighbour.
          const next = x + 1 < side ? nIn : 0;
          let [a0, a1, a2, a3, b0, b1, b2, b3] = [0, 0, 0, 0, 0, 0, 0, 0];
          let k = start;
          for (let a = 0; a < 2; a++) {
            const from = (y + p + a) * row + (x + q) * nIn;
            for (let i = from; i < from + run; i++, k += 4) {
              const [here, there] = [given[i], given[i + next]];
              const [w0, w1, w2, w3] = [weights[k], weights[k + 1], weights[k + 2], weights[k + 3]];
              a0 += here * w0;
              a1 += here * w1;
              a2 += here * w2;
              a3 += here * w3;
              b0 += there * w0;
              b1 += there * w1;
              b2 += there * w2;
              b3 += there * w3;
            }
          }
          const to = ((2 * y + p + 1) * wide + 2 * x + q + 1) * nOut + first;
          const beside = next ? to + 2 * nOut : to;
          const least = rectified ? 0 : -Infinity;
          result[beside] = Math.max(least, b0 * scale0 + bias0);
          result[beside + 1] = Math.max(least, b1 * scale1 + bias1);
          result[beside + 2] = Math.max(least, b2 * scale2 + bias2);
          result[beside + 3] = Math.max(least, b3 * scale3 + bias3);
          result[to] = Math.max(least, a0 * scale0 + bias0);
          result[to + 1] = Math.max(least, a1 * scale1 + bias1);
          result[to + 2] = Math.max(least, a2 * scale2 + bias2);
          result[to + 3] = Math.max(least, a3 * scale3 + bias3);
        }
    }
  }
}
// The same for any number of channels, one at a time: that of an image.
function upsampled(layer, given, result, side, rectified) {
  const { nIn, nOut, weights, scales, biases } = layer;
  const [run, row, wide] = [2 * nIn, (side + 2) * nIn, 2 * side + 2];
  for (let phase = 0; phase < 4; phase++) {
    const [p, q] = [phase >> 1, phase & 1];
    for (let unit = 0; unit < nOut; unit++) {
      const start = (phase * nOut + unit) * run * 2;
      for (let y = 0; y < side; y++)
        for (let x = 0; x < side; x++) {
          // Two sums that do not wait for one another.
          let [above, below] = [0, 0];
          const from = (y + p) * row + (x + q) * nIn;
          for (let i = 0; i < run; i++) {
            above += given[from + i] * weights[start + i];
            below += given[from + row + i] * weights[start + run + i];
          }
          const sum = (above + below) * scales[unit] + biases[unit];
          result[((2 * y + p + 1) * wide + 2 * x + q + 1) * nOut + unit] = rectified && sum < 0 ? 0 : sum;
        }
    }
  }
}
