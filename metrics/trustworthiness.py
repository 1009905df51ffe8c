"""Trustworthiness: whether neighbours in the code are neighbours in the grid of factors."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ._info import MetricInfo
from ._validation import MetricWarning, check_data, check_samples, generator, varying_factors

# Distances of all to all are kept; of more samples so many are drawn.
MAX_SAMPLES = 2_000


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
        is constant. Grid points at equal distances are ranked as they come, so a perfect code can
        have slightly less than 1.

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
    Venna & Kaski 2001; computed by scikit-learn.

    Examples
    --------
    >>> line = np.arange(40)[:, None]
    >>> trustworthiness(line * 2.0, line, n_neighbors=2)
    1.0
    """
    codes, values = check_data(means, factors)
    kept = [k for k in range(values.shape[1]) if k not in {*exclude}]
    if not kept:
        raise ValueError("exclude leaves no factor")
    if n_neighbors < 1:
        raise ValueError(f"n_neighbors must be at least 1, not {n_neighbors}")
    check_samples(len(codes), 2 * n_neighbors + 1, f"{n_neighbors} neighbours")
    grid = values[:, kept][:, varying_factors(values[:, kept])]
    if np.ptp(codes, axis=0).max() == 0:
        message = "all latents are constant, so it is undefined"
        warnings.warn(message, MetricWarning, stacklevel=2)
        return math.nan
    if len(codes) > MAX_SAMPLES:
        rows = generator(random_state).choice(len(codes), MAX_SAMPLES, replace=False)
        codes, grid = codes[rows], grid[rows]
    from sklearn import manifold

    return float(manifold.trustworthiness(grid.astype(np.float64), codes, n_neighbors=n_neighbors))


INFO = MetricInfo(
    trustworthiness,
    higher_is_better=True,
    range=(0, 1),
    requires=("means", "factors"),
    invariances=("latent_order", "sign", "scale"),
    reference="Venna & Kaski 2001",
    description="Whether the nearest neighbours of a code are near in the grid of factors.",
    cost="N² · (D + K + log N), at most 2,000 samples",
)
