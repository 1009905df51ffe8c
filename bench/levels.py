"""What a score is measured against: codes that know nothing of the factors, and perfect ones.

A range of [0, 1] says little: no histogram of 20 bins gives a perfect dSprites code a MIG of 1, and
a classifier is right by chance. So both ends are computed, for the factors of the very images that
a run is scored on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .streams import generator

# A perfect posterior is far narrower than the step between two values of its factor.
_STEPS_PER_SIGMA = 10


def chance_codes(factors: NDArray[np.int64], n_latents: int) -> dict[str, NDArray[np.float32]]:
    """Return standard normal codes, drawn without a look at the factors.

    Parameters
    ----------
    factors : ndarray
        (N, K) class indices.
    n_latents : int
        D.

    Returns
    -------
    dict
        means and logvars, each (N, D) float32.
    """
    shape = (len(factors), n_latents)
    means = generator(0, "codes", 1).standard_normal(shape, dtype=np.float32)
    return {"means": means, "logvars": np.zeros(shape, np.float32)}


def perfect_codes(factors: NDArray[np.int64], n_latents: int) -> dict[str, NDArray[np.float32]]:
    """Return codes with one factor in each latent, and latents that are off.

    Parameters
    ----------
    factors : ndarray
        (N, K) class indices.
    n_latents : int
        D; with fewer latents than factors there are K all the same.

    Returns
    -------
    dict
        means and logvars, each (N, max(D, K)) float32; a factor's values are spread over [−1, 1].

    Examples
    --------
    >>> codes = perfect_codes(np.array([[0, 0], [1, 2]]), 3)
    >>> codes["means"].tolist()
    [[-1.0, -1.0, 0.0], [1.0, 1.0, 0.0]]
    """
    n_samples, n_factors = factors.shape
    highest = np.maximum(factors.max(0), 1)
    shape = (n_samples, max(n_latents, n_factors))
    means, logvars = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    means[:, :n_factors] = 2 * factors / highest - 1
    logvars[:, :n_factors] = 2 * np.log(2 / highest / _STEPS_PER_SIGMA)
    return {"means": means, "logvars": logvars}
