"""The factor channel network: true factors plus noise are the codes that are decoded."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from .vae import ARCHITECTURES, Decoding, draw_weights

if TYPE_CHECKING:
    from .._siblings import datasets

# What a learnt channel spends on every factor at its start, in nats.
FIRST_KL = 0.1


def scaled_factors(dataset: datasets.FactorDataset) -> NDArray[np.float32]:
    """Return the factors of all images, each scaled to mean 0 and variance 1 over the dataset.

    A factor is one number, its class index, whether its values have an order (scale), none (shape)
    or a circular one (orientation). One that has a single value is 0.

    Parameters
    ----------
    dataset : FactorDataset
        Images with factors.

    Returns
    -------
    ndarray
        (n_images, n_factors) float32.

    Examples
    --------
    >>> from datasets import load
    >>> scaled = scaled_factors(load("ball"))
    >>> bool(abs(scaled.mean(0)).max() < 1e-6), bool(abs(scaled.std(0) - 1).max() < 1e-6)
    (True, True)
    """
    scaled = np.empty((len(dataset), len(dataset.factor_names)), np.float32)
    factors = dataset.factors(np.arange(len(dataset)))
    for column, values in enumerate(factors.T):
        spread = values.std()
        scaled[:, column] = (values - values.mean()) / (spread if spread > 0 else 1)
    return scaled


class FactorChannel(Decoding, ABC):
    """K channels that send scaled factors with noise, z_k = a_k f_k + s_k ε, and their decoders.

    With E[f²] = 1, a ratio r of gain to noise costs the least KL at a² + s² = 1, where
    KL_k = −ln s_k = ½ ln(1 + r²). Every channel keeps to that; they differ in what is learnt.

    Source: Burgess et al. 2018, Fig. 3, for the channel; the parametrisations are this suite's.

    Parameters
    ----------
    image_shape : tuple of int
        (C, H, W), with H = W a multiple of 16.
    n_factors : int
        D, a latent each.
    architecture : str
        A key of `ARCHITECTURES`; its decoder is what is used.
    seeds : sequence of int
        One a member; K = len(seeds).
    initialisation : {"pytorch", "kaiming"}
        As for the VAE.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        n_factors: int,
        architecture: str,
        seeds: Sequence[int],
        initialisation: str = "pytorch",
    ) -> None:
        pack = len(seeds)
        super().__init__(image_shape, n_factors, pack)
        self._add_channel()
        self._add_decoder(ARCHITECTURES[architecture])
        draw_weights(self, seeds, initialisation)

    @abstractmethod
    def _add_channel(self) -> None:
        """Add what a channel learns beside its decoder."""

    @abstractmethod
    def gain_and_log_noise(self) -> tuple[Tensor, Tensor]:
        """Return a and ln s, each (K, 1, D)."""

    @abstractmethod
    def silence(self, spread: Tensor) -> None:
        """Spend nothing on the factors whose variance, (D,) 0 or 1, is 0."""

    def encode(self, factors: Tensor) -> tuple[Tensor, Tensor]:
        """Return means a f and log-variances ln s², each (K, B, D), of (K, B, D) scaled factors."""
        gain, log_noise = self.gain_and_log_noise()
        means = gain * factors
        return means, (2 * log_noise).expand_as(means)


