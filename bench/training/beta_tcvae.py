"""β-TCVAE's parts of the KL, estimated from a batch by minibatch-weighted sampling.

E[KL(q(z|x) ‖ p(z))] = I(x; z) + KL(q(z) ‖ Π q(z_j)) + Σ KL(q(z_j) ‖ p(z_j)): the mutual
information, the total correlation, the dimension-wise KL. Source: Chen et al. 2018, equations 2 to
5 and appendix C.1.

The estimates are off by constants, as a batch has few of the images: they have no gradient.
"""

from __future__ import annotations

import math

from torch import Tensor

from .objective import Members, Objective, Terms
from .warm_up import WarmUp

_LOG_2_PI = math.log(2 * math.pi)


def log_densities(terms: Terms) -> Tensor:
    """Return log q(z_j | x) of the sample of every image under the posterior of every other.

    (K, B, B, D): of the sample of image i, along the second axis, under the posterior of image k.
    """
    z, means, logvars = terms.z[:, :, None], terms.means[:, None], terms.logvars[:, None]
    return -0.5 * (_LOG_2_PI + logvars + (z - means).square() / logvars.exp())


def estimates(terms: Terms) -> tuple[Tensor, Tensor]:
    """Estimate the total correlation and the dimension-wise KL, (K,) each."""
    log_q = log_densities(terms)
    log_weight = math.log(terms.z.shape[1] * terms.n_images)
    log_joint = log_q.sum(-1).logsumexp(2) - log_weight
    log_marginals = (log_q.logsumexp(2) - log_weight).sum(-1)
    log_prior = -0.5 * (_LOG_2_PI + terms.z.square()).sum(-1)
    return (log_joint - log_marginals).mean(1), (log_marginals - log_prior).mean(1)


def weighted_parts(terms: Terms, beta: Tensor, share: Tensor | None = None) -> Tensor:
    """Return reconstruction + mutual information + β TC + share · dimension-wise KL, (K,).

    Without a share the dimension-wise KL counts in full.
    """
    correlation, dimension_wise = estimates(terms)
    # The KL is the sum of its parts: what is added to it changes their weights.
    whole = terms.reconstruction + terms.kl.sum(-1) + (beta - 1) * correlation
    return whole if share is None else whole + (share - 1) * dimension_wise


class Decomposed(WarmUp):
    """Weighs the dimension-wise KL by its share."""

    def __init__(self, objective: Objective, members: Members) -> None:
        super().__init__(objective, members)
        self._warms_up = bool(members.settings["warm_up_steps"].any())

    def loss(self, terms: Terms, control: Tensor) -> Tensor:
        """Return the loss of each member, (K,)."""
        return weighted_parts(terms, control, self.share if self._warms_up else None)
