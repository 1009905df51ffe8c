"""Resizing: Lanczos as Pillow does it, to the byte, whatever the version of Pillow."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

_LOBES = 3
# Pillow's weights are integers of so many bits behind the point, that sums of bytes fit 32 bits.
_PRECISION = 32 - 8 - 2


def resized(images: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return images of `side`×`side`, by the windowed sinc (Lanczos, three lobes).

    The window grows with the factor of reduction, so that nothing finer than a pixel is left. Rows
    are resized first, rounded to bytes, and then columns.

    Parameters
    ----------
    images : ndarray of uint8, shape (..., h, w)
    side : int
        New height and width.

    Returns
    -------
    ndarray of uint8, shape (..., side, side)

    Notes
    -----
    Equal to `PIL.Image.resize((side, side), LANCZOS)`, which disentanglement_lib (Locatello et al.
    2019) applies to Cars3D and SmallNORB under its older name ANTIALIAS.

    Examples
    --------
    >>> resized(np.full((1, 4, 4), 200, np.uint8), 2).tolist()
    [[[200, 200], [200, 200]]]
    """
    h, w = images.shape[-2:]
    if w != side:
        images = _along_last(images, _weights(w, side))
    if h != side:
        images = _along_last(images.swapaxes(-1, -2), _weights(h, side)).swapaxes(-1, -2)
    return np.ascontiguousarray(images)


def _along_last(images: NDArray[np.uint8], weights: NDArray[np.float64]) -> NDArray[np.uint8]:
    # Integers below 2**53, so exact in float64, whose products are the fast ones.
    sums = images.astype(np.float64) @ weights
    bytes_ = np.floor((sums + 2.0 ** (_PRECISION - 1)) / 2.0**_PRECISION)
    return np.clip(bytes_, 0, 255).astype(np.uint8)


@cache
def _weights(old: int, new: int) -> NDArray[np.float64]:
    """Return whole weights (old, new), in 2**-22: what each old pixel gives to each new one."""
    scale = old / new
    stretch = max(scale, 1.0)
    support = _LOBES * stretch
    weights = np.zeros((old, new))
    for k in range(new):
        centre = (k + 0.5) * scale
        low = max(int(centre - support + 0.5), 0)
        high = min(int(centre + support + 0.5), old)
        x = (np.arange(low, high) - centre + 0.5) / stretch
        window = np.where((x >= -_LOBES) & (x < _LOBES), np.sinc(x) * np.sinc(x / _LOBES), 0.0)
        column = window / window.sum() * 2.0**_PRECISION
        weights[low:high, k] = np.trunc(column + np.copysign(0.5, column))
    weights.setflags(write=False)
    return weights
