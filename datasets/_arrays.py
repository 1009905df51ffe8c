"""Check users' arrays, and bring them into the one form that a data set has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def channels_first(shape: tuple[int, ...], label: str) -> tuple[int, int, int]:
    """Give (c, h, w) for an array of images of this shape; ValueError if it is none."""
    if len(shape) == 3:
        return 1, shape[1], shape[2]
    if len(shape) == 4 and shape[1] in (1, 3):
        return shape[1], shape[2], shape[3]
    if len(shape) == 4 and shape[3] in (1, 3):
        return shape[3], shape[1], shape[2]
    raise ValueError(
        f"{label}: images must have shape (n, h, w), (n, c, h, w) or (n, h, w, c) with c = 1 or 3, "
        f"got {shape}"
    )


def as_images(images: ArrayLike, label: str) -> NDArray[np.uint8]:
    """Give images as uint8 (n, c, h, w) in 0..255."""
    array = np.asarray(images)
    c, h, w = channels_first(array.shape, label)
    if array.size == 0:
        raise ValueError(f"{label}: no images, got an array of shape {array.shape}")
    if array.ndim == 4 and array.shape[1:] != (c, h, w):
        array = np.moveaxis(array, 3, 1)
    return np.ascontiguousarray(_as_bytes(array, label).reshape(-1, c, h, w))


def _as_bytes(array: NDArray[Any], label: str) -> NDArray[np.uint8]:
    if array.dtype == np.bool_:
        return np.where(array, np.uint8(255), np.uint8(0))
    if array.dtype == np.uint8:
        # Binary sets are often stored as 0 and 1; white must be 255 all the same.
        return np.where(array, np.uint8(255), np.uint8(0)) if array.max() == 1 else array
    if array.dtype.kind == "f":
        low, high = array.min(), array.max()
        if low >= 0 and high <= 1:  # False for NaN, too
            return np.asarray(np.rint(array * 255), np.uint8)
        raise ValueError(f"{label}: images of floats must be in [0, 1], got {low} .. {high}")
    raise ValueError(f"{label}: images must be uint8, bool, or float in [0, 1], got {array.dtype}")


def as_factors(
    factors: ArrayLike, label: str, sizes: Sequence[int] | None = None
) -> tuple[NDArray[np.int64], tuple[int, ...]]:
    """Give factors as class indices, int64 (n, n_factors), and the number of classes of each."""
    array = np.asarray(factors)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"{label}: factors must have shape (n, n_factors), got {array.shape}")
    if array.dtype.kind not in "iuf":
        raise ValueError(f"{label}: factors must be integers or floats, got {array.dtype}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{label}: factors must be finite numbers")
    table = np.stack([_classes(column) for column in array.T], axis=1)
    highest = table.max(axis=0)
    if sizes is None:
        return table, tuple(int(k) + 1 for k in highest)
    if len(sizes) != table.shape[1] or (highest >= np.asarray(sizes)).any():
        raise ValueError(
            f"{label}: factor_sizes {list(sizes)} do not hold factors that reach {highest.tolist()}"
        )
    return table, tuple(int(size) for size in sizes)


def _classes(column: NDArray[Any]) -> NDArray[np.int64]:
    if column.dtype.kind == "u" or (column.dtype.kind == "i" and column.min() >= 0):
        return np.asarray(column, np.int64)
    return np.asarray(np.unique(column, return_inverse=True)[1].reshape(-1), np.int64)
