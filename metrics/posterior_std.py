"""How wide the posterior of each latent is: the σ that Burgess et al. 2018 print beside a KL."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ._info import MetricInfo
from ._validation import Floats, check_codes


def posterior_std_per_dimension(logvars: ArrayLike) -> Floats:
    """Return the mean standard deviation of each latent's posterior.

    Parameters
    ----------
    logvars : array_like
        (n_samples, n_latents) log-variances of the Gaussian posteriors.

    Returns
    -------
    ndarray
        (n_latents,) mean over samples of σ = exp(logvar / 2), in units of the prior's: near 1 for
        a latent that is not used, the smaller the more precisely it is known.

    Raises
    ------
    ValueError
        If logvars has another shape or a value that is not finite.

    References
    ----------
    Burgess et al. 2018, Fig. 2, where σ stands beside the KL of every latent.

    Examples
    --------
    >>> posterior_std_per_dimension([[0.0, 0.0], [0.0, 2 * np.log(3.0)]]).round(6).tolist()
    [1.0, 2.0]
    """
    std: Floats = np.exp(check_codes(logvars, "logvars") / 2).mean(0)
    return std


INFO = MetricInfo(
    posterior_std_per_dimension,
    title="posterior σ per latent",
    higher_is_better=None,
    range=(0, None),
    requires=("logvars",),
    invariances=("sample_order", "sign"),
    reference="Burgess et al. 2018",
    description="Mean standard deviation of each latent's posterior, the prior's being 1.",
    cost="N·D",
)
