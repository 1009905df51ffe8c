"""Draw a model as a block of images: originals, reconstructions, traversals and maps of latents.

Everything is placed in inches, so that rows are equally far apart in all blocks of a figure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from ..analysis.information import CARRIED, above_chance, carriers, factor_names, shares
from ..store import ACTIVE_KL, CODE_KL, Frames
from ..tables import minus
from ._base import GREY, INK, bare, strip

# Nats below which the cell of a latent and a factor stays empty.
LEAST = 0.005
# Inches: left of the rows for names, above them for the heading, below for scales; between kinds.
_NAMES, _HEAD, _FOOT, _PAUSE = 0.82, 0.42, 0.62, 0.17
# Right of rows and maps: KL and σ of the latent; then a cell for every factor.
_BESIDE, CELL = 0.74, 0.34
_TEXT, _SMALL = 7.5, 7
# Of the position maps, from −3 over 0 to 3: straight lines in CIELAB, so that equal steps of a
# latent look equally far apart, and no border is seen where there is none.
MAP_COLOURS = (
    "#0058b3",
    "#5c7cc3",
    "#93a2d4",
    "#c4cae4",
    "#f3f3f3",
    "#e6c3bd",
    "#d4938a",
    "#be6359",
    "#a42f2c",
)
# A position without an image is no mean of 0.
_NOWHERE = "#8a8a8a"
_MAPS = LinearSegmentedColormap.from_list("maps", MAP_COLOURS).with_extremes(bad=_NOWHERE)
# What is known of a factor, from nothing, which is no colour, to all of it.
KNOWN = "#1667b8"
# Above this share a cell is so dark that its number is white.
_DARK = 0.78


def active(frames: Frames) -> int:
    """Return how many latents have a mean KL of at least `ACTIVE_KL` nat."""
    return int((frames.kl >= ACTIVE_KL).sum())


def state(frames: Frames) -> str:
    """Return the KL of a model and how many latents have a part of it, in words."""
    total = float(frames.kl.sum())
    if total <= CODE_KL:
        return f"collapsed: KL {total:.2f} nats in all"
    return f"KL {total:.2f} nats, {active(frames)} of {len(frames.kl)} latents ≥ {ACTIVE_KL} nat"


def kl_and_sigma(kl: float, sigma: float) -> str:
    """Return KL and mean posterior σ of a latent as the paper's Fig. 2 prints them.

    Examples
    --------
    >>> kl_and_sigma(0.9201, 0.4299), kl_and_sigma(0.9201, float("nan"))
    ('0.92 σ 0.43', '0.92')
    """
    return f"{kl:.2f}" if math.isnan(sigma) else f"{kl:.2f} σ {sigma:.2f}"


def shade(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the colour of shares in [0, 1], the clearer the less, whatever is below them."""
    colours = np.empty((*shares.shape, 4))
    colours[..., :3] = to_rgb(KNOWN)
    colours[..., 3] = np.clip(shares, 0, 1)
    return colours


def draw_information(
    axes: Axes, frames: Frames, information: NDArray[np.float64], size: float = 6.5
) -> None:
    """Show what latents (down) know of factors (across): nats, coloured by share of the entropy."""
    known = shares(frames, information)
    axes.imshow(shade(known), aspect="auto", interpolation="none")
    for (latent, factor), share in np.ndenumerate(known):
        nats = information[latent, factor]
        if nats >= LEAST:
            colour = "white" if share > _DARK else INK
            axes.text(
                factor, latent, f"{nats:.2f}", color=colour, fontsize=size, ha="center", va="center"
            )
    axes.grid(visible=False)


