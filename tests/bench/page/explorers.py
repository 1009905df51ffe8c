"""Pages of models to touch: the first has its decoder, the last has none.

Every picture of a traversal is one grey of its own here, known to the pixel.
"""

import io
from dataclasses import replace

import numpy as np
from PIL import Image

from bench.analysis.study import load_study
from bench.page.render import render
from bench.store.store import Store

LIVE, CLOSED, STILL = (f"details.model >> nth={i}" for i in range(3))
# Two frames: the first draws, the second comes when it has.
DRAWN = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def grey(latent, value):
    return 20 + 5 * (11 * latent + value)


def known_frames(frames):
    """Return frames whose traversals are flat greys, and a position without an image."""
    traversals = np.zeros_like(frames.traversals)
    for latent, value in np.ndindex(traversals.shape[:2]):
        traversals[latent, value] = grey(latent, value)
    maps = frames.tuning_maps.copy()
    maps[:, 0, 0] = np.nan
    # Further apart than after a few steps of training, so that latents make a difference, and of a
    # code, so that the model is not called collapsed.
    drawn = np.random.default_rng(0).normal(size=frames.codes.shape).astype(np.float32)
    return replace(
        frames, traversals=traversals, tuning_maps=40 * maps, codes=drawn, kl=frames.kl + 1
    )


def explorer_study(small_store):
    found = load_study(Store(small_store))
    names = [name for name in found.tables.runs["run_id"] if name in found.frames]
    # The decoder's first layer as if it had learnt more.
    decoders = {
        name: {k: v * 8 if k == "decoder_linears.0.weight" else v for k, v in weights.items()}
        for name, weights in found.decoders.items()
        if name != names[-1]
    }
    frames = {name: known_frames(found.frames[name]) for name in names}
    return replace(found, frames=frames, decoders=decoders)


def shown_names(study):
    return [name for name in study.tables.runs["run_id"] if name in study.frames]


def written(study, folder, drawings=()):
    path = folder / "report.html"
    path.write_text(render(study, {"name": "small"}, drawings), encoding="utf-8")
    return path


def opened(page, selector):
    """Return a model, unfolded, seen and drawn."""
    part = page.locator(selector)
    part.evaluate("(part) => { part.open = true; part.scrollIntoView(); }")
    page.wait_for_function(
        "(part) => part.querySelector('.explorer').explorer", arg=part.element_handle()
    )
    page.evaluate(DRAWN)
    return part


def code_of(part):
    texts = part.locator(".controls input").evaluate_all(
        "(inputs) => inputs.map((input) => input.getAttribute('aria-valuetext'))"
    )
    return [float(text.replace("−", "-")) for text in texts]


def screen(part):
    with Image.open(io.BytesIO(part.screenshot())) as image:
        return image.convert("L")
