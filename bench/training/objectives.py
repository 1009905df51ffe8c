"""Objectives: the losses, as pure functions of (terms, step, settings), one `Objective` a kind.

Those that learn or remember something beside the models say so by their `Learner` (`objective`).

All terms are nats per image: the likelihood is summed over pixels and channels, the KL divergence
over latents, and both are averaged over the batch. Averaging over pixels instead would change the
meaning of β, γ and C. Leading axis of every tensor: the members of the pack.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .beta_tcvae import Decomposed, weighted_parts
from .control_vae import Controller
from .factor_vae import Discriminator
from .objective import Objective, Settings, Terms, linear_schedule


def negative_log_likelihood(logits: Tensor, images: Tensor, likelihood: str) -> Tensor:
    """Return −log p(x|z) in nats per image, (K, B), summed over channels and pixels.

    Parameters
    ----------
    logits : Tensor
        (K, B, C, H, W) logits of the pixels' means.
    images : Tensor
        (K, B, C, H, W) intensities in [0, 1].
    likelihood : {"bernoulli", "gaussian"}
        Cross-entropy, or ½‖x − sigmoid(logits)‖² (unit variance, without the constant).
    """
    if likelihood == "bernoulli":
        pixels = F.binary_cross_entropy_with_logits(logits, images, reduction="none")
    else:
        pixels = 0.5 * (images - torch.sigmoid(logits)).square()
    return pixels.sum(dim=(-3, -2, -1))


def gaussian_kl(means: Tensor, logvars: Tensor) -> Tensor:
    """Return KL(N(μ, σ²) ‖ N(0, 1)) = ½(μ² + σ² − 1 − ln σ²) elementwise, in nats."""
    return 0.5 * (means.square() + logvars.exp() - 1 - logvars)


def _weighted_kl(terms: Terms, beta: Tensor, settings: Settings) -> Tensor:
    return terms.reconstruction + beta * terms.kl.sum(-1)


def _capacity(terms: Terms, c: Tensor, settings: Settings) -> Tensor:
    # The absolute value of the batch's mean, not the mean of absolute values: the constraint is on
    # the average rate.
    return terms.reconstruction + settings["gamma"] * (terms.kl.sum(-1) - c).abs()


def _dip(terms: Terms, covariance: Tensor, settings: Settings) -> Tensor:
    """Return the VAE's loss and how far a (K, D, D) covariance of codes is from the identity."""
    diagonal = covariance.diagonal(dim1=-2, dim2=-1)
    across = (covariance - diagonal.diag_embed()).square().sum((1, 2))
    along = (diagonal - 1).square().sum(-1)
    penalty = settings["lambda_od"] * across + settings["lambda_d"] * along
    return terms.reconstruction + terms.kl.sum(-1) + penalty


def _covariance(means: Tensor) -> Tensor:
    """Return E[μμᵀ] − E[μ]E[μ]ᵀ over the batch, (K, D, D)."""
    centred = means - means.mean(1, keepdim=True)
    return centred.transpose(1, 2) @ centred / means.shape[1]


def _dip_i(terms: Terms, beta: Tensor, settings: Settings) -> Tensor:
    return _dip(terms, _covariance(terms.means), settings)


def _dip_ii(terms: Terms, beta: Tensor, settings: Settings) -> Tensor:
    # The covariance of the samples: that of the means, and the mean variance of the posteriors.
    noise = terms.logvars.exp().mean(1).diag_embed()
    return _dip(terms, _covariance(terms.means) + noise, settings)


def maximum_mean_discrepancy(z: Tensor) -> Tensor:
    """Return MMD²(q(z), N(0, 1)) for samples (K, B, D) of q, (K,), with a kernel of variance 2D.

    The kernel is exp(−‖x − y‖² / 4D). Pairs of a sample with itself are left out, so the mean over
    batches is the MMD². What involves the prior is integrated, where the literature takes samples
    of the prior: the same mean with less noise. Source: Gretton et al. 2012, equation 3.
    """
    batch, n_latents = z.shape[1:]
    variance = 2.0 * n_latents
    distances = (z[:, :, None] - z[:, None]).square().sum(-1)
    pairs = (-distances / (2 * variance)).exp().sum((1, 2)) - batch
    # The kernel's mean over N(0, 1) in one argument, then in both.
    shrunk: float = (variance / (variance + 1)) ** (n_latents / 2)
    across = shrunk * (-z.square().sum(-1) / (2 * (variance + 1))).exp()
    prior: float = (variance / (variance + 2)) ** (n_latents / 2)
    return pairs / (batch * (batch - 1)) - 2 * across.mean(1) + prior


def _info(terms: Terms, beta: Tensor, settings: Settings) -> Tensor:
    # β = 1 − α, and the weight of the MMD is α + λ − 1.
    weight = settings["lambda_mmd"] - beta
    return _weighted_kl(terms, beta, settings) + weight * maximum_mean_discrepancy(terms.z)


def _one(step: int | Tensor, settings: Settings) -> Tensor:
    return torch.ones_like(settings["learning_rate"])


# A new objective: its function above, a line here and a class in grid/specs.py. One that learns or
# remembers something has a `Learner` too.
OBJECTIVES: dict[str, Objective] = {
    "vae": Objective("beta", _one, _weighted_kl),
    "beta_vae": Objective("beta", lambda step, settings: settings["beta"], _weighted_kl),
    "annealed_beta_vae": Objective(
        "beta",
        lambda step, s: linear_schedule(step, s["beta_start"], s["beta_end"], s["anneal_steps"]),
        _weighted_kl,
    ),
    "capacity_vae": Objective(
        "c",
        lambda step, s: linear_schedule(
            step, torch.zeros_like(s["capacity"]), s["capacity"], s["anneal_steps"]
        ),
        _capacity,
    ),
    "beta_tcvae": Objective(
        "beta",
        lambda step, settings: settings["beta"],
        lambda terms, beta, settings: weighted_parts(terms, beta),
        Decomposed,
    ),
    "factor_vae": Objective("beta", _one, _weighted_kl, Discriminator),
    "dip_vae_i": Objective("beta", _one, _dip_i),
    "dip_vae_ii": Objective("beta", _one, _dip_ii),
    "control_vae": Objective("beta", _one, _weighted_kl, Controller),
    "info_vae": Objective("beta", lambda step, settings: 1 - settings["alpha"], _info),
    "factor_channel": Objective(
        "c",
        lambda step, s: linear_schedule(
            step, s["capacity_start"], s["capacity"], s["anneal_steps"]
        ),
        _capacity,
    ),
}
