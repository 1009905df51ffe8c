"""A model as a block of images: originals, reconstructions, a traversal and a map per latent.

Placed by the inch: rows of pictures must be equally far apart in all blocks of a figure.
"""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..frames import COLLAPSED, Frames
from ._base import bare, show_images

# A latent whose mean KL is below this says next to nothing about the image.
INACTIVE = 0.1
# Inches: left of the rows for their names, above them for the heading, below for the scales.
_NAMES, _HEAD, FOOT = 0.95, 0.42, 0.62
_TEXT = 7.5
_FAINT = "#767676"
# White is a mean of 0: a position without an image is no such thing.
_MAPS = mpl.colormaps["bwr"].with_extremes(bad="#a0a0a0")


def active(frames: Frames) -> int:
    """Return how many latents have a mean KL of at least `INACTIVE` nat."""
    return int((frames.kl >= INACTIVE).sum())


def state(frames: Frames) -> str:
    """Return the KL of a model and how many latents have a part of it, in words."""
    total = float(frames.kl.sum())
    if total <= COLLAPSED:
        return f"collapsed: KL {total:.2f} nats in all"
    return f"KL {total:.2f} nats, {active(frames)} of {len(frames.kl)} latents ≥ {INACTIVE} nat"


def block_height(frames: Frames, width: float) -> float:
    """Return the height in inches of a block of a width, heading and scales included."""
    return _HEAD + (len(frames.latents) + 2) * _pitch(frames, width) + _pause(frames, width) + FOOT


def draw_block(
    figure: Figure,
    frames: Frames,
    heading: tuple[str, str],
    left: float,
    width: float,
    *,
    legend: bool = True,
) -> None:
    """Draw a model into a part of a figure: one row per latent, high KL first.

    Parameters
    ----------
    figure : Figure
        Of at least `block_height`, without a layout of its own.
    frames : Frames
        What is drawn.
    heading : tuple of str
        Two lines above the rows, the first in bold.
    left, width : float
        The part, in inches; it hangs from the upper edge.
    legend : bool
        Whether the colours of the maps are explained below it.
    """
    unit, pitch, gap = _unit(frames, width), _pitch(frames, width), _gap(frames)
    side = pitch - gap * unit
    map_left = left + width - side
    total = figure.get_size_inches()[1]
    figure.text(
        *_at(figure, left + _NAMES, total - 0.14),
        heading[0],
        fontsize=9,
        weight="bold",
        va="center",
    )
    figure.text(*_at(figure, left + _NAMES, total - 0.29), heading[1], fontsize=8, va="center")
    rows = [
        (frames.originals, "originals", False),
        (frames.reconstructions, "reconstructed", False),
    ]
    for latent, kl, images in zip(frames.latents, frames.kl, frames.traversals, strict=True):
        rows.append((images, f"z{latent}  {kl:.2f} nats", bool(kl < INACTIVE)))
    for row, (images, name, faint) in enumerate(rows):
        top = _HEAD + row * pitch + (_pause(frames, width) if row >= 2 else 0)
        strip = (len(images) * (images.shape[-1] + gap) - gap) * unit
        show_images(_axes(figure, left + _NAMES, top, strip, side), images, gap)
        figure.text(
            *_at(figure, left + _NAMES - 0.06, total - top - side / 2),
            name,
            fontsize=_TEXT,
            ha="right",
            va="center",
            color=_FAINT if faint else "black",
        )
        if row >= 2 and frames.tuning_maps.size:
            axes = _axes(figure, map_left, top, side, side)
            # As in the paper's Fig. 2: blue −3, white 0, red +3.
            axes.imshow(
                frames.tuning_maps[row - 2], cmap=_MAPS, vmin=-3, vmax=3, interpolation="none"
            )
            bare(axes)
            # A map of zeros is white: without a frame it would look forgotten.
            for spine in axes.spines.values():
                spine.set(visible=True, linewidth=0.4, color="#9a9a9a")
    bottom = total - block_height(frames, width) + FOOT
    _value_scale(figure, frames, left + _NAMES, bottom, unit)
    if frames.tuning_maps.size:
        first = total - _HEAD - 2 * pitch - _pause(frames, width)
        figure.text(
            *_at(figure, map_left + side / 2, first + 0.05),
            "map",
            fontsize=7,
            ha="center",
            va="bottom",
        )
        if legend:
            _colour_scale(figure, left + width, bottom)


def _value_scale(figure: Figure, frames: Frames, left: float, bottom: float, unit: float) -> None:
    """Write below the traversals what the latent was set to."""
    pixels = frames.traversals.shape[-1]
    for place in sorted({0, len(frames.values) // 2, len(frames.values) - 1}):
        centre = left + (place * (pixels + _gap(frames)) + pixels / 2) * unit
        figure.text(
            *_at(figure, centre, bottom - 0.04),
            f"{frames.values[place]:g}".replace("-", "−"),
            fontsize=7,
            ha="center",
            va="top",
        )
    figure.text(
        *_at(figure, left - 0.06, bottom - 0.04), "latent set to", fontsize=7, ha="right", va="top"
    )


def _colour_scale(figure: Figure, right: float, bottom: float) -> None:
    """Draw the scale of the maps, its right end at `right`."""
    total = figure.get_size_inches()[1]
    axes = _axes(figure, right - 1.1, total - bottom + 0.28, 1.0, 0.08)
    axes.imshow(np.linspace(-3, 3, 61)[None], cmap=_MAPS, aspect="auto", extent=(-3, 3, 0, 1))
    axes.grid(visible=False)
    axes.set_yticks([])
    axes.set_xticks([-3, 0, 3], ["−3", "0", "3"])
    axes.tick_params(labelsize=7, length=2, pad=1)
    for spine in axes.spines.values():
        spine.set(linewidth=0.4, color="#9a9a9a")
    figure.text(
        *_at(figure, right - 1.18, bottom - 0.32),
        "map: mean of the latent by position",
        fontsize=7,
        ha="right",
        va="center",
    )


def _axes(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Return axes at a place in inches from the upper left corner."""
    across, up = figure.get_size_inches()
    x, y = _at(figure, left, up - top - height)
    return figure.add_axes((x, y, width / across, height / up))


def _at(figure: Figure, x: float, y: float) -> tuple[float, float]:
    """Return a place in inches from the lower left corner as a share of the figure."""
    across, up = figure.get_size_inches()
    return float(x / across), float(y / up)


def _gap(frames: Frames) -> int:
    return max(1, int(frames.originals.shape[-1]) // 24)


def _unit(frames: Frames, width: float) -> float:
    """Return the inches of a pixel for which the longest row and a map fill the width."""
    height, pixels = map(int, frames.originals.shape[-2:])
    columns = max(len(frames.originals), len(frames.values)) * (pixels + _gap(frames))
    maps = height + _gap(frames) if frames.tuning_maps.size else 0
    return (width - _NAMES) / (columns + maps)


def _pitch(frames: Frames, width: float) -> float:
    return _unit(frames, width) * (int(frames.originals.shape[-2]) + _gap(frames))


def _pause(frames: Frames, width: float) -> float:
    """Return the inches between the reconstructions and the traversals."""
    return 0.17 if frames.tuning_maps.size else _pitch(frames, width) * 0.2