@dataclass(frozen=True)
class Block:
    """A model as a part of a figure: one row per latent, high KL first.

    Attributes
    ----------
    frames : Frames
        What is drawn.
    sigmas : sequence of float
        (D,) mean posterior σ of `frames.latents`, NaN where it is not known.
    width : float
        Inches.
    with_factors : bool
        Whether a cell for each factor, of what the latent knows of it, stands beside each row.
    most : int or None
        Rows of latents, at most: those of largest KL. None: all.
    """

    frames: Frames
    sigmas: Sequence[float]
    width: float
    with_factors: bool = False
    most: int | None = None

    @property
    def height(self) -> float:
        """Inches, heading and scales included."""
        return _HEAD + (self._rows + 2) * self._pitch + _PAUSE + _FOOT

    @property
    def _rows(self) -> int:
        every = len(self.frames.latents)
        return every if self.most is None else min(every, self.most)

    def draw(
        self,
        figure: Figure,
        heading: tuple[str, str],
        left: float = 0,
        top: float = 0,
        *,
        legend: bool = True,
    ) -> None:
        """Draw it into a figure without a layout of its own.

        Parameters
        ----------
        figure : Figure
            Of at least the block's size from its place on.
        heading : tuple of str
            Two lines above the rows, the first in bold.
        left, top : float
            Its place, in inches from the figure's upper left corner.
        legend : bool
            Whether the colours of the maps are explained below it.
        """
        frames, side = self.frames, self._pitch - self._gap * self._unit
        first = top + _HEAD + 2 * self._pitch + _PAUSE
        rows_left, right = left + _NAMES, left + self.width - self._cells
        bottom = top + self.height - _FOOT
        # All pictures in one pair of axes, in inches: a pair for each would take ten times as long.
        canvas = _axes(figure, left, top, self.width, self.height)
        canvas.set_xlim(left, left + self.width)
        canvas.set_ylim(top + self.height, top)
        canvas.set_axis_off()
        _write(figure, rows_left, top + 0.14, heading[0], fontsize=9, weight="bold")
        _write(figure, rows_left, top + 0.29, heading[1], fontsize=8)
        for row, (images, name) in enumerate(
            ((frames.originals, "originals"), (frames.reconstructions, "reconstructed"))
        ):
            self._row(figure, canvas, images, name, left, top + _HEAD + row * self._pitch)
        for row in range(self._rows):
            latent, kl, images = frames.latents[row], frames.kl[row], frames.traversals[row]
            place, colour = first + row * self._pitch, GREY if kl < ACTIVE_KL else INK
            self._row(figure, canvas, images, f"z{latent}", left, place, colour)
            _write(
                figure,
                right - _BESIDE / 2,
                place + side / 2,
                kl_and_sigma(float(kl), float(self.sigmas[row])),
                fontsize=_SMALL,
                ha="center",
                color=colour,
            )
            if frames.tuning_maps.size:
                self._map(canvas, row, right - _BESIDE - side, place, side)
        above: dict[str, Any] = {"fontsize": _SMALL, "ha": "center", "va": "bottom"}
        known = not all(math.isnan(sigma) for sigma in self.sigmas)
        heading_of = "KL (nats), σ" if known else "KL (nats)"
        _write(figure, right - _BESIDE / 2, first - 0.05, heading_of, **above)
        self._value_scale(figure, rows_left, bottom)
        if self._cells:
            self._factors(figure, right, first, bottom)
        if frames.tuning_maps.size:
            _write(figure, right - _BESIDE - side / 2, first - 0.05, "map", **above)
            if legend:
                _colour_scale(figure, right, bottom)

    @property
    def _cells(self) -> float:
        """Inches of the cells of factors."""
        return len(self.frames.factors) * CELL * self.with_factors

    @property
    def _gap(self) -> int:
        return max(1, int(self.frames.originals.shape[-1]) // 24)

    @property
    def _unit(self) -> float:
        """Inches of a pixel for which the longest row and a map fill what is left of the width."""
        frames = self.frames
        height, pixels = map(int, frames.originals.shape[-2:])
        columns = max(len(frames.originals), len(frames.values)) * (pixels + self._gap)
        maps = height + self._gap if frames.tuning_maps.size else 0
        return (self.width - _NAMES - _BESIDE - self._cells) / (columns + maps)

    @property
    def _pitch(self) -> float:
        return self._unit * (int(self.frames.originals.shape[-2]) + self._gap)

    def _row(
        self,
        figure: Figure,
        canvas: Axes,
        images: NDArray[np.uint8],
        name: str,
        left: float,
        top: float,
        colour: str = INK,
    ) -> None:
        side = self._pitch - self._gap * self._unit
        pixels = strip(images, self._gap)
        _picture(canvas, pixels, left + _NAMES, top, pixels.shape[1] * self._unit, side)
        place = left + _NAMES - 0.06
        _write(figure, place, top + side / 2, name, fontsize=_TEXT, ha="right", color=colour)

    def _map(self, canvas: Axes, row: int, left: float, top: float, side: float) -> None:
        # As in the paper's Fig. 2: blue −3, light 0, red +3.
        style: dict[str, Any] = {"cmap": _MAPS, "vmin": -3, "vmax": 3}
        _picture(canvas, self.frames.tuning_maps[row], left, top, side, side, **style)
        # A map of zeros is nearly white: without a frame it would look forgotten.
        frame = Rectangle((left, top), side, side, fill=False, linewidth=0.4, edgecolor="#9a9a9a")
        canvas.add_patch(frame)

    def _value_scale(self, figure: Figure, left: float, bottom: float) -> None:
        """Write below the traversals what the latent was set to."""
        pixels, values = self.frames.traversals.shape[-1], self.frames.values
        below: dict[str, Any] = {"fontsize": _SMALL, "va": "top"}
        for place in sorted({0, len(values) // 2, len(values) - 1}):
            centre = left + (place * (pixels + self._gap) + pixels / 2) * self._unit
            text = minus(f"{values[place]:g}")
            _write(figure, centre, bottom + 0.04, text, ha="center", **below)
        _write(figure, left - 0.06, bottom + 0.04, "latent set to", ha="right", **below)

    def _factors(self, figure: Figure, left: float, top: float, bottom: float) -> None:
        """Draw a cell for every factor beside every row, and below how many latents carry it."""
        space = self._gap * self._unit / 2
        axes = _axes(figure, left, top - space, self._cells, bottom - top)
        draw_information(axes, self.frames, above_chance(self.frames), size=6)
        bare(axes)
        for k, (name, count) in enumerate(
            zip(factor_names(self.frames), carriers(self.frames), strict=True)
        ):
            centre = left + (k + 0.5) * CELL
            above: dict[str, Any] = {"rotation": 90, "va": "bottom", "ha": "center"}
            _write(figure, centre, top - 0.06, name, fontsize=_SMALL, **above)
            _write(
                figure, centre, bottom + 0.04, str(count), fontsize=_SMALL, va="top", ha="center"
            )
        text = f"latents ≥ {CARRIED}"
        _write(figure, left - 0.04, bottom + 0.04, text, fontsize=6.5, va="top", ha="right")


def _colour_scale(figure: Figure, right: float, bottom: float) -> None:
    """Draw the scale of the maps, its right end at `right`."""
    axes = _axes(figure, right - 1.1, bottom + 0.28, 1.0, 0.08)
    axes.imshow(np.linspace(-3, 3, 61)[None], cmap=_MAPS, aspect="auto", extent=(-3, 3, 0, 1))
    axes.grid(visible=False)
    axes.set_yticks([])
    axes.set_xticks([-3, 0, 3], ["−3", "0", "3"])
    axes.tick_params(labelsize=_SMALL, length=2, pad=1)
    for spine in axes.spines.values():
        spine.set(linewidth=0.4, color="#9a9a9a")
    text = "map: mean of the latent by position"
    _write(figure, right - 1.18, bottom + 0.32, text, fontsize=_SMALL, ha="right")


def _picture(
    canvas: Axes,
    pixels: NDArray[Any],
    left: float,
    top: float,
    width: float,
    height: float,
    **style: Any,
) -> None:
    """Show pixels at a place in inches from the upper left corner."""
    extent = (left, left + width, top + height, top)
    canvas.imshow(pixels, extent=extent, aspect="auto", interpolation="none", **style)


def _write(figure: Figure, x: float, y: float, text: str, **style: Any) -> None:
    """Write a text at a place in inches from the upper left corner."""
    across, up = figure.get_size_inches()
    place = float(x / across), float((up - y) / up)
    figure.text(*place, text, **{"va": "center", **style})


def _axes(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Return axes at a place in inches from the upper left corner."""
    across, up = figure.get_size_inches()
    return figure.add_axes((left / across, (up - top - height) / up, width / across, height / up))
