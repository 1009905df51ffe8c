"""Codes that were made elsewhere: arrays of anybody's, checked before anything is made of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import CodesError

# As many latents as a spec may have; names are headings of tables.
_MAX_LATENTS = 4096
MAX_NAME = 100


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
) -> CodesArrays:
    """Return codes in the one form that is scored.

    Parameters
    ----------
    source : str
        Where they are from, for errors.
    means, logvars : array_like
        (N, D) finite numbers, N from 2 on.
    factors : array_like, optional
        (N, K) or (N,) whole numbers from 0.
    latent_names, factor_names : sequence of str, optional
        z0, z1, … and factor_0, factor_1, … by default.

    Raises
    ------
    CodesError
        With the source, the array and the remedy.

    Examples
    --------
    >>> check_codes("mine", [[0.5, 1.0], [0.0, 2.0]], factors=[0, 3]).factor_sizes
    (4,)
    """
    codes = _numbers(source, "means", means)
    n, d = codes.shape
    if n < 2 or not 0 < d <= _MAX_LATENTS:
        raise CodesError(
            source,
            "means",
            f"must have a row for each of 2 or more images and 1 to {_MAX_LATENTS} columns, one "
            f"for each latent, not shape {codes.shape}",
        )
    spread = None if logvars is None else _numbers(source, "logvars", logvars)
    if spread is not None and spread.shape != codes.shape:
        raise CodesError(
            source, "logvars", f"has shape {spread.shape}; means has {codes.shape}: give both alike"
        )
    table = None if factors is None else _classes(source, factors, n)
    k = 0 if table is None else table.shape[1]
    if table is None and factor_names:
        raise CodesError(source, "factor_names", "there are no factors to name; add them")
    return CodesArrays(
        codes,
        spread,
        table,
        _names(source, "latent_names", latent_names, d, "z"),
        _names(source, "factor_names", factor_names, k, "factor_"),
    )


def _numbers(source: str, name: str, values: ArrayLike) -> NDArray[np.float32]:
    array = _array(source, name, values)
    if array.ndim != 2 or array.dtype.kind not in "fiub":
        raise CodesError(
            source,
            name,
            f"must be numbers of shape (n_images, n_latents), not {array.dtype} {array.shape}",
        )
    with np.errstate(over="ignore"):
        found = np.ascontiguousarray(array, np.float32)
    wrong = ~np.isfinite(found).all(1)
    if wrong.any():
        raise CodesError(
            source,
            name,
            f"has NaN, infinite or too large numbers in {wrong.sum()} rows, the first is row "
            f"{int(np.argmax(wrong))}; leave these images out of all arrays",
        )
    return found


def _classes(source: str, values: ArrayLike, n: int) -> NDArray[np.int64]:
    array = _array(source, "factors", values)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or len(array) != n or array.shape[1] == 0:
        raise CodesError(
            source,
            "factors",
            f"must have a row for each of the {n} rows of means and a column for each factor, not "
            f"shape {array.shape}",
        )
    whole = array.dtype.kind in "iub" or (
        array.dtype.kind == "f" and bool((np.isfinite(array) & (array == np.rint(array))).all())
    )
    if not whole or array.min() < 0 or array.max() >= 2**53:
        raise CodesError(
            source,
            "factors",
            "must be class indices, whole numbers from 0; number the values of a column first: "
            "numpy.unique(column, return_inverse=True)[1]",
        )
    return np.ascontiguousarray(array, np.int64)


def _array(source: str, name: str, values: ArrayLike) -> NDArray[Any]:
    try:
        return np.asarray(values)
    except ValueError as error:
        raise CodesError(source, name, f"is no array: {error}") from None


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
