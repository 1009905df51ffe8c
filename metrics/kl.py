"""KL divergence of the posterior from the prior, per latent, and how many latents are in use."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ._validation import Floats, check_codes, check_logvars


def kl_per_dimension(means: ArrayLike, logvars: ArrayLike) -> Floats:
    """Return the mean KL(q(z_j|x) ‖ N(0, 1)) of each latent.

    Parameters
    ----------
    means, logvars : array_like
        (n_samples, n_latents) parameters of the Gaussian posteriors; log of the variance.

    Returns
    -------
    ndarray
        (n_latents,) nats, averaged over samples: ½(μ² + σ² − 1 − ln σ²) ≥ 0.

    Raises
    ------
    ValueError
        If an argument has the wrong shape or a value that is not finite.

    References
    ----------
    Kingma & Welling 2014, appendix B.

    Examples
    --------
    >>> kl_per_dimension([[0.0, 2.0]], [[0.0, 0.0]]).tolist()
    [0.0, 2.0]
    """
    mu = check_codes(means)
    log = check_logvars(logvars, mu)
    kl: Floats = (0.5 * (mu**2 + np.exp(log) - 1 - log)).mean(0)
    return kl


def active_units(
    means: ArrayLike, logvars: ArrayLike | None = None, *, threshold: float = 0.01
) -> int:
    """Count the latents whose means vary over the data by more than a threshold.

    Parameters
    ----------
    means : array_like
        (n_samples, n_latents) posterior means.
    logvars : array_like, optional
        Checked against `means`, otherwise unused: the definition is about means.
    threshold : float
        Least variance of an active latent's means.

    Returns
    -------
    int
        From 0 to n_latents.

    Raises
    ------
    ValueError
        If an argument has the wrong shape or a value that is not finite.

    References
    ----------
    Burda et al. 2016, section 4.2.

    Examples
    --------
    >>> active_units([[0.0, 1.0], [0.0, -1.0]])
    1
    """
    mu = check_codes(means)
    if logvars is not None:
        check_logvars(logvars, mu)
    return int((mu.var(0) > threshold).sum())
