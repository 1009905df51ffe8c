"""Check arrays of codes that were made elsewhere, before they are used."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._siblings import metrics
from ..errors import CodesError
from ..grid.arguments import FACTOR_BINS

Value = TypeVar("Value")

# The most latents that a spec may have; names become headings of tables.
MAX_COLUMNS = 4096
MAX_NAME = 100
# Far above the codes of any dataset here: 737,280 images with 400 latents and their variances.
MAX_BYTES = 2 * 2**30
# Codes with this many times more latents than images are probably transposed.
_FAR_MORE = 4
# A factor with more values than this, with fewer images each, is taken to be continuous, as in
# `metrics`.
_MANY_VALUES, _FEW_IMAGES = 20, 10
# Share of a latent's range that single precision may round off.
_LOSS = 1e-3
_TURN = "; is it transposed? a row is an image"
NUMBER_THEM = "number the values of the column first: numpy.unique(column, return_inverse=True)[1]"


@dataclass(frozen=True)
class CodesArrays:
    """Codes with the factors of their images.

    Attributes
    ----------
    means : ndarray
        (N, D) float32.
    logvars : ndarray or None
        (N, D) float32, the logarithm of the variance; None where the codes are points.
    factors : ndarray or None
        (N, K) int64 class indices from 0; None where they are unknown.
    latent_names, factor_names : tuple of str
        D and K names.
    """

    means: NDArray[np.float32]
    logvars: NDArray[np.float32] | None
    factors: NDArray[np.int64] | None
    latent_names: tuple[str, ...]
    factor_names: tuple[str, ...]

    @property
    def factor_sizes(self) -> tuple[int, ...]:
        """The number of values of each factor: one more than the highest."""
        return () if self.factors is None else tuple(int(k) + 1 for k in self.factors.max(0))

    @property
    def labels_digest(self) -> str:
        """16 hexadecimal digits that name the factors: equal for codes of the same images."""
        return _digest([self.factor_names, len(self.means)], [self.factors])[:16]

    @property
    def digest(self) -> str:
        """SHA-256 of everything, whatever format it was read from."""
        return _digest(
            [self.latent_names, self.factor_names], [self.means, self.logvars, self.factors]
        )


def check_codes(
    source: str,
    means: ArrayLike,
    logvars: ArrayLike | None = None,
    factors: ArrayLike | None = None,
    *,
    latent_names: Sequence[str] | None = None,
    factor_names: Sequence[str] | None = None,
    factor_bins: int | None = None,
) -> CodesArrays:
    """Return codes in the one form that is scored.

    Parameters
    ----------
    source : str
        Where they are from, for errors.
    means, logvars : array_like
        (N, D) finite numbers, N from 2 on.
    factors : array_like, optional
        (N, K) or (N,) labels: whole numbers of any sign, or booleans. A column is kept as it is if
        none is negative; else, or with numbers too large to count to, ranks take their place.
    latent_names, factor_names : sequence of str, optional
        z0, z1, … and factor_0, factor_1, … by default.
    factor_bins : int, optional
        Into how many quantile bins a factor of more values is cut; then factors may be any numbers.

    Raises
    ------
    CodesError
        With the source, the array and the remedy.

    Examples
    --------
    >>> check_codes("mine", [[0.5, 1.0], [0.0, 2.0]], factors=[0, 3]).factor_sizes
    (4,)
    """
    codes = _array(source, "means", means)
    labels = None if factors is None else _columns(source, factors)
    spread = None if logvars is None else _array(source, "logvars", logvars)
    _check_shapes(source, codes, spread, labels, latent_names, factor_names)
    names = (
        _names(source, "latent_names", latent_names, codes.shape[1], "z"),
        _names(
            source,
            "factor_names",
            factor_names,
            0 if labels is None else labels.shape[1],
            "factor_",
        ),
    )
    return CodesArrays(
        _numbers(source, "means", codes),
        None if spread is None else _numbers(source, "logvars", spread),
        None if labels is None else _labels(source, labels, names[1], factor_bins),
        *names,
    )


def check_size(source: str, path: str, n_bytes: int) -> None:
    """Refuse what takes more memory than codes may, before it is read.

    Raises
    ------
    CodesError
        If it has more bytes than `MAX_BYTES`.
    """
    if n_bytes > MAX_BYTES:
        reason = (
            f"takes {n_bytes:,} bytes, at most {MAX_BYTES:,} are read; leave out images, or write "
            f"numbers of 32 bits"
        )
        raise CodesError(source, path, reason)


def check_given(source: str, path: str, check: Callable[[Any], Value], value: object) -> Value:
    """Return what a check of `given` makes of a keyword.

    Raises
    ------
    CodesError
        If it refuses the value.
    """
    try:
        return check(value)
    except ValueError as error:
        raise CodesError(source, path, str(error)) from None


def _check_shapes(
    source: str,
    means: NDArray[Any],
    logvars: NDArray[Any] | None,
    factors: NDArray[Any] | None,
    latent_names: Sequence[str] | None,
    factor_names: Sequence[str] | None,
) -> None:
    """Refuse arrays that do not fit together, or are transposed as MATLAB's are in HDF5."""
    _check_numbers(source, "means", means)
    n, d = means.shape
    # Names of columns say which axis is which.
    named = factors is not None and len(factor_names or ()) == factors.shape[1]
    if n < 2 or not 0 < d <= MAX_COLUMNS:
        raise CodesError(
            source,
            "means",
            f"must have a row for each of 2 or more images and 1 to {MAX_COLUMNS} columns, one "
            f"for each latent, not shape {means.shape}{_TURN * (d > n and not named)}",
        )
    if logvars is not None:
        _check_numbers(source, "logvars", logvars)
    if logvars is not None and logvars.shape != means.shape:
        turned = logvars.shape == means.shape[::-1]
        reason = f"has shape {logvars.shape}; means has {means.shape}: give both alike"
        raise CodesError(source, "logvars", reason + _TURN * turned)
    if factors is None:
        if factor_names:
            raise CodesError(source, "factor_names", "there are no factors to name; add them")
        if n * _FAR_MORE < d and latent_names is None:
            reason = f"has {n} images of {d} latents{_TURN}"
            raise CodesError(source, "means", reason)
        return
    k = factors.shape[1]
    if len(factors) != n or not 0 < k <= MAX_COLUMNS:
        turned = k == n or d == len(factors) or k > len(factors)
        reason = (
            f"must have a row for each of the {n} rows of means and a column for each factor, not "
            f"shape {factors.shape}"
        )
        raise CodesError(source, "factors", reason + _TURN * turned)
    if k > n and not named:
        reason = f"has {k} factors of {n} images, and means {d} latents{_TURN}"
        raise CodesError(source, "factors", reason)


