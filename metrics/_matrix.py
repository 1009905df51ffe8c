"""Information of every latent about every factor that counts: where the MIG family starts from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ._aggregate import aggregate_posterior
from ._information import factor_entropies, histogram_information
from ._validation import (
    Floats,
    Ints,
    check_data,
    check_logvars,
    columns_of,
    varying_factors,
    warn_of_few_samples,
)

Estimator = Literal["histogram", "posterior"]


def information(
    codes: Floats,
    values: Ints,
    estimator: Estimator,
    n_bins: int,
    logvars: ArrayLike | None,
) -> Floats:
    """Return the (n_latents, n_factors) mutual information of checked codes and factors."""
    if estimator == "histogram":
        check_bins(n_bins)
        return histogram_information(codes, values, n_bins)[0]
    if estimator != "posterior":
        raise ValueError(f"estimator must be 'histogram' or 'posterior', not {estimator!r}")
    if logvars is None:
        raise ValueError("logvars is needed by estimator='posterior'")
    return aggregate_posterior(codes, check_logvars(logvars, codes), values).information


def information_and_entropies(
    means: ArrayLike,
    factors: ArrayLike,
    *,
    estimator: Estimator,
    n_bins: int,
    logvars: ArrayLike | None,
    exclude: Sequence[int] = (),
    least_factors: int = 1,
) -> tuple[Floats, Floats]:
    """Check the data and return information and factor entropies of the factors that vary.

    Raises
    ------
    ValueError
        If an argument is malformed, or too few factors are left.

    Warns
    -----
    MetricWarning
        If a factor is constant or continuous.
    """
    codes, values = check_data(means, factors)
    # Nothing is known about a constant factor, and its information over its entropy is 0 / 0.
    varying = varying_factors(values, exclude, least_factors)
    warn_of_few_samples(values, varying)
    values = columns_of(values, varying)
    return information(codes, values, estimator, n_bins, logvars), factor_entropies(values)


def check_bins(n_bins: int) -> None:
    """Refuse a number of bins that tells nothing apart."""
    if n_bins < 2:
        raise ValueError(f"n_bins must be at least 2, not {n_bins}")


def gap(values: Floats, axis: int) -> Floats:
    """Return the largest less the second largest along an axis; with one entry, the gap is to 0."""
    ranked = np.sort(np.moveaxis(values, axis, 0), axis=0)
    second = ranked[-2] if len(ranked) > 1 else np.zeros(ranked.shape[1:])
    difference: Floats = ranked[-1] - second
    return difference
