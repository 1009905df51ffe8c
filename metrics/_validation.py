"""The one place where codes and factors are checked."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._shared import once

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# A factor of more values than this, and fewer samples a value, counts as continuous: estimates of
# information are mostly bias then, of twenty bins up to 19 / 2m nats at m samples a value.
MANY_VALUES, FEW_SAMPLES = 20, 10


class MetricWarning(UserWarning):
    """Something about the data that a reader of the score should know."""


def plain_array(values: ArrayLike, name: str) -> NDArray[Any]:
    """Return an array of whatever is given.

    Raises
    ------
    ValueError
        If values of it are masked, which would be read as any others, or rows differ in length.
    """
    parts = values if isinstance(values, list | tuple) else [values]
    masked = sum(
        np.count_nonzero(np.ma.getmaskarray(part))
        for part in parts
        if isinstance(part, np.ma.MaskedArray)
    )
    if masked:
        raise ValueError(f"{name} has {masked} masked values; leave those samples out")
    try:
        return np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name} is no array: {error}") from None


@once
def check_codes(values: ArrayLike, name: str = "means") -> Floats:
    """Return (n_samples, n_latents) finite floats.

    Raises
    ------
    ValueError
        If the array has another shape, no sample, or a NaN or infinity. Names the argument.
    """
    array = plain_array(values, name)
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(f"{name} must have shape (n_samples, n_latents), not {array.shape}")
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{name} must be numbers, not {array.dtype}")
    # One latent after the other in memory, as nearly all that follows goes along the samples.
    array = array.astype(np.float64, order="F")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} has NaN or infinite values")
    return array


def check_logvars(logvars: ArrayLike, means: Floats) -> Floats:
    """Return log-variances of the shape of the means."""
    array = check_codes(logvars, "logvars")
    if array.shape != means.shape:
        raise ValueError(f"logvars has shape {array.shape}, means has {means.shape}")
    return array


@once
def check_factors(values: ArrayLike, n_samples: int, name: str = "factors") -> Ints:
    """Return (n_samples, n_factors) labels, each column relabelled to 0 .. n_values - 1.

    Labels are integers of any sign, booleans, or floats that are whole numbers; an array of one
    dimension is one column.

    Raises
    ------
    ValueError
        If the shape is another, or a column holds no labels: the message says how to make some.
    """
    columns = factor_columns(values, name)
    if len(columns[0]) != n_samples:
        raise ValueError(f"{name} has {len(columns[0])} rows for {n_samples} rows of means")
    relabelled = np.empty((n_samples, len(columns)), np.int64, order="F")
    for k, column in enumerate(columns):
        if column.dtype.kind == "f" and (column != np.rint(column)).any():
            raise ValueError(f"{name} must be integers: column {k} {_not_whole(column)}")
        relabelled[:, k] = relabel(column)
    return relabelled


def factor_columns(values: ArrayLike, name: str) -> list[NDArray[Any]]:
    """Return the columns of factors, each of finite numbers.

    Raises
    ------
    ValueError
        If the array has another shape, or a column is text, or has a NaN or infinity.
    """
    array = plain_array(values, name)
    table = array[:, None] if array.ndim == 1 else array
    if table.ndim != 2 or 0 in table.shape:
        raise ValueError(f"{name} must have shape (n_samples, n_factors), not {array.shape}")
    columns = list(table.T)
    if table.dtype == object:
        # A table of columns of several types, as pandas hands it over.
        columns = [np.asarray(column.tolist()) for column in columns]
    for k, column in enumerate(columns):
        if column.dtype.kind in "UST":
            raise ValueError(
                f"{name} must be integers: column {k} is text; number its values by "
                "numpy.unique(column, return_inverse=True)[1]"
            )
        if column.dtype.kind not in "fiub":
            raise ValueError(f"{name} must be integers: column {k} has type {column.dtype}")
        if column.dtype.kind == "f" and not np.isfinite(column).all():
            raise ValueError(f"{name} has NaN or infinite values in column {k}")
    return columns


def _continuous(n_values: int, n_samples: int) -> bool:
    """Return whether a factor has too many values for its samples."""
    return n_values > MANY_VALUES and n_samples < FEW_SAMPLES * n_values


def _not_whole(column: NDArray[Any]) -> str:
    """Return what a column without labels is, and how to make labels of it."""
    distinct = np.unique(column)
    if _continuous(len(distinct), len(column)):
        return (
            f"is continuous, {len(distinct)} different values in {len(column)} samples; "
            "cut it into bins with factor_bins=20, or with bin_factors"
        )
    return (
        f"has values such as {distinct[distinct != np.rint(distinct)][0]:g}; number its "
        f"{len(distinct)} values by numpy.unique(column, return_inverse=True)[1]"
    )


def relabel(column: NDArray[Any]) -> Ints:
    """Return ranks of the values of a column among those present."""
    if column.dtype.kind == "f":
        whole = np.abs(column).max() < 2**62 and (column == np.rint(column)).all()
        if not whole:
            return np.unique(column, return_inverse=True)[1].astype(np.int64)
        column = column.astype(np.int64)
    low, high = int(column.min()), int(column.max())
    # Counting is ten times as fast as sorting where labels are dense, which they nearly always are.
    if high - low > 4 * len(column) + 1_000:
        return np.unique(column, return_inverse=True)[1].astype(np.int64)
    shifted = column.astype(np.int64) - low if high < 2**62 else (column - low).astype(np.int64)
    present = np.bincount(shifted) > 0
    return shifted if present.all() else (np.cumsum(present) - 1)[shifted]


def check_data(means: ArrayLike, factors: ArrayLike) -> tuple[Floats, Ints]:
    """Return checked codes and factors of the same samples."""
    codes = check_codes(means)
    return codes, check_factors(factors, len(codes))


def varying_factors(values: Ints, exclude: Sequence[int] = (), least: int = 1) -> Ints:
    """Return the positions of the factors that vary, of factors as `check_factors` returns them.

    Parameters
    ----------
    values : ndarray
        (n_samples, n_factors) labels.
    exclude : sequence of int
        Columns that are left out.
    least : {1, 2}
        How many must be left.

    Raises
    ------
    ValueError
        If fewer such factors vary, or there is no such column to leave out.

    Warns
    -----
    MetricWarning
        If some do not: they are left out of the score.
    """
    n_factors = values.shape[1]
    for column in exclude:
        if not 0 <= column < n_factors:
            raise ValueError(f"exclude has {column}, factors has columns 0 to {n_factors - 1}")
    kept: Ints = np.setdiff1d(np.arange(n_factors), exclude)
    if not len(kept):
        raise ValueError("exclude leaves no factor")
    varies = values[:, kept].max(0) > 0
    if not varies.any():
        raise ValueError("factors has no factor that varies")
    if not varies.all():
        constant = ", ".join(map(str, kept[~varies]))
        message = f"factors is constant in column {constant}, which the score leaves out"
        warnings.warn(message, MetricWarning, stacklevel=3)
    if varies.sum() < least:
        raise ValueError("factors needs two factors that vary, to tell one from another")
    varying: Ints = kept[varies]
    return varying


@once
def columns_of(values: Ints, columns: Ints) -> Ints:
    """Return some columns of factors."""
    chosen: Ints = values[:, columns]
    return chosen


def warn_of_few_samples(values: Ints, columns: Iterable[int]) -> None:
    """Warn of factors with so few samples a value that an estimate over them is mostly bias.

    Parameters
    ----------
    values : ndarray
        (n_samples, n_factors) labels, as `check_factors` returns them.
    columns : iterable of int
        Those that are scored.
    """
    n_values = values.max(0) + 1
    few = [k for k in columns if _continuous(int(n_values[k]), len(values))]
    if few:
        listed = ", ".join(f"{n_values[k]} values in column {k}" for k in few)
        message = (
            f"factors has {listed}, of {len(values)} samples: below {FEW_SAMPLES} a value "
            "a score is mostly bias; factor_bins=20 cuts continuous factors into bins"
        )
        warnings.warn(message, MetricWarning, stacklevel=3)


def check_samples(n_samples: int, least: int, why: str) -> None:
    """Refuse fewer samples than a metric's protocol needs."""
    if n_samples < least:
        raise ValueError(f"means has {n_samples} samples; {why} needs at least {least}")


def check_threshold(value: float, name: str) -> None:
    """Refuse a threshold below 0, or one that nothing can be compared with."""
    if not 0 <= value < np.inf:
        raise ValueError(f"{name} must be a number of 0 or more, not {value}")


def generator(random_state: int | np.random.Generator) -> np.random.Generator:
    """Return a generator; global random state is never touched."""
    return np.random.default_rng(random_state)
