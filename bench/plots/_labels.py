"""Labels: how wide they are, and where they stand without lying on one another."""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import pairwise, product

import numpy as np
from matplotlib.axes import Axes
from matplotlib.font_manager import findfont, get_font
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from ._base import GREY

# Points of labels, and a line of them in inches.
SIZE = 8.0
LINE = SIZE * 1.25 / 72
# Letters of a line of a label, where it has several words.
_LETTERS = 20
# Inches between axes and labels, which a leader crosses.
_LEADER = 0.14
# Inches between the labels of two ticks.
_BETWEEN = 0.06
# Inches at which a label may be from its point, and in which directions.
_FAR = (0.07, 0.16, 0.28, 0.42, 0.6, 0.8, 1.05, 1.35, 1.7)
_WAYS = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))


@cache
def text_width(text: str, size: float = SIZE) -> float:
    """Return the inches of the longest line of a text."""
    font = get_font(findfont("DejaVu Sans"))
    font.set_size(size, 72)
    widths = []
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from (current )?font")
        for line in text.split("\n"):
            font.set_text(line, 0.0)
            widths.append(font.get_width_height()[0] / 64 / 72)
    return max(widths)


def wrapped_to(text: str, inches: float, size: float = SIZE) -> str:
    r"""Return a text in lines of at most so many inches, words whole.

    Examples
    --------
    >>> wrapped_to("a panel with a long name", 0.9).split("\n")
    ['a panel with a', 'long name']
    """
    for letters in range(len(text), 0, -1):
        lines = textwrap.fill(text, letters, break_long_words=False)
        if text_width(lines, size) <= inches:
            return lines
    return textwrap.fill(text, 1, break_long_words=False) if text else ""


def spread(
    wanted: Sequence[float], heights: Sequence[float], low: float, high: float
) -> list[float]:
    """Return the places nearest to those wanted at which labels do not lie on one another.

    Parameters
    ----------
    wanted : sequence of float
        Where the middle of each label should be.
    heights : sequence of float
        Of the labels, in the same unit.
    low, high : float
        Bounds of what all of them may cover, where they fit into it.

    Returns
    -------
    list of float
        Their middles, of least squared distance from `wanted`.

    Examples
    --------
    >>> spread([0.5, 0.5, 3.0], [1.0, 1.0, 1.0], 0.0, 5.0)
    [0.5, 1.5, 3.0]
    """
    if not len(wanted):
        return []
    order = np.argsort(wanted, kind="stable")
    high_of = np.asarray(heights, np.float64)[order]
    # Below the middle of each are those before it, and half of itself.
    below = np.cumsum(high_of) - high_of / 2
    free = isotonic_regression(np.asarray(wanted, np.float64)[order] - below).x
    free = np.clip(free, low, max(low, high - high_of.sum()))
    places = np.empty(len(order))
    places[order] = free + below
    return [float(place) for place in places]


def label(text: str) -> str:
    """Return a label in short lines, or in its own."""
    return text if "\n" in text else textwrap.fill(text, _LETTERS, break_long_words=False)


def label_room(texts: Iterable[str]) -> float:
    """Return the inches that labels take beside axes."""
    return max((text_width(label(text)) for text in texts), default=0.0) + _LEADER + 0.1


def labels_fit(texts: Iterable[str], inches: float) -> bool:
    """Return whether labels of all these fit beside axes of a height."""
    return sum((label(text).count("\n") + 1) * LINE for text in texts) <= inches + LINE


def label_ends(axes: Axes, ends: Sequence[tuple[str, float, float, str]]) -> None:
    """Write names beside the axes, each at the end of its curve or as near as there is room.

    Parameters
    ----------
    axes : Axes
        With the limits and scales that it will have.
    ends : sequence of (str, float, float, str)
        Name, last place and value of a curve, and the colour of the line that leads there.
    """
    # Limits that Matplotlib chooses are known once they are asked for.
    (bottom, top), _ = axes.get_ylim(), axes.get_xlim()
    texts = [label(name) for name, *_ in ends]
    box = axes.get_window_extent()
    values = [min(max(y, bottom), top) for _, _, y, _ in ends]
    wanted = [
        (axes.transData.transform((x, y))[1] - box.y0) / axes.figure.dpi
        for (_, x, _, _), y in zip(ends, values, strict=True)
    ]
    heights = [(text.count("\n") + 1) * LINE for text in texts]
    inches = box.height / axes.figure.dpi
    places = spread(wanted, heights, -LINE / 2, inches + LINE / 2)
    across = box.width / axes.figure.dpi
    for (_, x, _, colour), text, y, place in zip(ends, texts, values, places, strict=True):
        axes.annotate(
            text,
            (x, y),
            xytext=(1 + _LEADER / across, place / inches),
            textcoords="axes fraction",
            # To the left edge of the name: to its middle it would cross the names above.
            arrowprops={
                "arrowstyle": "-",
                "color": colour,
                "linewidth": 0.9,
                "shrinkB": 0,
                "relpos": (0, 0.5),
            },
            fontsize=SIZE,
            ha="left",
            va="center",
            annotation_clip=False,
        )


