"""Measure how posteriors overlap at every distance of positions: Figure 1 of the paper.

Burgess et al. 2018 argue with a schematic: where the posteriors of two images overlap, the decoder
pays for confusing them, so near images get near codes. Here the overlap is measured.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..store import QUANTILES

# All pairs of so many images are a million; of more images, a fixed random choice is measured.
MAX_IMAGES = 1_500
_MAX_BINS = 40

Floats = NDArray[np.float64]


def bhattacharyya(
    means: NDArray[np.floating], logvars: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return the Bhattacharyya distance of every pair of diagonal Gaussians.

    Parameters
    ----------
    means, logvars : ndarray
        (n, D) means and logarithms of the variances.

    Returns
    -------
    ndarray
        (n (n − 1) / 2,) nats, in the order of `numpy.triu_indices(n, 1)`: −ln ∫ √(p q), summed
        over dimensions. 0 for equal distributions; at 0.7 nats the overlap is a half.

    References
    ----------
    Bhattacharyya 1943; the Gaussian form in Kailath 1967, equation 35.

    Examples
    --------
    >>> bhattacharyya(np.array([[0.0], [4.0]]), np.zeros((2, 1))).tolist()
    [2.0]
    """
    centres, spreads = means.astype(np.float64), logvars.astype(np.float64)
    parts = []
    for i in range(len(centres) - 1):
        # The logarithm of σ₁² + σ₂², without leaving the logarithm: variances may be tiny.
        total = np.logaddexp(spreads[i], spreads[i + 1 :])
        shift = (centres[i] - centres[i + 1 :]) ** 2 * np.exp(-total) / 4
        width = (total - np.log(2) - (spreads[i] + spreads[i + 1 :]) / 2) / 2
        parts.append((shift + width).sum(1))
    return np.concatenate(parts) if parts else np.zeros(0)


def overlap_curve(
    means: NDArray[np.floating], logvars: NDArray[np.floating], positions: NDArray[np.integer]
) -> Floats:
    """Return quantiles of the distance of posteriors at every distance of positions.

    Parameters
    ----------
    means, logvars : ndarray
        (n, D) posteriors.
    positions : ndarray
        (n, 2) position of the object in steps of its grid.

    Returns
    -------
    ndarray
        (n_bins, 6): the mean distance of positions in a bin, in steps, ascending; then the
        `QUANTILES` of the Bhattacharyya distance of its pairs, in nats. (0, 6) without a pair.

    Examples
    --------
    >>> line = np.array([[0, 0], [1, 0], [2, 0]])
    >>> overlap_curve(line.astype(float), np.zeros((3, 2)), line)[:, [0, 3]].tolist()
    [[1.0, 0.125], [2.0, 0.5]]
    """
    n = len(means)
    if n > MAX_IMAGES:
        chosen = np.random.default_rng(0).choice(n, MAX_IMAGES, replace=False)
        means, logvars, positions = means[chosen], logvars[chosen], positions[chosen]
    apart = bhattacharyya(means, logvars)
    if not apart.size:
        return np.zeros((0, 1 + len(QUANTILES)))
    first, second = np.triu_indices(len(means), 1)
    steps = np.hypot(*(positions[first] - positions[second]).T)
    width = max(1.0, steps.max() / _MAX_BINS)
    bins = np.rint(steps / width).astype(np.int64)
    rows = []
    for number in np.unique(bins):
        members = bins == number
        rows.append([steps[members].mean(), *np.quantile(apart[members], QUANTILES)])
    return np.array(rows)
