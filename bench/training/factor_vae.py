"""FactorVAE's discriminator: a second network, which measures the total correlation of the codes.

Source: Kim & Mnih 2018, algorithm 2. The literature differs in where the discriminator's batches
come from: the paper draws a second batch, disentanglement_lib permutes the model's own. Here the
model has the whole batch, as of every other objective, and the discriminator tells the first half
of its codes from the permuted second half, so no image is on both sides.
"""

from __future__ import annotations

import itertools
from typing import ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..models.vae import PackedLinear, draw_weights
from .objective import Members, Objective, Terms
from .warm_up import WarmUp

# Kim & Mnih 2018, appendix: six layers of a thousand units, and Adam's settings.
DEPTH, WIDTH, SLOPE = 6, 1000, 0.2
LEARNING_RATE, BETAS = 1e-4, (0.5, 0.9)


class Discriminator(WarmUp):
    """Adds γ TC(z), with the density ratio of q(z) to Π q(z_j) that a network has learnt.

    Examples
    --------
    >>> from bench.training.objectives import OBJECTIVES
    >>> members = Members({"gamma": torch.tensor([10.0])}, seeds=[0], n_latents=4)
    >>> discriminator = Discriminator(OBJECTIVES["factor_vae"], members)
    >>> sum(parameter.numel() for parameter in discriminator.parameters())
    5012002
    >>> discriminator.total_correlation(torch.zeros(1, 16, 4)).shape
    torch.Size([1])
    """

    draws: ClassVar[bool] = True

    def __init__(self, objective: Objective, members: Members) -> None:
        super().__init__(objective, members)
        widths = (members.n_latents, *[WIDTH] * DEPTH, 2)
        pack = len(members.seeds)
        self.layers = nn.ModuleList(
            PackedLinear(pack, *pair) for pair in itertools.pairwise(widths)
        )
        draw_weights(self, members.seeds, "kaiming", "objective_init")
        self.optimiser = torch.optim.Adam(
            self.parameters(),
            lr=LEARNING_RATE,
            betas=BETAS,
            fused=True,
            capturable=members.device != "cpu",
        )

    def loss(self, terms: Terms, control: Tensor) -> Tensor:
        """Return reconstruction + KL + share · γ TC of each member, (K,)."""
        weighted = self.share * self.settings["gamma"] * self.total_correlation(terms.z)
        return super().loss(terms, control) + weighted

    def total_correlation(self, z: Tensor) -> Tensor:
        """Estimate KL(q(z) ‖ Π q(z_j)) from (K, B, D) samples, (K,), in nats."""
        return self._log_ratio(z).mean(1)

    def learn(self, terms: Terms, step: Tensor) -> None:
        """Take a step in telling codes from codes whose latents are of different images."""
        optimiser = cast("torch.optim.Optimizer", self.optimiser)
        optimiser.zero_grad()
        torch.autograd.backward(self.cross_entropy(terms).sum())
        optimiser.step()

    def cross_entropy(self, terms: Terms) -> Tensor:
        """Return the discriminator's own loss, (K,): ln 2 where it cannot tell."""
        half = terms.z.shape[1] // 2
        joint, others = terms.z[:, :half], terms.z[:, half : 2 * half]
        # The order of random numbers is a random order, drawn for every latent by itself.
        order = cast("Tensor", terms.fresh)[:, :half].argsort(dim=1)
        apart = others.gather(1, order)
        # −ln of the softmax at the right one of two logits.
        found = F.softplus(-self._log_ratio(joint)).mean(1)
        return 0.5 * (found + F.softplus(self._log_ratio(apart)).mean(1))

    def _log_ratio(self, z: Tensor) -> Tensor:
        """Return ln q(z) − ln Π q(z_j) as the network has it, (K, B)."""
        for layer in self.layers[:-1]:
            z = F.leaky_relu(layer(z), SLOPE)
        joint, apart = self.layers[-1](z).unbind(-1)
        return cast("Tensor", joint - apart)
