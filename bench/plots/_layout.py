"""Figures of panels whose axes have a size in inches, whatever stands beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ._base import INK, STYLE, Part
from ._labels import LINE, SIZE, text_width, wrapped_to

# What a legend lists: a handle with a name, or a heading.
Entry = tuple[Line2D | Patch | None, str]


@dataclass(frozen=True)
class Sheet:
    """A figure, its axes, and where each of its panels and the legend is, in inches."""

    figure: Figure
    axes: list[Axes]
    parts: list[Part]


def sheet(
    titles: Sequence[str],
    columns: int,
    size: tuple[float, float] = (2.55, 1.8),
    *,
    left: float = 0.62,
    right: float = 0.15,
    bottom: float = 0.45,
    below: float = 0.0,
    legend: Sequence[Entry] = (),
) -> Sheet:
    """Return a figure of a panel for each title, which may be empty, and a legend beside them.

    Parameters
    ----------
    titles : sequence of str
        Of the panels, in reading order; long ones are wrapped.
    columns : int
        Panels in a row, at most.
    size : tuple of float
        Inches of all axes, across and up.
    left, right, bottom : float
        Inches around axes for what is written there.
    below : float
        Inches below all panels that are left to the caller.
    legend : sequence of (handle, str)
        One entry a line; without a handle it is a heading.

    Examples
    --------
    >>> [sheet(["one", "two"], 2, legend=[(None, "x")] * n).parts[0][2:] for n in (2, 40)]
    [(3.32, 2.50625), (3.32, 2.50625)]
    """
    columns = min(columns, len(titles))
    rows = -(-len(titles) // columns)
    width = left + size[0] + right
    texts = [wrapped_to(title, width - left, 9) for title in titles]
    head = 0.1 + max(text.count("\n") + 1 if text else 0 for text in texts) * 9 * 1.25 / 72
    height = head + size[1] + bottom
    beside = _legend_size(legend)
    across, up = columns * width + beside[0], max(rows * height, beside[1]) + below
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(across, up))
        axes, parts = [], []
        for place, text in enumerate(texts):
            row, column = divmod(place, columns)
            x, y = column * width, up - (row + 1) * height
            box = ((x + left) / across, (y + bottom) / up, size[0] / across, size[1] / up)
            axes.append(figure.add_axes(box))
            # From the left edge on: there is room to the right of narrow axes.
            axes[-1].set_title(text, x=0, ha="left")
            parts.append((x, y, width, height))
        if legend:
            parts.append((across - beside[0], up - beside[1], *beside))
            _draw_legend(figure, parts[-1], legend)
    return Sheet(figure, axes, parts)


def _legend_size(legend: Sequence[Entry]) -> tuple[float, float]:
    """Return the inches of a legend, none without entries."""
    if not legend:
        return 0.0, 0.0
    widths = [text_width(text) + (0.45 if handle else 0.0) for handle, text in legend]
    return max(widths) + 0.25, len(legend) * LINE * 1.15 + 0.25


def _draw_legend(figure: Figure, part: Part, legend: Sequence[Entry]) -> None:
    """Draw a legend line by line, headings in bold, into axes of its own."""
    left, bottom, width, height = part
    across, up = figure.get_size_inches()
    axes = figure.add_axes((left / across, bottom / up, width / across, height / up))
    axes.set_axis_off()
    axes.set_xlim(0, width)
    axes.set_ylim(0, height)
    for place, (handle, text) in enumerate(legend):
        y = height - 0.15 - (place + 0.5) * LINE * 1.15
        x = 0.1
        if isinstance(handle, Line2D):
            middle = (0.1, 0.27, 0.44)
            handle.set_data(middle, [y] * 3)
            handle.set_markevery([1])
            axes.add_line(handle)
        elif handle is not None:
            axes.barh(
                y,
                0.34,
                LINE * 0.7,
                left=0.1,
                color=handle.get_facecolor(),
                hatch=handle.get_hatch(),
            )
        if handle is not None:
            x = 0.5
        weight = "normal" if handle is not None else "bold"
        axes.text(x, y, text, fontsize=SIZE, va="center", color=INK, weight=weight)
