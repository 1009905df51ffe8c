"""What is equal but for rounding: no score may hang on which of equals comes first."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ._validation import Floats

# Relative difference up to which two numbers computed of double-precision codes are equal.
TIE = 1e-9


def tie_of(*codes: ArrayLike) -> float:
    """Return the relative difference that rounding makes, of codes in the precision they come in.

    Examples
    --------
    >>> tie_of(np.ones(3)) == TIE < tie_of(np.ones(3, np.float32)) < 1e-5
    True
    """
    types = [np.asarray(given).dtype for given in codes]
    return max([TIE, *(64 * float(np.finfo(t).eps) for t in types if t.kind == "f")])


def tied_ranks(values: Floats, *, relative: float = 0.0, absolute: float = 0.0) -> Floats:
    """Return ranks of (n,) values, from 1; what is equal within a tolerance has its mean rank."""
    order = np.argsort(values)
    ascending = values[order]
    with np.errstate(invalid="ignore"):
        # Two infinities are equal: their difference is NaN, and not larger than anything.
        apart = np.diff(ascending) > relative * np.abs(ascending[1:]) + absolute
    groups = np.concatenate([[0], np.cumsum(apart)])
    counts = np.bincount(groups)
    ranks = np.empty(len(values))
    ranks[order] = (np.cumsum(counts) - (counts - 1) / 2)[groups]
    return ranks
