"""Check users' arrays, and bring them into the one form that a dataset has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

# A column of more different fractions than this, and than half of the images, is no factor.
_FEW_VALUES = 20
# A label above this is a number of something, no class index: a factor has not so many classes.
_MOST_CLASSES = 2**20


@dataclass(frozen=True)
class Form:
    """How a file's images become a dataset's: decided once for all, applied to any of them."""

    image_shape: tuple[int, int, int]
    channels_last: bool
    values: Literal["bytes", "black and white", "unit"]

    def __call__(self, raw: NDArray[Any]) -> NDArray[np.uint8]:
        """Return images as uint8 (n, c, h, w) in 0..255."""
        array = np.moveaxis(raw, 3, 1) if self.channels_last else raw
        if self.values == "black and white":
            array = np.where(array, np.uint8(255), np.uint8(0))
        if self.values == "unit":
            array = np.asarray(np.rint(array * 255), np.uint8)
        return np.ascontiguousarray(array.reshape(-1, *self.image_shape), np.uint8)


def check_images(shape: tuple[int, ...], dtype: np.dtype[Any], label: str) -> None:
    """Refuse what no images can be, before any is read."""
    channels_first(shape, label)
    if prod(shape) == 0:
        raise ValueError(f"{label}: no images, got an array of shape {shape}")
    if dtype not in (np.uint8, np.bool_) and dtype.kind != "f":
        raise ValueError(f"{label}: images must be uint8, bool, or float in [0, 1], got {dtype}")


def image_form(
    shape: tuple[int, ...], dtype: np.dtype[Any], extremes: Sequence[float], label: str
) -> Form:
    """Return the form of images whose lowest and highest value are known."""
    c, h, w = channels_first(shape, label)
    channels_last = len(shape) == 4 and shape[1:] != (c, h, w)
    low, high = extremes
    if dtype.kind == "f":
        if not (low >= 0 and high <= 1):  # True for NaN, too
            raise ValueError(f"{label}: images of floats must be in [0, 1], got {low} .. {high}")
        return Form((c, h, w), channels_last, "unit")
    # Binary sets are often stored as 0 and 1; white must be 255 all the same.
    binary = dtype == np.bool_ or high == 1
    return Form((c, h, w), channels_last, "black and white" if binary else "bytes")


def extremes_of(pieces: Iterable[NDArray[Any]]) -> list[float]:
    """Return the lowest and the highest value of all pieces of an array, NaN if there is one."""
    ends = np.array([(piece.min(), piece.max()) for piece in pieces if piece.size], np.float64)
    return [float(ends[:, 0].min()), float(ends[:, 1].max())]


def channels_first(shape: tuple[int, ...], label: str) -> tuple[int, int, int]:
    """Return (c, h, w) for an array of images of this shape; ValueError if it is none."""
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
    """Return images as uint8 (n, c, h, w) in 0..255."""
    array = _plain(images, f"{label}: images")
    check_images(array.shape, array.dtype, label)
    return image_form(array.shape, array.dtype, extremes_of([array]), label)(array)


def as_factors(
    factors: ArrayLike,
    label: str,
    sizes: Sequence[int] | None = None,
    n_bins: int | None = None,
) -> tuple[NDArray[np.int64], tuple[int, ...]]:
    """Return factors as class indices, int64 (n, n_factors), and the number of classes of each.

    Whole numbers from 0, of any type, are class indices and kept; columns with other numbers are
    numbered by their distinct values. With `n_bins`, columns of more values are cut at quantiles.
    """
    array = _plain(factors, f"{label}: factors")
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"{label}: factors must have shape (n, n_factors), got {array.shape}")
    columns = []
    for k, column in enumerate(array.T):
        named = f"{label}: factors: column {k}"
        # Columns of several types, as pandas hands them over, are objects together.
        plain = np.asarray(column.tolist()) if array.dtype == object else column
        _check_numbers(plain, named)
        columns.append(_classes(plain, named) if n_bins is None else _binned(plain, n_bins))
    table = np.stack(columns, axis=1)
    highest = table.max(axis=0)
    found = tuple(int(k) + 1 for k in highest)
    if sizes is None:
        sizes = found
    elif len(sizes) != len(found) or (highest >= np.asarray(sizes)).any():
        raise ValueError(
            f"{label}: factor_sizes {list(sizes)} do not hold factors that reach {highest.tolist()}"
        )
    if prod(int(size) for size in sizes) > np.iinfo(np.int64).max:
        raise ValueError(
            f"{label}: factors of {list(sizes)} classes have too many combinations; number the "
            "labels of each by numpy.unique(column, return_inverse=True)[1]"
        )
    return table, tuple(int(size) for size in sizes)


def _plain(values: ArrayLike, label: str) -> NDArray[Any]:
    if np.ma.is_masked(values):
        raise ValueError(
            f"{label} have masked entries, for which there is no value; leave them out"
        )
    try:
        return np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{label} are no array: {error}") from None


def _check_numbers(column: NDArray[Any], label: str) -> None:
    if column.dtype.kind not in "iufb":
        raise ValueError(
            f"{label} must be numbers, got {column.dtype}; number its labels by "
            "numpy.unique(column, return_inverse=True)[1]"
        )
    if column.dtype.kind == "f" and not np.isfinite(column).all():
        raise ValueError(f"{label} has values that are not finite numbers")


def _classes(column: NDArray[Any], label: str) -> NDArray[np.int64]:
    whole = column.dtype.kind != "f" or bool((column == np.floor(column)).all())
    if whole and float(column.min()) >= 0 and float(column.max()) < _MOST_CLASSES:
        return column.astype(np.int64)
    values, classes = np.unique(column, return_inverse=True)
    if not whole and len(values) > max(_FEW_VALUES, len(column) / 2):
        raise ValueError(
            f"{label} has {len(values)} different values in {len(column)} images, so it is "
            "continuous; cut it into classes with the option factor_bins (factor_bins=10), or, if "
            "its values are classes, number them by numpy.unique(column, return_inverse=True)[1]"
        )
    return classes.reshape(-1).astype(np.int64)


def _binned(column: NDArray[Any], n_bins: int) -> NDArray[np.int64]:
    """Return a column in `n_bins` classes of about equally many images, or its values' ranks.

    An image's class is the place of its mean rank, as `metrics.bin_factors` has it.
    """
    _, ranks, counts = np.unique(column, return_inverse=True, return_counts=True)
    if len(counts) > n_bins:
        middle = 2 * np.cumsum(counts) - counts  # twice the mean rank
        bins = (middle * n_bins // (2 * len(column)))[ranks]
        ranks = np.unique(bins, return_inverse=True)[1]  # ties may leave a bin empty
    return ranks.reshape(-1).astype(np.int64)
