"""Decoders in the page: python -m benchmarks.decoder results/.../runs/<run id> [...].

What a model's decoder takes of the page, how long it takes to read it and to draw a picture (the
median of 50 codes drawn from the prior), and how far pictures are from PyTorch's, in headless
Chromium.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

from bench import load_run
from bench.page import decoder

PICTURES = 50
MEASURE = """([payload, codes]) => {
  const started = performance.now();
  const { decode } = readDecoder(JSON.parse(payload));
  const read = performance.now() - started;
  // The first pictures are drawn by code that is not compiled yet.
  const pictures = codes.map((code) => [...decode(code)]);
  const times = codes.map((code) => {
    const before = performance.now();
    decode(code);
    return performance.now() - before;
  });
  return [read, times, pictures];
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+", help="folders of runs")
    options = parser.parse_args()
    script = Path(decoder.__file__).parent / "templates" / "decoder.js"
    print("| run | images | KB | read (ms) | picture (ms) | slowest | from PyTorch, of 255 |")
    print("|---|---|---|---|---|---|---|")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        for folder in options.runs:
            loaded = load_run(folder)
            channels, size, _ = shape = loaded.model.image_shape
            latents = np.arange(len(loaded.run.latent_names))
            payload = decoder.decoder_payload(loaded.run.weights() or {}, latents, shape)
            spec = loaded.run.spec
            name = f"{folder.name}, {spec.kind}, {getattr(spec, 'architecture', '')}"
            images = " × ".join(map(str, shape))
            if payload is None:
                print(f"| {name} | {images} | none | | | | |")
                continue
            codes = np.random.default_rng(0).normal(size=(PICTURES, len(latents)))
            page = browser.new_page()
            page.add_script_tag(path=script)
            read, times, pictures = page.evaluate(MEASURE, [payload, codes.tolist()])
            page.close()
            pixels = np.array(pictures).reshape(PICTURES, size, size, 4)[..., :channels]
            exact = loaded.decode(codes) * 255
            apart = np.abs(pixels.transpose(0, 3, 1, 2) - exact).max()
            middle = statistics.median(times)
            print(
                f"| {name} | {images} | {len(payload) / 1e3:.0f} | {read:.0f} | {middle:.1f} | "
                f"{max(times):.1f} | {apart:.2f} |"
            )
        browser.close()


if __name__ == "__main__":
    main()
