"""β-TCVAE's parts of the KL, estimated from a batch by minibatch-weighted sampling.

E[KL(q(z|x) ‖ p(z))] = I(x; z) + KL(q(z) ‖ Π q(z_j)) + Σ KL(q(z_j) ‖ p(z_j)): the mutual
information, the total correlation, the dimension-wise KL. Source: Chen et al. 2018, equations 2 to
5 and appendix C.1.

The estimates are off by constants, as a batch has few of the images: they have no gradient.
"""

from __future__ import annotations

import math

from torch import Tensor

from .objective import Learner, Members, Objective, Terms, warm_up

_LOG_2_PI = math.log(2 * math.pi)


def total_correlation(terms: Terms) -> Tensor:
    """Estimate KL(q(z) ‖ Π q(z_j)) from a batch, (K,)."""
    log_joint, log_marginals = _log_aggregate(terms)
    return (log_joint - log_marginals).mean(1)


def dimension_wise_kl(terms: Terms) -> Tensor:
    """Estimate Σ KL(q(z_j) ‖ N(0, 1)) from a batch, (K,)."""
    _, log_marginals = _log_aggregate(terms)
    log_prior = -0.5 * (_LOG_2_PI + terms.z.square()).sum(-1)
    return (log_marginals - log_prior).mean(1)


def _log_aggregate(terms: Terms) -> tuple[Tensor, Tensor]:
    """Estimate log q(z) and log Π q(z_j) at the samples of a batch, (K, B) each."""
    batch = terms.z.shape[1]
    z, means, logvars = terms.z[:, :, None], terms.means[:, None], terms.logvars[:, None]
    # log q(z_i | x_k) per latent, (K, B, B, D): the sample of image i under the posterior of k.
    log_q = -0.5 * (_LOG_2_PI + logvars + (z - means).square() / logvars.exp())
    log_weight = math.log(batch * terms.n_images)
    log_joint = log_q.sum(-1).logsumexp(2) - log_weight
    log_marginals = (log_q.logsumexp(2) - log_weight).sum(-1)
    return log_joint, log_marginals


class Decomposed(Learner):
    """Weighs the dimension-wise KL by a share that rises from 0 to 1 over `warm_up_steps`.

    Examples
    --------
    >>> import torch
    >>> from bench.training.objectives import OBJECTIVES
    >>> settings = {"beta": torch.tensor([6.0]), "warm_up_steps": torch.tensor([100.0])}
    >>> learner = Decomposed(OBJECTIVES["beta_tcvae"], Members(settings, seeds=[0], n_latents=1))
    >>> learner.control(torch.tensor(25)).item(), learner.share.item()
    (6.0, 0.25)
    """

    share: Tensor

    def __init__(self, objective: Objective, members: Members) -> None:
        super().__init__(objective, members)
        self._warms_up = bool(members.settings["warm_up_steps"].any())

    def control(self, step: Tensor) -> Tensor:
        """Return β, (K,)."""
        self.share = warm_up(step, self.settings["warm_up_steps"])
        return super().control(step)

    def loss(self, terms: Terms, control: Tensor) -> Tensor:
        """Return reconstruction + mutual information + β TC + share · dimension-wise KL, (K,)."""
        whole = super().loss(terms, control)
        return whole + (self.share - 1) * dimension_wise_kl(terms) if self._warms_up else whole
