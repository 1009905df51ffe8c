"""Family: what differs between VAEs and factor channels, so that one loop trains both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from ..grid import Pack, VAESpec
from ..models.own_vae import build_vae
from ..models.vae import Decoding
from ..store import Snapshots
from .batches import Images
from .encode import OnProgress, encode_images, ignore
from .objectives import gaussian_kl


class Family(Protocol):
    """The members of a pack: their networks, what these encode and what that costs.

    It is made of a pack and the dataset's images on the device that trains, and handed to
    `Training`.
    """

    @property
    def model(self) -> Decoding:
        """The members, at their initialisation until they are trained."""

    @property
    def latent_names(self) -> tuple[str, ...]:
        """What the D dimensions of the codes are called."""

    @property
    def descending(self) -> Sequence[nn.Parameter]:
        """The parameters that `descend` moves, and Adam does not."""

    def posterior(self, images: Tensor, indices: Tensor, control: Tensor) -> tuple[Tensor, Tensor]:
        """Return means and log-variances, each (K, B, D), of a step's batch.

        Parameters
        ----------
        images : Tensor
            (K, B, C, H, W).
        indices : Tensor
            (K, B), where they are in the dataset.
        control : Tensor
            (K,) value of the quantity that each member's objective schedules.
        """

    def kl(self, means: Tensor, logvars: Tensor) -> Tensor:
        """Return the mean KL divergence of every latent, (K, D), for a batch's posterior."""

    def codes(
        self, indices: NDArray[np.int64], on_progress: OnProgress = ignore
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return means and log-variances, each (K, N, D) float32, of the images at `indices`."""

    def after_step(self, step: int, alive: Sequence[int]) -> None:
        """Receive the steps done and the members still in training, after every step."""

    def descend(self, control: Tensor) -> None:
        """Move `descending` against its gradient; no state of it is kept in checkpoints.

        Parameters
        ----------
        control : Tensor
            (K,) as in `posterior`.
        """

    def snapshots(self, member: int) -> Snapshots | None:
        """Return the images that were kept of a member on the way, None where none are."""

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint has to hold beside the model's and Adam's state."""

    def restore(self, state: dict[str, Any]) -> None:
        """Resume from a checkpoint that holds what `state` returned."""


class VAEFamily:
    """VAEs: a latent is what the encoder makes of it, and costs what it costs on the batch.

    Parameters
    ----------
    pack : Pack
        Specs of VAEs.
    images : Images
        The dataset's images on the device that trains.
    """

    descending: tuple[nn.Parameter, ...] = ()

    def __init__(self, pack: Pack, images: Images) -> None:
        self._images = images
        self._execution = pack.execution
        spec = cast("VAESpec", pack.specs[0])
        seeds = [member.seed for member in pack.specs]
        vae = build_vae(images.shape, spec.n_latents, spec.architecture, seeds, spec.initialisation)
        self.model = vae.to(pack.execution.device)
        self.latent_names = tuple(f"z{j}" for j in range(spec.n_latents))

    def posterior(self, images: Tensor, indices: Tensor, control: Tensor) -> tuple[Tensor, Tensor]:
        """Return means and log-variances, each (K, B, D), of a step's images."""
        return self.model.encode(images)

    def kl(self, means: Tensor, logvars: Tensor) -> Tensor:
        """Return the mean KL divergence of every latent over the batch, (K, D)."""
        return gaussian_kl(means, logvars).mean(1)

    def codes(
        self, indices: NDArray[np.int64], on_progress: OnProgress = ignore
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return means and log-variances, each (K, N, D) float32, of the images at `indices`."""
        return encode_images(self.model, self._images, indices, self._execution, on_progress)

    def after_step(self, step: int, alive: Sequence[int]) -> None:
        """Do nothing."""

    def descend(self, control: Tensor) -> None:
        """Do nothing: Adam moves all."""

    def snapshots(self, member: int) -> None:
        """Return None: no images are kept on the way."""

    def state(self) -> dict[str, Any]:
        """Return nothing: weights are all that there is."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Do nothing."""
