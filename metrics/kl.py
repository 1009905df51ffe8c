"""KL divergence of the posterior from the prior, per latent, and how many latents are in use."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ._detail import record
from ._info import MetricInfo
from ._validation import Floats, check_codes, check_logvars, check_threshold

# A latent with more than this many nats is in use, by the criterion "kl".
ACTIVE_KL = 0.1


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
    means: ArrayLike,
    logvars: ArrayLike | None = None,
    *,
    threshold: float | None = None,
    criterion: Literal["variance", "kl"] = "variance",
) -> int:
    """Count the latents that are in use.

    Parameters
    ----------
    means : array_like
        (n_samples, n_latents) posterior means.
    logvars : array_like, optional
        (n_samples, n_latents); needed by the criterion "kl".
    threshold : float, optional
        What an active latent exceeds: 0.01 by variance, 0.1 nat by KL.
    criterion : {"variance", "kl"}
        The variance of the means over the data, or the mean KL from the prior.

    Returns
    -------
    int
        From 0 to n_latents.

    Raises
    ------
    ValueError
        If an argument has the wrong shape, a value that is not finite, or logvars is missing.

    Notes
    -----
    Detail: `per_latent`, the variances or divergences that are compared with the threshold.

    References
    ----------
    Burda et al. 2016, section 4.2.

    Examples
    --------
    >>> active_units([[0.0, 1.0], [0.0, -1.0]])
    1
    """
    mu = check_codes(means)
    log = None if logvars is None else check_logvars(logvars, mu)
    if criterion == "variance":
        measured, least = mu.var(0), 0.01
    elif criterion != "kl":
        raise ValueError(f"criterion must be 'variance' or 'kl', not {criterion!r}")
    elif log is None:
        raise ValueError("logvars is needed by criterion='kl'")
    else:
        measured, least = kl_per_dimension(mu, log), ACTIVE_KL
    if threshold is not None:
        check_threshold(threshold, "threshold")
    record(per_latent=measured)
    return int((measured > (least if threshold is None else threshold)).sum())


KL_INFO = MetricInfo(
    kl_per_dimension,
    title="KL per latent",
    unit="nats",
    higher_is_better=None,
    range=(0, None),
    requires=("means", "logvars"),
    invariances=("sample_order", "sign"),
    reference="Kingma & Welling 2014",
    description="Mean KL divergence of each latent's posterior from the prior, in nats.",
    cost="N·D",
)
ACTIVE_INFO = MetricInfo(
    active_units,
    title="active units",
    higher_is_better=None,
    range=(0, None),
    requires=("means", "logvars"),
    invariances=("sample_order", "latent_order", "sign"),
    reference="Burda et al. 2016",
    description="Number of latents whose means vary over the data.",
    cost="N·D",
    alternatives=(("variance > 0.01", ()), ("KL > 0.1 nat", (("criterion", "kl"),))),
)
