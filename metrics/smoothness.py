"""Smoothness: whether near images have near posteriors."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ._info import MetricInfo
from ._ties import tie_of, tied_ranks
from ._validation import (
    Floats,
    Ints,
    MetricWarning,
    check_codes,
    check_factors,
    check_logvars,
    check_samples,
    generator,
    varying_factors,
)
from .factor_bins import binned
from .kl import ACTIVE_KL, kl_per_dimension

# All pairs of up to 1,095 samples; of more samples so many random pairs.
MAX_PAIRS = 600_000
# Of a variance relative to the largest: smaller ones are 0 in floating point.
_LEAST_LOG = -700.0
# A distance in nats that is rounding.
_NOTHING = 1e-12


@binned
def smoothness(
    means: ArrayLike,
    logvars: ArrayLike,
    factors: ArrayLike,
    *,
    exclude: Sequence[int] = (),
    random_state: int | np.random.Generator = 0,
) -> float:
    """Return the rank correlation of distances between factors with those between posteriors.

    Parameters
    ----------
    means, logvars : array_like
        (n_samples, n_latents) parameters of the Gaussian posteriors; log of the variance.
    factors : array_like
        (n_samples, n_factors) integer factors; their values' ranks are the axes of a grid.
    exclude : sequence of int
        Columns of factors that are no axes of the grid: those without order.
    random_state : int or Generator
        Source of the pairs, where there are too many to take them all.

    Returns
    -------
    float
        Spearman's ρ in [−1, 1] over pairs of samples; higher is better. NaN for a collapsed code.
        Distances that are equal but for rounding are equal.

    Raises
    ------
    ValueError
        If an argument is malformed, there are fewer than three samples, or no factor is left that
        varies.

    Warns
    -----
    MetricWarning
        If a factor is constant (it is left out), or no latent has a mean KL above 0.1 nat: a
        collapsed code has no distances to speak of.

    Notes
    -----
    Between factors: the Euclidean distance of their indices in the grid. Between posteriors: the
    Bhattacharyya distance, ¼ (μ − μ')² / (σ² + σ'²) + ½ ln((σ² + σ'²) / 2σσ') summed over latents.
    It grows without bound where the overlap e^−D is 0 in floating point, so it is never
    exponentiated. All latents count; one that ignores the image adds nothing to any distance.

    References
    ----------
    This suite's measure of the intuition of Burgess et al. 2018, Fig. 1; Bhattacharyya 1943.

    Examples
    --------
    >>> line = np.arange(8)[:, None]
    >>> round(smoothness(line - 3.5, np.zeros((8, 1)), line), 6)
    1.0
    """
    mu = check_codes(means)
    log = check_logvars(logvars, mu)
    values = check_factors(factors, len(mu))
    check_samples(len(mu), 3, "a correlation of distances")
    grid = values[:, varying_factors(values, exclude)]
    if not (kl_per_dimension(mu, log) > ACTIVE_KL).any():
        message = f"collapsed: no latent has more than {ACTIVE_KL:g} nat, so it is undefined"
        warnings.warn(message, MetricWarning, stacklevel=2)
        return math.nan
    first, second = _pairs(len(mu), generator(random_state))
    of_factors, of_posteriors = np.zeros((2, len(first)))
    # Column by column, which bounds memory. The square has the same ranks, and is exact.
    for column in grid.T:
        of_factors += (column[first] - column[second]) ** 2
    # The distance is free of a latent's scale: by its largest deviation, no exponential overflows.
    largest = log.max(0)
    mu, log = mu * np.exp(-0.5 * largest), np.maximum(log - largest, _LEAST_LOG)
    variance = np.exp(log)
    for m, v, ln_v in zip(mu.T, variance.T, log.T, strict=True):
        of_posteriors += _bhattacharyya(
            m[first] - m[second], v[first] + v[second], ln_v[first] + ln_v[second]
        )
    return _rank_correlation(of_factors, of_posteriors, tie_of(means, logvars))


def _pairs(n_samples: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Return all pairs of different samples, or as many random ones as are affordable."""
    if n_samples * (n_samples - 1) // 2 <= MAX_PAIRS:
        first, second = np.triu_indices(n_samples, 1)
        return first, second
    first = rng.integers(n_samples, size=MAX_PAIRS)
    # The other one is anyone else.
    return first, (first + rng.integers(1, n_samples, size=MAX_PAIRS)) % n_samples


def _bhattacharyya(between: Floats, variances: Floats, logvars: Floats) -> Floats:
    """Return the distance of Gaussians of one latent, in nats.

    Of both Gaussians: the difference of their means, the sums of their variances and of their
    log-variances.
    """
    location = 0.25 * between**2 / variances
    distance: Floats = location + 0.5 * (np.log(0.5 * variances) - 0.5 * logvars)
    return distance


def _rank_correlation(first: Floats, second: Floats, tie: float) -> float:
    """Return Spearman's ρ; NaN where one side does not vary. Ties have their mean rank."""
    ranks = tied_ranks(first), tied_ranks(second, relative=tie, absolute=_NOTHING)
    a, b = (side - (len(side) + 1) / 2 for side in ranks)
    spread = math.sqrt(float(a @ a) * float(b @ b))
    if spread == 0:
        warnings.warn("all distances are equal: undefined", MetricWarning, stacklevel=3)
        return math.nan
    return min(1.0, max(-1.0, float(a @ b) / spread))


INFO = MetricInfo(
    smoothness,
    title="smoothness",
    higher_is_better=True,
    range=(-1, 1),
    requires=("means", "logvars", "factors"),
    invariances=("latent_order", "sign"),
    reference="this suite, after Burgess et al. 2018, Fig. 1",
    description="Rank correlation of distances in the grid of factors with Bhattacharyya distances "
    "of posteriors; undefined for a collapsed code.",
    cost="pairs · D + pairs · log pairs, at most 600,000 pairs",
)
