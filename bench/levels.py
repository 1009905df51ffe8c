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


def perfect_codes(factors: NDArray[np.int64]) -> dict[str, NDArray[np.float32]]:
    """Return codes with one factor in each latent, and no other latents.

    Parameters
    ----------
    factors : ndarray
        (N, K) class indices.

    Returns
    -------
    dict
        means and logvars, each (N, K) float32; a factor's values are spread over [−1, 1].

    Examples
    --------
    >>> perfect_codes(np.array([[0, 0], [1, 2], [1, 1]]))["means"].tolist()
    [[-1.0, -1.0], [1.0, 1.0], [1.0, 0.0]]
    """
    highest = np.maximum(factors.max(0), 1)
    means = (2 * factors / highest - 1).astype(np.float32)
    logvars = np.broadcast_to(2 * np.log(2 / highest / _STEPS_PER_SIGMA), means.shape)
    return {"means": means, "logvars": logvars.astype(np.float32)}
