"""Correlations of latents with factors as they are numbered."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ._scale import unit_scale
from ._shared import once
from ._ties import TIE, tied_ranks
from ._validation import Floats, Ints, check_data, factor_columns, varying_factors


def correlations(
    means: ArrayLike, factors: ArrayLike, *, exclude: Sequence[int] = (), of_ranks: bool = False
) -> Floats:
    """Return the (n_latents, n_varying) correlations, of ranks Spearman's; 0 for a constant latent.

    Raises
    ------
    ValueError
        If an argument is malformed or no factor is left that varies.

    Warns
    -----
    MetricWarning
        If a factor is constant; it is left out.
    """
    codes, values = check_data(means, factors)
    varying = varying_factors(values, exclude)
    return _correlations(codes, factors, varying, of_ranks)


@once
def _correlations(codes: Floats, factors: ArrayLike, varying: Ints, of_ranks: bool) -> Floats:
    """Return the correlations of checked codes with some factors, as these are numbered."""
    columns = factor_columns(factors, "factors")
    targets = np.stack([columns[k].astype(np.float64) for k in varying], axis=1)
    codes, targets = unit_scale(codes), unit_scale(targets)
    if of_ranks:
        codes, targets = _ranks(codes, TIE), _ranks(targets, 0)
    found: Floats = np.clip(_standardised(codes).T @ _standardised(targets) / len(codes), -1, 1)
    return found


@once
def _ranks(columns: Floats, absolute: float) -> Floats:
    """Return ranks within each column; what is equal within a tolerance has its mean rank."""
    ranks = np.empty(columns.shape, order="F")
    for j, column in enumerate(columns.T):
        ranks[:, j] = tied_ranks(column, absolute=absolute)
    return ranks


def _standardised(columns: Floats) -> Floats:
    """Return columns of mean 0 and variance 1; of a constant one, zeros."""
    varies = np.ptp(columns, axis=0) > 0
    spread = np.where(varies, columns.std(0), 1)
    scaled: Floats = np.where(varies, (columns - columns.mean(0)) / spread, 0)
    return scaled