def _numbers(source: str, name: str, array: NDArray[Any]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        found = np.ascontiguousarray(array, np.float32)
    _check_finite(source, name, "", found)
    for j in range(found.shape[1]):
        if _is_lost(array[:, j], found[:, j]):
            reason = (
                f"column {j} (from 0) varies by less than single precision, in which codes are "
                f"kept, can resolve; subtract its mean and divide by its standard deviation"
            )
            raise CodesError(source, name, reason)
    return found


def _is_lost(column: NDArray[Any], single: NDArray[np.float32]) -> bool:
    """Return whether single precision rounds off the differences within a latent."""
    exact = column.astype(np.float64)
    span = np.ptp(exact)
    return bool(span > 0 and np.abs(single - exact).max() > _LOSS * span)


def _check_numbers(source: str, name: str, array: NDArray[Any]) -> None:
    if array.ndim != 2 or array.dtype.kind not in "fiub":
        raise CodesError(
            source,
            name,
            f"must be numbers of shape (n_images, n_latents), not {array.dtype} {array.shape}",
        )


def _check_finite(source: str, path: str, what: str, table: NDArray[Any]) -> None:
    wrong = ~np.isfinite(table).all(1)
    if wrong.any():
        reason = (
            f"{what}has NaN, infinite or too large numbers in {wrong.sum()} rows, the first is row "
            f"{int(np.argmax(wrong))}; leave these images out of all arrays"
        )
        raise CodesError(source, path, reason)


def _columns(source: str, values: ArrayLike) -> NDArray[Any]:
    """Return factors as a table of a column each."""
    array = _array(source, "factors", values)
    table = array[:, None] if array.ndim == 1 else array
    if table.ndim != 2:
        reason = f"must be of shape (n_images, n_factors), not {array.shape}"
        raise CodesError(source, "factors", reason)
    check_size(source, "factors", table.size * np.dtype(np.int64).itemsize)
    return table


def _labels(
    source: str, table: NDArray[Any], names: Sequence[str], bins: int | None
) -> NDArray[np.int64]:
    """Return factors as class indices, int64 (N, K)."""
    for name, column in zip(names, table.T, strict=True):
        if column.dtype.kind not in "fiub":
            reason = f"column {name!r} must be labels, not {column.dtype}; {NUMBER_THEM}"
            raise CodesError(source, "factors", reason)
        if column.dtype.kind == "f":
            _check_finite(source, "factors", f"column {name!r} ", column[:, None])
            if bins is None and (column != np.rint(column)).any():
                reason = f"column {name!r} {_why_no_labels(column)}"
                raise CodesError(source, "factors", reason)
    if bins is not None:
        return metrics.bin_factors(table, check_given(source, "factor_bins", FACTOR_BINS, bins))
    return np.stack([_class_indices(column) for column in table.T], axis=1)


def _why_no_labels(column: NDArray[Any]) -> str:
    n_values = len(np.unique(column))
    if n_values > _MANY_VALUES and n_values * _FEW_IMAGES > len(column):
        return (
            f"has {n_values:,} different values in {len(column):,} images, not all whole numbers; "
            f"cut it into bins by factor_bins=20 (--factor-bins 20)"
        )
    example = column[column != np.rint(column)][0]
    return f"must be labels, whole numbers, not {example:g}; {NUMBER_THEM}"


def _class_indices(column: NDArray[Any]) -> NDArray[np.int64]:
    # Comparing as Python numbers: none of numpy's types holds all of them.
    if int(column.min()) >= 0 and int(column.max()) < 2**53:
        return column.astype(np.int64)
    return np.unique(column, return_inverse=True)[1].astype(np.int64)


def _array(source: str, name: str, values: ArrayLike) -> NDArray[Any]:
    if np.ma.is_masked(values):
        raise CodesError(source, name, "has masked values; leave these images out of all arrays")
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise CodesError(source, name, f"is no array: {error}") from None
    check_size(source, name, array.nbytes)
    return array


def _names(
    source: str, name: str, given: Sequence[str] | None, n: int, stem: str
) -> tuple[str, ...]:
    if given is None:
        return tuple(f"{stem}{j}" for j in range(n))
    names = tuple(map(str, given))
    sound = all(0 < len(text) <= MAX_NAME and text.isprintable() for text in names)
    if len(names) != n or len(set(names)) != n or not sound:
        raise CodesError(
            source,
            name,
            f"must be {n} different names of 1 to {MAX_NAME} printable letters, not "
            f"{str(list(names))[:200]}",
        )
    return names


def _digest(names: Sequence[object], arrays: Sequence[NDArray[Any] | None]) -> str:
    digest = hashlib.sha256(repr(names).encode())
    for array in arrays:
        digest.update(b"none" if array is None else f"{array.dtype.str}{array.shape}".encode())
        if array is not None:
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