def label_steps(axes: Axes) -> None:
    """Label the axis of training steps, whose large numbers need room."""
    axes.set_xlabel("step")
    axes.xaxis.set_major_locator(MaxNLocator(5))


def label_values(axes: Axes, values: Sequence[float]) -> None:
    """Mark every value on the x axis, and label the first, the last and what fits between them.

    Parameters
    ----------
    axes : Axes
        With the limits and scale of x that it will have.
    values : sequence of float
        Ascending, where points lie.
    """
    texts = [f"{value:g}" for value in values]
    axes.set_xticks(values, texts)
    axes.minorticks_off()
    # Limits that Matplotlib chooses are known once they are asked for.
    _ = axes.get_xlim()
    size = axes.get_xticklabels()[0].get_fontsize()
    spots = axes.get_xaxis_transform().transform([(value, 0) for value in values])[:, 0]
    halves = [(text_width(text, size) + _BETWEEN) / 2 for text in texts]
    areas = [
        (spot / axes.figure.dpi - half, spot / axes.figure.dpi + half)
        for spot, half in zip(spots, halves, strict=True)
    ]
    kept, end = {0, len(values) - 1}, areas[0][1]
    # What ends first leaves most room for the others.
    for place in sorted(range(1, len(values) - 1), key=lambda place: areas[place][1]):
        low, high = areas[place]
        if end <= low and high <= areas[-1][0]:
            kept.add(place)
            end = high
    axes.set_xticks(values, [text if i in kept else "" for i, text in enumerate(texts)])


def label_points(
    axes: Axes,
    points: Sequence[tuple[str, float, float]],
    lines: Sequence[NDArray[np.float64]] = (),
) -> list[str]:
    """Write names beside points, where they cover neither points, nor lines, nor one another.

    Parameters
    ----------
    axes : Axes
        With the limits and scales that it will have.
    points : sequence of (str, float, float)
        A name and its place; without a name a place that no name may cover.
    lines : sequence of ndarray
        (n, 2) corners of lines.

    Returns
    -------
    list of str
        Names for which there is no room.
    """
    # Limits that Matplotlib chooses are known once they are asked for.
    _ = axes.get_xlim(), axes.get_ylim()
    box, dpi = axes.get_window_extent(), axes.figure.dpi
    anchors = [(x, y) for _, x, y in points]
    spots = (axes.transData.transform(anchors) - (box.x0, box.y0)) / dpi
    taken = [(x - 0.04, y - 0.04, x + 0.04, y + 0.04) for x, y in spots]
    for line in lines:
        corners = (axes.transData.transform(line) - (box.x0, box.y0)) / dpi
        for (x0, y0), (x1, y1) in pairwise(corners):
            n_steps = 2 + int(np.hypot(x1 - x0, y1 - y0) / 0.05)
            on_it = np.linspace((x0, y0), (x1, y1), n_steps)
            taken += [(x, y, x, y) for x, y in on_it]
    across, up, left_out = box.width / dpi, box.height / dpi, []
    for (name, *_), place, (x, y) in zip(points, anchors, spots, strict=True):
        if not name:
            continue
        text = label(name)
        size = text_width(text), (text.count("\n") + 1) * LINE
        for far, (right, above) in product(_FAR, _WAYS):
            middle = (
                x + right * (far + size[0] / 2),
                y + above * (far * (0.6 if right else 1) + size[1] / 2),
            )
            area = (
                middle[0] - size[0] / 2,
                middle[1] - size[1] / 2,
                middle[0] + size[0] / 2,
                middle[1] + size[1] / 2,
            )
            inside = area[0] > 0.03 and area[1] > 0 and area[2] < across and area[3] < up
            if inside and not any(_meet(area, other) for other in taken):
                break
        else:
            left_out.append(name)
            continue
        taken.append(area)
        leader = {"arrowstyle": "-", "color": GREY, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 2}
        axes.annotate(
            text,
            place,
            xytext=(middle[0] / across, middle[1] / up),
            textcoords="axes fraction",
            arrowprops=leader if far > _FAR[1] else None,
            fontsize=SIZE,
            ha="center",
            va="center",
        )
    return left_out


def _meet(a: Sequence[float], b: Sequence[float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
