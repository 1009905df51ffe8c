"""What all figures share: their record, their colours, and how they are saved."""

from __future__ import annotations

import io
import re
import textwrap
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, NullFormatter
from numpy.typing import NDArray

from ..store import replacing
from ._svg import compact

if TYPE_CHECKING:
    from ..analysis import Study

# Okabe & Ito's palette, then Tol's: distinct with any colour vision, and in grey by the markers.
COLOURS = {
    "vae": "#000000",
    "beta_vae": "#0072B2",
    "annealed_beta_vae": "#009E73",
    "capacity_vae": "#D55E00",
    "beta_tcvae": "#CC79A7",
    "factor_vae": "#56B4E9",
    "dip_vae_i": "#882255",
    "dip_vae_ii": "#999933",
    "factor_channel": "#E69F00",
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
    "factor_channel": "P",
}
GREY = "#767676"
# Beyond this, a figure of one panel per group is too crowded to read.
MAX_PANELS = 12
# Characters that XML forbids, though names may have them.
_CONTROL = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF], "\ufffd")

# Of type Any because the stubs list every key there is, version by version.
_STYLE: Any = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "savefig.facecolor": "white",
    # A dollar sign in a name begins no formula.
    "text.parse_math": False,
    # Text stays text, and ids are the same at every drawing.
    "svg.fonttype": "none",
    "svg.hashsalt": "disbench",
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
    """

    name: str
    title: str
    alt: str
    figure: Figure
    dataset: str
    run_id: str | None = None
    note: str = ""


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
    """

    name: str
    title: str
    caption: str
    draw: Callable[[Study], Iterator[Drawn]]
    paper: str = ""


def styled() -> AbstractContextManager[None]:
    """Return the context in which axes take the suite's style."""
    return mpl.rc_context(_STYLE)


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of so many inches, whose parts are placed by hand."""
    with mpl.rc_context(_STYLE):
        return Figure(figsize=(width, height))


def panels(n: int, columns: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """Return a figure with n panels of a size in inches, and no empty ones."""
    columns = min(columns, n)
    rows = -(-n // columns)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(columns * width, rows * height), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for unused in grid[n:]:
        unused.remove()
    return figure, list(grid[:n])


def svg_text(figure: Figure) -> str:
    """Return a figure as SVG, the same text at every drawing."""
    buffer = io.StringIO()
    _take_literally(figure)
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        # Text stays text: a glyph that is missing here may be there where it is read.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        # Without a date, the same bytes each time.
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(buffer, format="svg", metadata=nothing)
    return compact(buffer.getvalue().translate(_CONTROL))


def save_png(figure: Figure, path: Path, dpi: int = 300) -> None:
    """Write a figure as a PNG for a paper."""
    _take_literally(figure)
    with replacing(path) as staged, mpl.rc_context(_STYLE):
        figure.savefig(staged, format="png", dpi=dpi, metadata={"Software": None})


def _take_literally(figure: Figure) -> None:
    """Show every text as it is: a dollar sign in a file name begins no formula."""
    for text in figure.findobj(Text):
        text.set_parse_math(False)
    # Matplotlib writes the powers of ten of a logarithmic axis as formulas.
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if axis.get_scale() == "log":
                axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
                axis.set_minor_formatter(NullFormatter())


def show_images(axes: Axes, images: NDArray[np.uint8], gap: int = 2) -> None:
    """Show (n, C, H, W) images in a row, as one picture."""
    n, channels, height, width = images.shape
    strip = np.full((height, n * (width + gap) - gap, channels), 255, np.uint8)
    for i, image in enumerate(images):
        strip[:, i * (width + gap) : i * (width + gap) + width] = image.transpose(1, 2, 0)
    shown = np.repeat(strip, 3, 2) if channels == 1 else strip
    # "none" embeds the pixels as they are in an SVG, where "nearest" would embed enlarged ones.
    axes.imshow(shown, interpolation="none", aspect="equal")
    bare(axes)


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


def legend_columns(labels: Sequence[str], inches: float) -> int:
    """Return how many columns of a legend fit, at most four.

    Examples
    --------
    >>> legend_columns(["VAE", "β-VAE β=4"], 8.8), legend_columns(["long " * 12], 8.8)
    (4, 1)
    """
    # A letter of 8 points is 0.6 of that wide on average, here with a margin; then line and gaps.
    widest = max(map(len, labels), default=0) * 8 * 0.64 / 72 + 0.6
    return max(1, min(4, int(inches / widest)))


def wrapped(text: str, inches: float, size: float = 9) -> str:
    """Return a title of a size in points in lines that do not reach over a panel's width."""
    # A letter of DejaVu Sans is 0.6 of its size wide on average, here with a margin.
    return textwrap.fill(text, max(12, int(inches * 72 / (0.64 * size))))


def stem(*parts: str) -> str:
    """Return parts as a file stem of letters, digits and hyphens."""
    return "-".join(re.findall(r"[a-z0-9.]+", " ".join(parts).lower())).replace(".", "_")
