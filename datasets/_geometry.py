"""The geometry of dSprites: which polygon each combination of factors draws, in 1/256 pixel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ._raster import SUBPIXELS, WIDTH

SHAPES = ("square", "ellipse", "heart")
FACTOR_NAMES = ("shape", "scale", "orientation", "position_x", "position_y")
FACTOR_SIZES = (3, 6, 40, 32, 32)

# Each factor's values are evenly spaced, both ends included, as the official `latents_values` has.
SCALES = np.linspace(0.5, 1.0, 6)
ORIENTATIONS = np.linspace(0.0, 2 * np.pi, 40)
POSITIONS = np.linspace(0.0, 1.0, 32)

# The canvas has side 1: a shape's radius is 0.15 of it, and centres run over its middle half.
RADIUS = 0.15 * WIDTH
CENTRES = WIDTH / 4 + WIDTH / 2 * POSITIONS
ELLIPSE_ASPECT = 1.33
ELLIPSE_VERTICES = 100
HEART_VERTICES = 150


def outline(shape: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give a shape's vertices (u, v) at scale 1 and orientation 0, in pixels about its centre."""
    r = RADIUS
    if shape == "square":
        return np.array([-r, -r, r, r]), np.array([-r, r, r, -r])
    if shape == "ellipse":
        t = 2 * np.pi * np.arange(ELLIPSE_VERTICES) / ELLIPSE_VERTICES
        return ELLIPSE_ASPECT * r * np.cos(t), r / ELLIPSE_ASPECT * np.sin(t)
    t = 2 * np.pi * np.arange(HEART_VERTICES) / HEART_VERTICES
    # The well-known heart curve, shrunk by 14.5 and moved up so that it fits the same radius.
    curve = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return r * np.sin(t) ** 3, -r * (curve / 14.5 + 0.15)


def snapped_vertices(
    shape: int, scale: int, orientation: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the polygon at every position, snapped to 1/256 pixel.

    Parameters
    ----------
    shape, scale, orientation : int
        Class indices.

    Returns
    -------
    x, y : ndarray of int64, shape (32, n_vertices)
        Columns for each position_x and rows for each position_y (y pointing down).
    """
    u, v = outline(SHAPES[shape])
    cos, sin = np.cos(ORIENTATIONS[orientation]), np.sin(ORIENTATIONS[orientation])
    x = CENTRES[:, None] + SCALES[scale] * (u * cos + v * sin)
    y = CENTRES[:, None] + SCALES[scale] * (v * cos - u * sin)
    return _snap(x), _snap(y)


def _snap(lengths: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.rint(lengths * SUBPIXELS).astype(np.int64)
