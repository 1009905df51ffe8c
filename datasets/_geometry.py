"""The geometry of dSprites: which polygon each combination of factors draws, in 1/256 pixel."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._raster import SUBPIXELS, WIDTH

SHAPES = ("square", "ellipse", "heart")
FACTOR_NAMES = ("shape", "scale", "orientation", "position_x", "position_y")
FACTOR_SIZES = (3, 6, 40, 32, 32)

# Each factor's values are evenly spaced, both ends included, as the official `latents_values` has.
SCALES = np.linspace(0.5, 1.0, 6)
ORIENTATIONS = np.linspace(0.0, 2 * np.pi, 40)
POSITIONS = np.linspace(0.0, 1.0, 32)

# Lengths are in canvases: a shape's radius is 0.15, and centres run over the middle half.
RADIUS = 0.15
ELLIPSE_ASPECT = 1.33
ELLIPSE_VERTICES = 100
HEART_VERTICES = 150


def outline(shape: str) -> tuple[NDArray[np.float32], NDArray[np.float32], tuple[float, float]]:
    """Return a shape's vertices (u, v) at scale 1 and orientation 0, and the place of its centre.

    A rectangle has its corner at the origin, and the heart's curve is not centred either: both are
    moved when they are drawn.
    """
    r = RADIUS
    if shape == "square":
        return _single([0, 0, 2 * r, 2 * r]), _single([0, 2 * r, 2 * r, 0]), (r, r)
    if shape == "ellipse":
        t = 2 * np.pi * np.arange(ELLIPSE_VERTICES) / ELLIPSE_VERTICES
        u, v = ELLIPSE_ASPECT * r * np.cos(t), r / ELLIPSE_ASPECT * np.sin(t)
        return _single(u), _single(v), (0, 0)
    t = 2 * np.pi * np.arange(HEART_VERTICES) / HEART_VERTICES
    # The well-known heart curve, shrunk by 14.5 and moved up so that it fits the same radius.
    curve = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return _single(r * np.sin(t) ** 3), _single(-r * (curve / 14.5)), (0, 0.15 * r)


def snapped_vertices(
    shape: int, scale: int, orientation: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the polygon at every position, snapped to 1/256 pixel.

    In the single precision of the original program, since a vertex between two subpixels goes
    where rounding takes it. LÖVE multiplies matrices: to the middle of the canvas, to the position,
    turned, scaled, to the shape's centre. OpenGL takes vertices to its clip space of [-1, 1], to a
    window whose rows count upwards, and to its subpixels, halves to even ones.

    Parameters
    ----------
    shape, scale, orientation : int
        Class indices.

    Returns
    -------
    x, y : ndarray of int64, shape (32, n_vertices)
        Columns for each position_x and rows for each position_y (y pointing down).
    """
    u, v, centre = outline(SHAPES[shape])
    turn, size = ORIENTATIONS[orientation], _single(SCALES[scale])
    # Functions of a float32 angle, rounded once: NumPy's own float32 ones may be off by a digit.
    cos = _single(np.cos(_double(_single(turn)))) * size
    sin = _single(np.sin(_double(_single(turn)))) * size
    x = _in_clip_space(cos, sin, u, v, centre)
    y = _in_clip_space(-sin, cos, u, v, centre)
    half = WIDTH / 2
    return _snap(half + half * x), WIDTH * SUBPIXELS - _snap(half - half * y)


def _in_clip_space(
    a: NDArray[np.float32],
    b: NDArray[np.float32],
    u: NDArray[np.float32],
    v: NDArray[np.float32],
    centre: tuple[float, float],
) -> NDArray[np.float64]:
    """Return one coordinate, a·u + b·v and the place, of vertices at all positions: (32, n)."""
    to_canvas_centre, to_position = _single(WIDTH / 2), _single(WIDTH / 2 * (POSITIONS - 0.5))
    hx, hy = _single(WIDTH * np.array(centre))
    places = (-(a * hx) - b * hy) + (to_canvas_centre + to_position)
    origins = _double(_single(_double(places) / (WIDTH / 2) - 1))
    # A row of the matrix times a vertex, rounded once: products of float32 are exact in float64.
    turned = 2 * (_double(a) * _double(u) + _double(b) * _double(v))
    return _double(_single(turned + origins[:, None]))


def _single(values: ArrayLike) -> NDArray[np.float32]:
    return np.asarray(values, np.float32)


def _double(values: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(values, np.float64)


def _snap(lengths: NDArray[np.float64]) -> NDArray[np.int64]:
    """Round pixels to float32 and to the nearest subpixel."""
    subpixels: NDArray[np.int64] = np.rint(_double(_single(lengths)) * SUBPIXELS).astype(np.int64)
    return subpixels
