"""What the KL term of a VAE consists of: information, total correlation, and the marginals."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ._aggregate import aggregate_posterior
from ._detail import record
from ._info import MetricInfo, Part
from ._threads import one_thread
from ._validation import Floats, MetricWarning, check_codes, check_logvars, generator

# Pairs of a draw and a component that are compared at once: they stay in cache.
_PAIRS = 2**19
# A σ below this share of its latent's range is taken as that, against cancellation in (z − μ)²/σ².
_NARROWEST = 1e-5
# So near to ln N, in nats, the samples are too few to tell more information from this.
_SATURATED = 0.5


@dataclass(frozen=True)
class KLDecomposition:
    """The parts of KL = I(x; z) + TC + Σ KL(q(z_j) ‖ N(0, 1)), in nats.

    Attributes
    ----------
    mutual_information : float
        I(x; z) of a sample x of the data and the latents; Monte Carlo.
    total_correlation : float
        KL(q(z) ‖ Π q(z_j)); what is left of `information_plus_tc`.
    dimension_wise_kl : float
        Σ_j KL(q(z_j) ‖ N(0, 1)); exact.
    standard_error : float
        Of `mutual_information` and `total_correlation`, whose errors are opposite.
    kl : float
        Mean over samples of KL(q(z|x) ‖ N(0, 1)); exact.
    sum_marginal_information : float
        Σ_j I(x; z_j); exact.
    """

    mutual_information: float
    total_correlation: float
    dimension_wise_kl: float
    standard_error: float
    kl: float
    sum_marginal_information: float

    @property
    def information_plus_tc(self) -> float:
        """I(x; z) + TC, exactly.

        Latents are independent given x, so the sum is Σ_j I(x; z_j), and KL less its marginal part.
        """
        return self.sum_marginal_information


def kl_decomposition(
    means: ArrayLike,
    logvars: ArrayLike,
    *,
    n_draws: int = 1_000,
    random_state: int | np.random.Generator = 0,
) -> KLDecomposition:
    """Return the parts of the KL term under the aggregate posterior of all samples.

    Parameters
    ----------
    means, logvars : array_like
        (n_samples, n_latents) parameters of the Gaussian posteriors; log of the variance.
    n_draws : int
        Draws from the aggregate posterior, each compared with the posteriors of all samples.
    random_state : int or Generator
        Source of the draws.

    Returns
    -------
    KLDecomposition
        Nats, each at least 0; none is better higher or lower by itself.

    Raises
    ------
    ValueError
        If an argument has the wrong shape or a value that is not finite, or n_draws is below 2.

    Warns
    -----
    MetricWarning
        If I(x; z) is within half a nat of ln n_samples, the most that so many samples can show.

    Notes
    -----
    What depends on one latent at a time is computed without sampling, to 1e-3 nat a latent. The
    split of I(x; z) + TC needs the density of the joint, a mixture in n_latents dimensions:
    I(x; z) = E ln q(z|x) − ln q(z) over `n_draws` draws. A σ below 1e-5 of its latent's range is
    taken as that.

    Detail: `per_latent`, I(x; z_j); `ln_n_samples`, the ceiling of I(x; z).

    References
    ----------
    Hoffman & Johnson 2016, "ELBO surgery"; Chen et al. 2018, equation 2.

    Examples
    --------
    >>> parts = kl_decomposition([[-5.0], [-5.0], [5.0], [5.0]], np.zeros((4, 1)))
    >>> round(parts.information_plus_tc, 3)
    0.693
    """
    mu = check_codes(means)
    ln_variance = check_logvars(logvars, mu)
    if n_draws < 2:
        raise ValueError(f"n_draws must be at least 2, not {n_draws}")
    marginal = aggregate_posterior(mu, ln_variance).sample_information
    kl_per_latent = (0.5 * (mu**2 + np.exp(ln_variance) - 1 - ln_variance)).mean(0)
    with one_thread():
        drawn = _information_of_draws(mu, ln_variance, n_draws, generator(random_state))
    ceiling = math.log(len(mu))
    information = min(max(float(drawn.mean()), 0.0), ceiling)
    if information > ceiling - _SATURATED:
        message = (
            f"means has {len(mu)} samples, which can show {ceiling:.2f} nats of I(x; z) at most; "
            f"{information:.2f} is saturated, and the total correlation too high"
        )
        warnings.warn(message, MetricWarning, stacklevel=2)
    record(per_latent=marginal, ln_n_samples=ceiling)
    total = float(marginal.sum())
    return KLDecomposition(
        mutual_information=information,
        total_correlation=max(total - information, 0.0),
        dimension_wise_kl=float(np.maximum(kl_per_latent - marginal, 0).sum()),
        standard_error=float(drawn.std(ddof=1) / math.sqrt(n_draws)),
        kl=float(kl_per_latent.sum()),
        sum_marginal_information=total,
    )


def _information_of_draws(
    mu: Floats, ln_variance: Floats, n_draws: int, rng: np.random.Generator
) -> Floats:
    """Return ln q(z|x) − ln q(z) of (n_draws,) draws of a sample x and of z given x."""
    n_samples, n_latents = mu.shape
    low, high = mu.min(0), mu.max(0)
    mu = mu - (low + high) / 2
    narrowest = np.maximum(_NARROWEST * (high - low), 1e-30)
    sigma = np.maximum(np.exp(np.clip(ln_variance, -100, 100) / 2), narrowest)
    rows = rng.choice(n_samples, n_draws, replace=n_draws > n_samples)
    noise = rng.standard_normal((n_draws, n_latents))
    z = mu[rows] + sigma[rows] * noise
    own = -0.5 * (noise**2).sum(1) - np.log(sigma[rows]).sum(1)
    # −½ Σ (z − μ)²/σ² − Σ ln σ of all pairs, less that of the own component, is one product.
    draws = np.column_stack([z**2, z, np.ones(n_draws), -own])
    total = np.zeros(n_draws)
    at_once = max(1, _PAIRS // n_draws)
    for first in range(0, n_samples, at_once):
        part = slice(first, first + at_once)
        precision = sigma[part] ** -2
        constant = -0.5 * (mu[part] ** 2 * precision).sum(1) - np.log(sigma[part]).sum(1)
        ones = np.ones(len(constant))
        components = [-0.5 * precision, mu[part] * precision, constant, ones]
        exponents = draws @ np.column_stack(components).T
        # Far above 0 only where a narrow posterior holds a draw of a wide one. The own component
        # adds exp(0), which keeps the sum from vanishing.
        total += np.exp(np.minimum(exponents, 600, out=exponents), out=exponents).sum(1)
    information: Floats = math.log(n_samples) - np.log(total)
    return information


INFO = MetricInfo(
    kl_decomposition,
    title="KL decomposition",
    unit="nats",
    higher_is_better=None,
    range=(0, None),
    requires=("means", "logvars"),
    invariances=(),
    reference="Hoffman & Johnson 2016",
    description="The KL term as information about the sample, total correlation of the latents and "
    "divergence of each latent from the prior, in nats.",
    cost="draws·N·D",
    outputs=tuple(KLDecomposition.__dataclass_fields__),
    parts=(
        Part("mutual_information", "information in the code", "This part: about the sample."),
        Part("total_correlation", "total correlation", "This part: dependence between latents."),
        Part(
            "dimension_wise_kl",
            "KL of marginals",
            "This part: each latent, over all data, from the prior.",
        ),
        Part(
            "standard_error",
            "standard error of the parts",
            "Of information and total correlation, which are estimated by Monte Carlo.",
        ),
        Part("kl", "KL of the decomposition", "The sum of the parts, exact."),
        Part(
            "sum_marginal_information",
            "information in single latents",
            "Each latent's about the sample, summed; information and total correlation together.",
        ),
    ),
)
