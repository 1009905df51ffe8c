"""Factor regression: how well a polynomial of the latents in use predicts each factor."""

from __future__ import annotations

import warnings
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import ArrayLike

from ._detail import record
from ._info import MetricInfo
from ._scale import unit_scale
from ._split import split_samples
from ._ties import TIE
from ._validation import Floats, Ints, MetricWarning, check_codes, check_logvars, check_threshold
from .factor_bins import binned
from .kl import ACTIVE_KL, kl_per_dimension

# A cubic of 10 variables has 286 terms; more latents would have more terms than samples to fit.
MAX_LATENTS = 10
# The worst condition of normal equations that are solved as such.
_WORST = 1e5


@binned
def factor_regression(
    means: ArrayLike,
    logvars: ArrayLike,
    factors: ArrayLike,
    *,
    threshold: float = ACTIVE_KL,
    degree: int = 3,
    random_state: int | np.random.Generator = 0,
) -> float:
    """Return the least held-out R² with which the latents in use together predict a factor.

    Parameters
    ----------
    means, logvars : array_like
        (n_samples, n_latents) parameters of the Gaussian posteriors; log of the variance.
    factors : array_like
        (n_samples, n_factors) integer factors; a factor is predicted as the rank of its value.
    threshold : float
        Mean KL (nats) that a latent in use exceeds.
    degree : int
        Of the polynomial, with all products of powers up to it; 3 is a cubic regression.
    random_state : int or Generator
        Source of the split: a random third, at most 5,000 samples, is held out, and the regression
        is fitted on at most 10,000 of the rest.

    Returns
    -------
    float
        In [0, 1], the minimum over factors; higher is better. A prediction no better than the mean
        has 0, also where R² is negative, and so has a code of which no latent is in use.

    Raises
    ------
    ValueError
        If an argument is malformed, no factor varies, or there are fewer than two samples for each
        value of the largest factor.

    Warns
    -----
    MetricWarning
        If a factor is constant (it is left out), or more than 10 latents are in use: the 10 of the
        largest KL are taken.

    Notes
    -----
    Least squares on latents standardised by the training part; of the smallest norm where there are
    more terms than samples. They are solved by the normal equations where these are well
    conditioned, which moves the weights by less than 1e-8 of their size. A factor without order
    (shape) or that is periodic (orientation) has no polynomial to be predicted by.

    Detail: `per_factor`, R² of each factor; `n_used`, the number of latents in use.

    References
    ----------
    This suite's measure of "two latents carry both factors", after Burgess et al. 2018, Fig. 2.

    Examples
    --------
    >>> grid = np.indices((8, 8)).reshape(2, -1).T
    >>> round(factor_regression(grid - 3.5, np.full((64, 2), -4.0), grid), 6)
    1.0
    """
    mu = check_codes(means)
    check_threshold(threshold, "threshold")
    log = check_logvars(logvars, mu)
    if degree < 1:
        raise ValueError(f"degree must be at least 1, not {degree}")
    kl = kl_per_dimension(mu, log)
    used = np.flatnonzero(kl > threshold)
    if len(used) > MAX_LATENTS:
        message = f"{len(used)} latents are in use; the {MAX_LATENTS} of the largest KL are taken"
        warnings.warn(message, MetricWarning, stacklevel=2)
    parts = split_samples(mu, factors, None, None, random_state)
    taken = _largest(kl, used, mu)
    train, test = (_terms(codes[:, taken], degree) for codes in parts.standardised())
    weights = least_squares(train, parts.values.astype(np.float64))
    scores = _held_out(test @ weights, parts.test_values)
    record(per_factor=scores, n_used=len(used))
    return float(scores.min())


def least_squares(terms: Floats, values: Floats) -> Floats:
    """Return the (n_terms, n_factors) weights that predict values best; of those, the smallest.

    Terms are scaled to length 1. The normal equations, with a matrix G of their products, then err
    by 2e-16 · n_terms · cond(G) of the weights' size at most. They are used up to a cond(G) of 1e5,
    where that is 6e-9 for the 286 terms of a cubic. What is worse conditioned, or has more terms
    than samples, goes to a singular value decomposition, which takes four times as long.

    Parameters
    ----------
    terms : ndarray
        (n_samples, n_terms).
    values : ndarray
        (n_samples, n_factors).
    """
    lengths = np.sqrt((terms**2).sum(0))
    if terms.shape[1] <= terms.shape[0] and lengths.all():
        scaled: Floats = terms / lengths
        eigenvalues, vectors = np.linalg.eigh(scaled.T @ scaled)
        if eigenvalues[0] * _WORST > eigenvalues[-1]:
            along: Floats = vectors.T @ (scaled.T @ values) / eigenvalues[:, None]
            return np.asarray(vectors @ along / lengths[:, None], np.float64)
    return np.asarray(np.linalg.lstsq(terms, values, rcond=None)[0], np.float64)


def _largest(kl: Floats, used: Ints, codes: Floats) -> Ints:
    """Return the latents of the largest KL; of those that have equally much, not the first."""
    if len(used) <= MAX_LATENTS:
        return used
    last = np.sort(kl[used])[-MAX_LATENTS]
    equal = np.isclose(kl[used], last, rtol=TIE, atol=0)
    # What is taken depends on the codes up to their sign, and not on the place of a latent.
    unit = unit_scale(codes[:, used])
    weights = np.random.default_rng(0).random(len(codes))
    among = weights @ np.abs(unit - unit.mean(0))
    order = np.lexsort((among, np.where(equal, last, kl[used])))
    return used[order[-MAX_LATENTS:]]


def _terms(codes: Floats, degree: int) -> Floats:
    """Return (n_samples, n_terms) products of powers up to a degree, the constant first."""
    columns = [np.ones(len(codes))]
    for size in range(1, degree + 1):
        for chosen in combinations_with_replacement(range(codes.shape[1]), size):
            columns.append(codes[:, list(chosen)].prod(1))
    return np.stack(columns, axis=1)


def _held_out(predicted: Floats, truth: Ints) -> Floats:
    """Return R² of each column, within [0, 1]; 0 where the truth does not vary."""
    missed = ((truth - predicted) ** 2).sum(0)
    spread = ((truth - truth.mean(0)) ** 2).sum(0)
    scores: Floats = np.clip(1 - missed / np.where(spread > 0, spread, 1), 0, 1)
    return np.where(spread > 0, scores, 0.0)


INFO = MetricInfo(
    factor_regression,
    title="factor regression",
    unit="R²",
    higher_is_better=True,
    range=(0, 1),
    requires=("means", "logvars", "factors"),
    invariances=("latent_order", "sign"),
    reference="this suite, after Burgess et al. 2018, Fig. 2",
    description="Least held-out R² of a cubic regression from all latents in use to a factor.",
    cost="N · terms², terms of a cubic ~ D³/6",
)
