"""Trustworthiness: whether neighbours in the code are neighbours in the grid of factors."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ._imports import imported
from ._info import MetricInfo
from ._scale import common_scale
from ._ties import tie_of
from ._validation import (
    Floats,
    Ints,
    MetricWarning,
    check_data,
    check_samples,
    generator,
    varying_factors,
)
from .factor_bins import binned

# Distances of all to all are kept; of more samples so many are drawn.
MAX_SAMPLES = 2_000


@binned
def trustworthiness(
    means: ArrayLike,
    factors: ArrayLike,
    *,
    n_neighbors: int = 8,
    exclude: Sequence[int] = (),
    random_state: int | np.random.Generator = 0,
) -> float:
    """Return the trustworthiness of the code's neighbourhoods.

    Every sample's nearest neighbours in the code are looked up in the grid of factors; those that
    are not among its nearest there cost as much as their rank is too high.

    Parameters
    ----------
    means : array_like
        (n_samples, n_latents) codes.
    factors : array_like
        (n_samples, n_factors) integer factors; their values' ranks are the axes of a grid.
    n_neighbors : int
        Neighbours looked up; the default is those around a point of a grid of two factors.
    exclude : sequence of int
        Columns of factors that are no axes of the grid: those without order.
    random_state : int or Generator
        Source of the 2,000 samples that are taken where there are more. Neighbours among them are
        farther apart: compare scores of equal numbers of samples alone.

    Returns
    -------
    float
        In [0, 1]; higher is better, neighbours at random have about one half. NaN for a code that
        is constant. Grid points at equal distances are ranked in any order, of which the mean is
        taken, so a perfect code can have slightly less than 1.

    Raises
    ------
    ValueError
        If an argument is malformed, no factor is left that varies, or there are not more than
        twice as many samples as neighbours.

    Warns
    -----
    MetricWarning
        If a factor is constant (it is left out), or all latents are.

    References
    ----------
    Venna & Kaski 2001, as in scikit-learn, where the order of samples ranks equal distances.

    Examples
    --------
    >>> line = np.arange(40)[:, None]
    >>> trustworthiness(line * 2.0, line, n_neighbors=2)
    1.0
    """
    codes, values = check_data(means, factors)
    if n_neighbors < 1:
        raise ValueError(f"n_neighbors must be at least 1, not {n_neighbors}")
    check_samples(len(codes), 2 * n_neighbors + 1, f"{n_neighbors} neighbours")
    grid = values[:, varying_factors(values, exclude)]
    if np.ptp(codes, axis=0).max() == 0:
        message = "all latents are constant, so it is undefined"
        warnings.warn(message, MetricWarning, stacklevel=2)
        return math.nan
    if len(codes) > MAX_SAMPLES:
        rows = generator(random_state).choice(len(codes), MAX_SAMPLES, replace=False)
        codes, grid = codes[rows], grid[rows]
    taken = _nearest(common_scale(codes), n_neighbors, tie_of(means))
    n = len(grid)
    cost = 0.0
    for position, weights in zip(grid, taken, strict=True):
        neighbours = np.flatnonzero(weights)
        cost += weights[neighbours] @ _excess(grid, position, neighbours, n_neighbors)
    return 1 - float(2 * cost / (n * n_neighbors * (2 * n - 3 * n_neighbors - 1)))


def _nearest(codes: Floats, n_neighbors: int, tie: float) -> Floats:
    """Return how much of each sample (columns) is among the nearest neighbours of each (rows).

    Those that are equally far as the last one share the places that are left.
    """
    apart: Floats = imported("scipy.spatial.distance").cdist(codes, codes, "sqeuclidean")
    slack = tie**2 * apart.max()
    np.fill_diagonal(apart, np.inf)
    last = np.partition(apart, n_neighbors - 1)[:, n_neighbors - 1 : n_neighbors]
    nearer = apart < last * (1 - tie) - slack
    equal = (apart <= last * (1 + tie) + slack) & ~nearer
    left = n_neighbors - nearer.sum(1, keepdims=True)
    shares: Floats = nearer + equal * (left / equal.sum(1, keepdims=True))
    return shares


def _excess(grid: Ints, position: Ints, samples: Ints, n_neighbors: int) -> Floats:
    """Return by how much the ranks of samples, seen from one of them, exceed the neighbours.

    Samples at equal distances are ranked in any order: it is the mean over all orders.
    """
    apart = ((grid - position) ** 2).sum(1)
    ascending = np.sort(apart)
    # The first is the sample itself.
    before = np.maximum(np.searchsorted(ascending, apart[samples]) - 1, 0)
    upto = np.searchsorted(ascending, apart[samples], side="right") - 1
    excess = [np.maximum(rank - n_neighbors, 0) for rank in (before, upto)]
    sums = [n * (n + 1) / 2 for n in excess]
    mean: Floats = (sums[1] - sums[0]) / (upto - before)
    return mean


INFO = MetricInfo(
    trustworthiness,
    title="trustworthiness",
    higher_is_better=True,
    range=(0, 1),
    requires=("means", "factors"),
    invariances=("latent_order", "sign", "scale"),
    reference="Venna & Kaski 2001",
    description="Whether the nearest neighbours of a code are near in the grid of factors.",
    cost="N² · (D + K + log N), at most 2,000 samples",
)
