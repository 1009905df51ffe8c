"""The factor channel: the true factors with noise, as codes of the models' decoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .models import ARCHITECTURES, Decoding

if TYPE_CHECKING:
    from ._siblings import datasets


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


class FactorChannel(Decoding):
    """K channels that send scaled factors with noise, z_k = a_k f_k + s_k ε, and their decoders.

    What is learnt is how the capacity C is shared out: KL_k = C w_k² / Σ w². With E[f²] = 1, a
    ratio of gain to noise costs the least KL at a² + s² = 1, where KL_k = −ln s_k; so s and a
    follow from KL_k. For every γ above the price of a nat, the minimum of γ|KL − C| lies on the
    surface KL = C, and (a, s) never leave it. Left free, as 2D numbers that Adam drives, they do
    not find that minimum: it divides each number's gradient by its size, which is γ's whatever the
    factor is worth, and so raises all factors alike.

    Source: Burgess et al. 2018, Fig. 3, for the channel; the parametrisation is this suite's.

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

    Attributes
    ----------
    share : Parameter
        (K, 1, D) w, equal at the start: no factor is ahead of another.
    capacity : Tensor
        (K, 1, 1) C in nats per image, set by whoever trains, 0 before.

    Examples
    --------
    >>> channel = FactorChannel((1, 64, 64), 2, "burgess", seeds=[0])
    >>> channel.set_capacity(torch.tensor([2.0]))
    >>> means, logvars = channel.encode(torch.ones(1, 1, 2))
    >>> kl = 0.5 * (means.square() + logvars.exp() - 1 - logvars)
    >>> [round(value, 5) for value in kl.flatten().tolist()]
    [1.0, 1.0]
    """

    capacity: Tensor

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
        self.share = nn.Parameter(torch.full((pack, 1, n_factors), n_factors**-0.5))
        self.register_buffer("capacity", torch.zeros(pack, 1, 1))
        self._add_decoder(ARCHITECTURES[architecture])
        self._initialise(seeds, initialisation)

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

    def encode(self, factors: Tensor) -> tuple[Tensor, Tensor]:
        """Return means a f and log-variances ln s², each (K, B, D), of (K, B, D) scaled factors."""
        gain, log_noise = self.gain_and_log_noise()
        means = gain * factors
        return means, (2 * log_noise).expand_as(means)
