"""Polygons to pixels by OpenGL's rule, exactly, for many positions of one polygon at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Vertices are snapped to 1/256 pixel, the 8 subpixel bits of usual OpenGL implementations.
SUBPIXELS = 256
# A pixel is white if its centre is inside, and centres are half a pixel from the pixel's edge.
_CENTRE = SUBPIXELS // 2
WIDTH = HEIGHT = 64
# _FROM[c] has the bits of columns c .. 63; column 0 is the highest bit, as in numpy.packbits.
_FROM = np.array([(2**WIDTH - 1) >> c for c in range(WIDTH + 1)], np.uint64)


def fill_polygon(x: NDArray[np.int64], y: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Rasterise a simple polygon at every combination of some x and y positions.

    Parameters
    ----------
    x : ndarray of int64, shape (n_x, n_vertices)
        Vertex columns for each position along x, in 1/256 pixel, y axis pointing down.
    y : ndarray of int64, shape (n_y, n_vertices)
        Vertex rows for each position along y.

    Returns
    -------
    ndarray of uint64, shape (n_x, n_y, 64)
        One word per image row; the highest bit is column 0.

    Notes
    -----
    Pixel centres on a left edge are inside and on a right edge outside; on a lower edge inside and
    on an upper edge outside: OpenGL's top-left rule on a canvas that is stored upside down. A row's
    pixels are those right of an odd number of edges, so each crossing toggles all columns from it
    on, and a row is the exclusive or of its crossings.
    """
    column, row, position = _crossings(x, y)
    order = np.lexsort((row, position))
    group = position[order] * HEIGHT + row[order]
    words = np.zeros((x.shape[0], y.shape[0] * HEIGHT), np.uint64)
    if group.size:
        starts = np.flatnonzero(np.diff(group, prepend=-1))
        runs = np.bitwise_xor.reduceat(_FROM[column[order]], starts, axis=0)
        words[:, group[starts]] = runs.T
    return words.reshape(x.shape[0], y.shape[0], HEIGHT)


def fill_fan(x: NDArray[np.int64], y: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Rasterise a polygon as the fan of triangles about its first vertex; see `fill_polygon`.

    The triangles cover the polygon, and whatever lies in one that snapping has folded over: that
    one lies on another twice, or beyond the outline.
    """
    words = fill_polygon(x, y)
    dx, dy = x - x[:, :1], y - y[:, :1]
    # Twice the area of each triangle (n_x, n_y, n_vertices - 2), negative where it is folded.
    areas = dx[:, None, 1:-1] * dy[:, 2:] - dx[:, None, 2:] * dy[:, 1:-1]
    folded = areas * np.sign(areas.sum(axis=2, keepdims=True)) < 0
    for first in np.flatnonzero(folded.any(axis=(0, 1))):
        corners = np.array([0, first + 1, first + 2])
        triangle = fill_polygon(x[:, corners], y[:, corners])
        words |= np.where(folded[..., first, None], triangle, np.uint64(0))
    return words


def _crossings(
    x: NDArray[np.int64], y: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Find where edges cross rows of pixel centres.

    Gives, for each pair of an edge at a y position and a row that it crosses: the first column
    right of the edge (n_crossings, n_x), the row and the y position (n_crossings,).
    """
    y_next = np.roll(y, -1, axis=1)
    low, high = np.minimum(y, y_next), np.maximum(y, y_next)
    # Rows with low < centre <= high; the half-open side is the rule for lower and upper edges.
    first = (low - _CENTRE) // SUBPIXELS + 1
    last = (high - _CENTRE) // SUBPIXELS
    first, last = np.clip(first, 0, HEIGHT), np.clip(last, -1, HEIGHT - 1)
    counts = np.maximum(last - first + 1, 0)
    position, edge = np.nonzero(counts)
    repeats = counts[position, edge]
    position, edge = np.repeat(position, repeats), np.repeat(edge, repeats)
    row = (
        first[position, edge]
        + np.arange(repeats.sum())
        - np.repeat(np.cumsum(repeats) - repeats, repeats)
    )
    height = y_next[position, edge] - y[position, edge]
    above = row * SUBPIXELS + _CENTRE - y[position, edge]
    sign = np.sign(height)  # a positive denominator, so that floor division rounds one way
    xs = np.ascontiguousarray(x.T)
    width = np.roll(xs, -1, axis=0) - xs
    # The crossing is at x + width·above/height; the first centre at or right of it is the ceiling.
    numerator = (xs[edge] - _CENTRE) * (height * sign)[:, None]
    numerator += width[edge] * (above * sign)[:, None]
    column = -(-numerator // (SUBPIXELS * height * sign)[:, None])
    return np.clip(column, 0, WIDTH), row, position