class LearntChannel(FactorChannel):
    """A channel whose gain and noise are free: γ|KL − C| alone draws the KL to C.

    A factor has one number u, with a = tanh u, s = 1 / cosh u and so KL_k = ln cosh u: u²/2 near 0,
    |u| − ln 2 far from it. Plain gradient descent moves it (`descend`), so u = 0 is a saddle:

        d ln u / d step = rate · (worth − price),

    where the worth is what a first nat spent on the factor gains in log-likelihood, and the price
    what a nat gains elsewhere. In the beginning the price is high, and all but the positions die
    away; later they have a long way back. That makes them late and sudden. With Adam there is no
    saddle: it divides by the size of the gradient, which is γ's whatever a factor is worth.
    docs/fig3.md says what was tried.

    Attributes
    ----------
    u : Parameter
        (K, 1, D), equal at the start, where every factor has `FIRST_KL` nats.

    Examples
    --------
    >>> channel = LearntChannel((1, 64, 64), 2, "burgess", seeds=[0])
    >>> means, logvars = channel.encode(torch.ones(1, 1, 2))
    >>> kl = 0.5 * (means.square() + logvars.exp() - 1 - logvars)
    >>> bool(((kl - FIRST_KL).abs() < 1e-5).all())
    True
    """

    def _add_channel(self) -> None:
        first = math.acosh(math.exp(FIRST_KL))
        self.u = nn.Parameter(torch.full((self.pack, 1, self.n_latents), first))

    @torch.no_grad()
    def descend(self, rate: float, gamma: Tensor, c: Tensor) -> None:
        """Take a step against the gradient of reconstruction + γ|KL − C|.

        A plain step would jump from one side of the kink at KL = C to the other and back for ever,
        which wears u down by (rate γ)² / 2 a step. There any pull between −γ and γ is a
        subgradient; taken is the one that lands on KL = C, or the nearest to it.

        Parameters
        ----------
        rate : float
            Of the descent.
        gamma, c : Tensor
            (K,) γ and C. `u.grad` is the gradient of the reconstruction.
        """
        gradient = cast("Tensor", self.u.grad)
        gamma, c = gamma.view(-1, 1, 1), c.view(-1, 1, 1)
        slope, excess = self.u.tanh(), self._kl().sum(-1, keepdim=True) - c
        along, steepness = ((slope * part).sum(-1, keepdim=True) for part in (gradient, slope))
        # Where all u are 0 nothing pulls.
        pull = ((excess / rate - along) / steepness.clamp(min=1e-20)).clamp(-gamma, gamma)
        self.u.sub_(rate * (gradient + pull * slope))

    def _kl(self) -> Tensor:
        # ln cosh u without the overflow of cosh.
        return F.softplus(2 * self.u) - self.u - math.log(2)

    def gain_and_log_noise(self) -> tuple[Tensor, Tensor]:
        """Return a and ln s, each (K, 1, D)."""
        return self.u.tanh(), -self._kl()

    @torch.no_grad()
    def silence(self, spread: Tensor) -> None:
        """Spend nothing on the factors whose variance, (D,) 0 or 1, is 0."""
        # At 0 the KL has no slope, nor has the noise, and a factor that is always 0 gives the gain
        # none: it stays there.
        self.u.mul_(spread)


class ExactChannel(FactorChannel):
    """A channel that spends C to the last digit: what is learnt is how C is shared out.

    KL_k = C w_k² / Σ w². For every γ above the price of a nat, the minimum of γ|KL − C| lies on the
    surface KL = C, and (a, s) never leave it. It finds at once what a nat is worth where, so a
    factor enters as soon as it pays: it has none of the paper's late onsets.

    Attributes
    ----------
    share : Parameter
        (K, 1, D) w, equal at the start: no factor is ahead of another.
    capacity : Tensor
        (K, 1, 1) C in nats per image, set by whoever trains, 0 before.

    Examples
    --------
    >>> channel = ExactChannel((1, 64, 64), 2, "burgess", seeds=[0])
    >>> channel.set_capacity(torch.tensor([2.0]))
    >>> means, logvars = channel.encode(torch.ones(1, 1, 2))
    >>> kl = 0.5 * (means.square() + logvars.exp() - 1 - logvars)
    >>> [round(value, 5) for value in kl.flatten().tolist()]
    [1.0, 1.0]
    """

    capacity: Tensor

    def _add_channel(self) -> None:
        shape = (self.pack, 1, self.n_latents)
        self.share = nn.Parameter(torch.full(shape, self.n_latents**-0.5))
        self.register_buffer("capacity", torch.zeros(self.pack, 1, 1))

    def set_capacity(self, c: Tensor) -> None:
        """Set the capacity of each member, (K,) nats per image."""
        self.capacity.copy_(c.view(-1, 1, 1))

    def gain_and_log_noise(self) -> tuple[Tensor, Tensor]:
        """Return a and ln s, each (K, 1, D)."""
        direction = self.share / self.share.square().sum(-1, keepdim=True).sqrt()
        kl = self.capacity * direction.square()
        # a² = 1 − s² = 1 − exp(−2 KL_k), as a product that is smooth where w_k passes 0.
        small = kl.clamp(min=1e-6)
        return direction * (self.capacity * -torch.expm1(-2 * small) / small).sqrt(), -kl

    @torch.no_grad()
    def silence(self, spread: Tensor) -> None:
        """Spend nothing on the factors whose variance, (D,) 0 or 1, is 0."""
        self.share.mul_(spread)


CHANNELS: dict[str, type[FactorChannel]] = {"exact": ExactChannel, "learnt": LearntChannel}
