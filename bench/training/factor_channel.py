"""Train the factor channel: which of the true factors a decoder wants first, as capacity rises.

Every factor is a latent, z_k = a_k f_k + s_k ε, whose gain a and noise s are learnt. There is no
encoder: as the capacity C rises, it is spent on what lowers the reconstruction term most. A learnt
channel is held near KL = C by γ|KL − C|. An exact one has KL = C, where that term is 0 up to
rounding. Source: Burgess et al. 2018, Fig. 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..grid import FactorChannelSpec, Pack
from ..models.decode import seed_images, to_bytes
from ..models.factor_channel import (
    CHANNELS,
    ExactChannel,
    FactorChannel,
    LearntChannel,
    scaled_factors,
)
from ..store import KL_SHOWN, Snapshots
from .batches import Images
from .encode import OnProgress, ignore
from .objectives import gaussian_kl
from .process import autocast

# Snapshots at even distances over the rise of C, beside those at `KL_SHOWN` and the last: in all
# below 1 MB for grey images of 64 pixels, even before they are compressed.
N_EVEN = 16


class ChannelFamily:
    """Factor channels; there is no encoder, so images are only compared with.

    Parameters
    ----------
    pack : Pack
        Specs of kind `factor_channel`.
    images : Images
        The dataset's images on the device that trains.

    Examples
    --------
    >>> from bench.grid.specs import SPEC_ADAPTER
    >>> from datasets import load
    >>> ball = load("ball", image_size=16, shape="disc", radius=3, grid_size=8)
    >>> spec = SPEC_ADAPTER.validate_python({
    ...     "kind": "factor_channel", "gamma": 100, "capacity": 4, "anneal_steps": 10,
    ...     "steps": 10, "batch_size": 16, "dataset": {"name": "ball"}})
    >>> family = ChannelFamily(Pack((spec,)), Images(ball, "cpu"))
    >>> family.latent_names, family.codes(np.arange(5))[0].shape
    (('position_x', 'position_y'), (1, 5, 2))
    """

    def __init__(self, pack: Pack, images: Images) -> None:
        self._specs = cast("tuple[FactorChannelSpec, ...]", pack.specs)
        self._execution = pack.execution
        self._dataset, device = images.dataset, pack.execution.device
        self._factors = torch.from_numpy(scaled_factors(self._dataset)).to(device)
        # 1 for every factor, but 0 for one that has a single value.
        self._spread = self._factors.square().amax(0).gt(0).float()
        self._shown = seed_images(self._dataset)
        self._moments = [snapshot_steps(spec) for spec in self._specs]
        # Of every member: steps, KL per latent and images of its snapshots.
        self._kept: list[list[tuple[int, Tensor, Tensor]]] = [[] for _ in self._specs]
        self.latent_names = tuple(self._dataset.factor_names)
        self.model = self._new_model(images.shape).to(device)
        self.model.silence(self._spread)
        self._gamma = torch.tensor([spec.gamma for spec in self._specs], device=device)
        self.descending = (self.model.u,) if isinstance(self.model, LearntChannel) else ()

    def posterior(self, images: Tensor, indices: Tensor, control: Tensor) -> tuple[Tensor, Tensor]:
        """Return a f and ln s², each (K, B, D), of the factors of a step's images, at capacity C.

        C is the scheduled quantity: an exact channel has it, a learnt one descends to it.
        """
        if isinstance(self.model, ExactChannel):
            self.model.set_capacity(control)
        return self._encode(indices)

    def kl(self, means: Tensor, logvars: Tensor) -> Tensor:
        """Return the KL over the whole dataset, (K, D): ½(a² E[f²] + s² − 1 − ln s²).

        Of a batch, |KL − C| would be the spread of its mean over batches even where the KL is C,
        and γ times that would be minimised too.
        """
        # A factor's second moment enters alone, so the one f = √E[f²] stands for all.
        kl = gaussian_kl(*self.model.encode(self._spread)).squeeze(1)
        # A learnt channel takes the pull of γ|KL − C| where it descends, as that has a kink.
        return kl.detach() if isinstance(self.model, LearntChannel) else kl

    def descend(self, control: Tensor) -> None:
        """Move the numbers of a learnt channel towards capacity C."""
        if isinstance(self.model, LearntChannel):
            rate = cast("float", self._specs[0].channel_rate)
            self.model.descend(rate, self._gamma, control)

    @torch.no_grad()
    def codes(
        self, indices: NDArray[np.int64], on_progress: OnProgress = ignore
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return a f and ln s², each (K, N, D) float32, of the images at `indices`."""
        means, logvars = self._encode(torch.from_numpy(indices).to(self._factors.device)[None])
        return means.cpu().numpy(), logvars.cpu().numpy()

    def after_step(self, step: int, alive: Sequence[int]) -> None:
        """Keep images of the members that are due."""
        due = [member for member in alive if step in self._moments[member]]
        if due:
            self._keep(step, due)

    def snapshots(self, member: int) -> Snapshots:
        """Return the images that were kept of a member on the way."""
        spec = self._specs[member]
        steps, kl, images = zip(*self._kept[member], strict=True)
        return Snapshots(
            steps=np.array(steps, np.int64),
            # Of the step that was just done; the first is step 0.
            c=np.array([capacity_at(spec, step - 1) for step in steps]),
            kl=np.stack([row.double().numpy() for row in kl]),
            originals=self._dataset.images(self._shown),
            images=np.stack([shown.numpy() for shown in images]),
        )

    def state(self) -> dict[str, Any]:
        """Return the snapshots so far."""
        return {"snapshots": self._kept}

    def restore(self, state: dict[str, Any]) -> None:
        """Resume from a checkpoint that holds what `state` returned."""
        self._kept = [
            [(step, kl.cpu(), images.cpu()) for step, kl, images in kept]
            for kept in state["snapshots"]
        ]

    def _new_model(self, image_shape: tuple[int, int, int]) -> FactorChannel:
        spec, seeds = self._specs[0], [spec.seed for spec in self._specs]
        channel = CHANNELS[spec.channel]
        n_factors = self._factors.shape[1]
        return channel(image_shape, n_factors, spec.architecture, seeds, spec.initialisation)

    def _encode(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        return self.model.encode(self._factors[indices])

    @torch.no_grad()
    def _keep(self, step: int, members: Sequence[int]) -> None:
        """Decode the fixed images' means as they are now."""
        indices = torch.from_numpy(self._shown).to(self._factors.device)
        means, logvars = self._encode(indices[None])
        kl = self.kl(means, logvars).cpu()
        with autocast(self._execution):
            logits = self.model.decode(means)
        images = to_bytes(torch.sigmoid(logits.float()).cpu().numpy())
        for member in members:
            # Copies: a view would take the whole pack's images into the checkpoint.
            shown = torch.from_numpy(images[member].copy())
            self._kept[member].append((step, kl[member].clone(), shown))


def capacity_at(spec: FactorChannelSpec, step: int) -> float:
    """Return C at a step, counted from 0, in nats per image."""
    share = min(step / spec.anneal_steps, 1)
    return spec.capacity_start + (spec.capacity - spec.capacity_start) * share


def snapshot_steps(spec: FactorChannelSpec) -> frozenset[int]:
    """Return the steps after which images are kept.

    They lie evenly over the rise of C, where C passes each of `KL_SHOWN`, and at the end.

    Examples
    --------
    >>> from bench.grid.specs import SPEC_ADAPTER
    >>> spec = SPEC_ADAPTER.validate_python({
    ...     "kind": "factor_channel", "gamma": 100, "capacity": 20.5, "anneal_steps": 160,
    ...     "steps": 240, "dataset": {"name": "ball"}})
    >>> sorted(snapshot_steps(spec) - set(range(10, 161, 10)))
    [21, 54, 119, 240]
    """
    shares = [(i + 1) / N_EVEN for i in range(N_EVEN)]
    span = spec.capacity - spec.capacity_start
    if span:
        shares += [(level - spec.capacity_start) / span for level in KL_SHOWN]
    steps = {round(share * spec.anneal_steps) for share in shares if share <= 1}
    return frozenset({step for step in steps if 1 <= step < spec.steps} | {spec.steps})
