"""What all figures share: their record, their colours and their style."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ..analysis import Study

# Okabe & Ito's palette, its yellow darker, then Tol's: distinct with any colour vision, in grey by
# the markers, and at least 3:1 apart from white paper and from a dark page, where black is the ink.
INK = "#000000"
COLOURS = {
    "vae": INK,
    "beta_vae": "#0072B2",
    "annealed_beta_vae": "#009E73",
    "capacity_vae": "#D55E00",
    "beta_tcvae": "#CC79A7",
    "factor_vae": "#1E96C8",
    "dip_vae_i": "#7E57C2",
    "dip_vae_ii": "#999933",
    "control_vae": "#C2185B",
    "info_vae": "#5C8A00",
    "own": "#8D6E63",
    "factor_channel": "#B07D00",
}
MARKERS = {
    "vae": "s",
    "beta_vae": "o",
    "annealed_beta_vae": "^",
    "capacity_vae": "D",
    "beta_tcvae": "v",
    "factor_vae": "X",
    "dip_vae_i": "<",
    "dip_vae_ii": ">",
    "control_vae": "*",
    "info_vae": "p",
    "own": "h",
    "factor_channel": "P",
}
GREY = "#767676"
# Of the lines of a grid.
FAINT = "#e4e4e4"
# Beyond this, a figure of one panel per group is too crowded to read.
MAX_PANELS = 12
# Inches, in points of 1/72: (left, bottom, width, height).
Part = tuple[float, float, float, float]

# Of type Any because the stubs list every key there is, version by version.
STYLE: Any = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
    # What a figure stands on shows through its axes.
    "axes.facecolor": "none",
    "savefig.facecolor": "white",
    # A dollar sign in a name begins no formula.
    "text.parse_math": False,
    # Text stays text, and ids are the same at every drawing.
    "svg.fonttype": "none",
    "svg.hashsalt": "disbench",
    # Letters stay letters in a PDF too, as TrueType, which journals ask for.
    "pdf.fonttype": 42,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Helvetica", "Arial", "sans-serif"],
}


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A figure that was drawn.

    Attributes
    ----------
    name : str
        File stem, unique in a study.
    title, alt : str
        What it is, and what is to be seen on it in words.
    figure : Figure
        The drawing.
    dataset : str
        Dataset it shows.
    run_id : str or None
        The run it shows, where it shows one.
    note : str
        What its data calls for beside it, in a line; often nothing.
    parts : sequence of tuple
        Where its panels and its legend are, in inches (left, bottom, width, height), in reading
        order: a page may put them below one another. Empty where it is one picture.
    """

    name: str
    title: str
    alt: str
    figure: Figure
    dataset: str
    run_id: str | None = None
    note: str = ""
    parts: Sequence[Part] = ()


@dataclass(frozen=True, kw_only=True)
class FigureInfo:
    """A kind of figure.

    Attributes
    ----------
    name : str
        Key in `FIGURES`.
    title, caption : str
        What it shows and how to read it, with units.
    draw : callable
        Yields what there is to draw of a study: nothing where it has nothing of the kind.
    paper : str
        The figure of Burgess et al. 2018 that it corresponds to, empty for our own.
    of_model : bool
        Whether each shows one model, its `Drawn.run_id`; else it compares models.
    """

    name: str
    title: str
    caption: str
    draw: Callable[[Study], Iterator[Drawn]]
    paper: str = ""
    of_model: bool = False


def styled() -> AbstractContextManager[None]:
    """Return the context in which axes take the suite's style."""
    return mpl.rc_context(STYLE)


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of so many inches, whose parts are placed by hand."""
    with mpl.rc_context(STYLE):
        return Figure(figsize=(width, height))


def show_images(axes: Axes, images: NDArray[np.uint8], gap: int = 2) -> None:
    """Show (n, C, H, W) images in a row, as one picture that is clear between them."""
    # "none" embeds the pixels as they are in an SVG, where "nearest" would embed enlarged ones.
    axes.imshow(strip(images, gap), interpolation="none", aspect="equal")
    bare(axes)


def strip(images: NDArray[np.uint8], gap: int) -> NDArray[np.uint8]:
    """Return (n, C, H, W) images in a row as (H, n W + gaps, 4) pixels, clear between them."""
    n, _, height, width = images.shape
    row = np.zeros((height, n * (width + gap) - gap, 4), np.uint8)
    for i, image in enumerate(images):
        place = slice(i * (width + gap), i * (width + gap) + width)
        row[:, place, :3] = image.transpose(1, 2, 0)
        row[:, place, 3] = 255
    return row


def bare(axes: Axes) -> None:
    """Remove ticks, grid and frame."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def without(names: Sequence[str]) -> str:
    """Return what a title adds about models that a figure has no panel for.

    Examples
    --------
    >>> without(["VAE", "β-VAE β=4"]), without([])
    (' (without VAE; β-VAE β=4)', '')
    """
    return f" (without {'; '.join(names)})" if names else ""


def wrapped(text: str, inches: float, size: float = 9) -> str:
    """Return a title of a size in points in lines that do not reach over a panel's width."""
    # A letter of DejaVu Sans is 0.6 of its size wide on average, here with a margin.
    return textwrap.fill(text, max(12, int(inches * 72 / (0.64 * size))))


def stem(*parts: str) -> str:
    """Return parts as a file stem of letters, digits and hyphens."""
    return "-".join(re.findall(r"[a-z0-9.]+", " ".join(parts).lower())).replace(".", "_")
