"""Total correlation of the means, as if they were jointly Gaussian."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import ArrayLike

from ._bootstrap import bootstrapped
from ._info import MetricInfo
from ._scale import unit_scale
from ._validation import MetricWarning, check_codes, check_samples

# Least eigenvalue of a correlation matrix that is told from 0.
_SINGULAR = 1e-10


@bootstrapped(0, None)
def gaussian_total_correlation(means: ArrayLike) -> float:
    """Return −½ ln det of the correlation matrix of the means.

    Parameters
    ----------
    means : array_like
        (n_samples, n_latents) posterior means.

    Returns
    -------
    float
        Nats, at least 0; lower is nearer to uncorrelated. Sees linear dependence only. At most
        11.5 nats for each latent that others determine.

    Raises
    ------
    ValueError
        If means has the wrong shape, a value that is not finite, or no more samples than latents.

    Warns
    -----
    MetricWarning
        If some latents determine another one (a duplicate): the exact value is infinite.

    Notes
    -----
    Constant latents have no correlation and are left out. Eigenvalues below 1e-10 count as 1e-10,
    so that duplicates give a large, finite number.

    Detail: none.

    References
    ----------
    Locatello et al. 2019, who report it of the means beside that of the samples.

    Examples
    --------
    >>> corners = [[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]
    >>> gaussian_total_correlation(corners)
    0.0
    """
    codes = unit_scale(check_codes(means))
    codes = codes[:, np.ptp(codes, axis=0) > 0]
    n_samples, n_latents = codes.shape
    if n_latents < 2:
        return 0.0
    check_samples(n_samples, n_latents + 1, f"a covariance of {n_latents} latents")
    # By the range before the squares: a latent may vary little beside its magnitude.
    scaled = (codes - codes.mean(0)) / np.ptp(codes, axis=0)
    scaled /= np.sqrt((scaled**2).sum(0))
    eigenvalues = np.linalg.eigvalsh(scaled.T @ scaled)
    if eigenvalues[0] < _SINGULAR:
        message = "means has latents that determine others, where the exact value is infinite"
        warnings.warn(message, MetricWarning, stacklevel=3)
    return max(0.0, float(-0.5 * np.log(np.maximum(eigenvalues, _SINGULAR)).sum()))


INFO = MetricInfo(
    gaussian_total_correlation,
    title="Gaussian total correlation",
    unit="nats",
    higher_is_better=False,
    range=(0, None),
    requires=("means",),
    invariances=("sample_order", "latent_order", "sign", "scale"),
    reference="Locatello et al. 2019",
    description="Total correlation of the means from their correlation matrix, in nats: linear "
    "dependence only.",
    cost="N·D²",
)
