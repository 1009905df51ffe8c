"""The one place where codes and factors are checked."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class MetricWarning(UserWarning):
    """Something about the data that a reader of the score should know."""


def check_codes(values: ArrayLike, name: str = "means") -> Floats:
    """Return (n_samples, n_latents) finite floats.

    Raises
    ------
    ValueError
        If the array has another shape, no sample, or a NaN or infinity. Names the argument.
    """
    array = np.asarray(values)
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(f"{name} must have shape (n_samples, n_latents), not {array.shape}")
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{name} must be numbers, not {array.dtype}")
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} has NaN or infinite values")
    return array


def check_logvars(logvars: ArrayLike, means: Floats) -> Floats:
    """Return log-variances of the shape of the means."""
    array = check_codes(logvars, "logvars")
    if array.shape != means.shape:
        raise ValueError(f"logvars has shape {array.shape}, means has {means.shape}")
    return array


def check_factors(values: ArrayLike, n_samples: int, name: str = "factors") -> Ints:
    """Return (n_samples, n_factors) integer factors, each relabelled to 0 .. n_values - 1."""
    array: NDArray[Any] = np.asarray(values)
    if array.ndim != 2 or array.shape[1] == 0:
        raise ValueError(f"{name} must have shape (n_samples, n_factors), not {array.shape}")
    if len(array) != n_samples:
        raise ValueError(f"{name} has {len(array)} rows for {n_samples} rows of means")
    if array.dtype.kind not in "iub":
        raise ValueError(f"{name} must be integers, not {array.dtype}")
    relabelled = np.empty(array.shape, np.int64, order="F")
    for k in range(array.shape[1]):
        relabelled[:, k] = _relabel(array[:, k])
    return relabelled


def _relabel(column: NDArray[Any]) -> Ints:
    """Return ranks of the values of a column among those present."""
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


def varying_factors(values: Ints) -> Ints:
    """Return the positions of the factors that vary, of factors as `check_factors` returns them.

    Raises
    ------
    ValueError
        If none does.

    Warns
    -----
    MetricWarning
        If some do not: they are left out of the score.
    """
    varies = values.max(0) > 0
    if not varies.any():
        raise ValueError("factors has no factor that varies")
    if not varies.all():
        constant = ", ".join(str(k) for k in np.flatnonzero(~varies))
        message = f"factors is constant in column {constant}, which the score leaves out"
        warnings.warn(message, MetricWarning, stacklevel=3)
    return np.flatnonzero(varies)


def check_samples(n_samples: int, least: int, why: str) -> None:
    """Refuse fewer samples than a metric's protocol needs."""
    if n_samples < least:
        raise ValueError(f"means has {n_samples} samples; {why} needs at least {least}")


def generator(random_state: int | np.random.Generator) -> np.random.Generator:
    """Return a generator; global random state is never touched."""
    return np.random.default_rng(random_state)
