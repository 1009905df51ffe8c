"""Training of the factor channel: which of the true factors a decoder wants first, by capacity.

Every factor is a latent, z_k = a_k f_k + s_k ε with gain a and noise s learnt, and nothing is
inferred: what the capacity C is spent on, as it rises, is what lowers the reconstruction term most.
A learnt channel is held near KL = C by γ|KL − C|; an exact one lies on it, where that term is 0 but
for rounding. Source: Burgess et al. 2018, Fig. 3.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..grid.packs import Pack
from ..grid.specs import FactorChannelSpec
from ..models.decode import seed_images, to_bytes
from ..models.factor_channel import (
    CHANNELS,
    ExactChannel,
    FactorChannel,
    LearntChannel,
    scaled_factors,
)
from ..store.snapshots import LEVELS, Snapshots
from .batches import Images
from .encode import Told, nobody
from .objectives import gaussian_kl
from .precision import autocast
from .train import Training

# Snapshots at even distances over the rise of C, beside those at `LEVELS` and the last: in all
# below 1 MB for grey images of 64 pixels, even before they are compressed.
N_EVEN = 16


class ChannelTraining(Training):
    """A pack of factor channels in training; there is no encoder, so images are only compared with.

    Parameters
    ----------
    pack : Pack
        Specs of kind `factor_channel`.
    images : Images
        The dataset's images on the device that trains.
    n_images : int
        Size of the dataset.

    Examples
    --------
    >>> from bench.grid.specs import SPEC_ADAPTER
    >>> from datasets import load
    >>> ball = load("ball", image_size=16, shape="disc", radius=3, grid_size=8)
    >>> spec = SPEC_ADAPTER.validate_python({
    ...     "kind": "factor_channel", "gamma": 100, "capacity": 4, "anneal_steps": 10,
    ...     "steps": 10, "batch_size": 16, "dataset": {"name": "ball"}})
    >>> training = ChannelTraining(Pack((spec,)), Images(ball, "cpu"), len(ball))
    >>> training.advance(), training.latent_names
    ([], ('position_x', 'position_y'))
    """

    def __init__(self, pack: Pack, images: Images, n_images: int) -> None:
        dataset, device = images.dataset, pack.execution.device
        self._factors = torch.from_numpy(scaled_factors(dataset)).to(device)
        # 1 for every factor, but 0 for one that has a single value.
        self._spread = self._factors.square().amax(0).gt(0).float()
        self._shown = seed_images(dataset)
        self._moments = [snapshot_steps(cast("FactorChannelSpec", spec)) for spec in pack.specs]
        # Of every member: steps, KL per latent and images of its snapshots.
        self._kept: list[list[tuple[int, Tensor, Tensor]]] = [[] for _ in pack.specs]
        super().__init__(pack, images, n_images)
        self._model.silence(self._spread)

    @property
    def latent_names(self) -> tuple[str, ...]:
        """The factors' names, in the dataset's order."""
        return tuple(self._images.dataset.factor_names)

    def advance(self) -> list[int]:
        """Take a step; return the members that are found to have diverged."""
        diverged = super().advance()
        due = [member for member in self.alive if self.step in self._moments[member]]
        if due:
            self._keep(due)
        return diverged

    @torch.no_grad()
    def codes(
        self, indices: NDArray[np.int64], told: Told = nobody
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return a f and ln s², each (K, N, D) float32, of the images at `indices`."""
        means, logvars = self._encode(torch.from_numpy(indices).to(self._factors.device)[None])
        return means.cpu().numpy(), logvars.cpu().numpy()

    def snapshots(self, member: int) -> Snapshots:
        """Return the images that were kept of a member on the way."""
        spec = cast("FactorChannelSpec", self._specs[member])
        steps, kl, images = zip(*self._kept[member], strict=True)
        return Snapshots(
            steps=np.array(steps, np.int64),
            # Of the step that was just done; the first is step 0.
            c=np.array([capacity_at(spec, step - 1) for step in steps]),
            kl=np.stack([row.double().numpy() for row in kl]),
            originals=self._images.dataset.images(self._shown),
            images=np.stack([shown.numpy() for shown in images]),
        )

    def state(self) -> dict[str, Any]:
        """Return everything that the rest of training depends on, with the snapshots so far."""
        return {**super().state(), "snapshots": self._kept}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned."""
        super().restore(state)
        self._kept = [
            [(step, kl.cpu(), images.cpu()) for step, kl, images in kept]
            for kept in state["snapshots"]
        ]

    def _new_model(self) -> FactorChannel:
        spec, n_factors = self._specs[0], self._factors.shape[1]
        seeds = [spec.seed for spec in self._specs]
        family = CHANNELS[cast("FactorChannelSpec", spec).channel]
        return family(self._images.shape, n_factors, spec.architecture, seeds, spec.initialisation)

    def _adam_parameters(self) -> Iterable[nn.Parameter]:
        own = {"u"} if isinstance(self._model, LearntChannel) else set()
        return (value for name, value in self._model.named_parameters() if name not in own)

    def _descend(self, loss: Tensor) -> None:
        model = self._model
        if not isinstance(model, LearntChannel):
            super()._descend(loss)
            return
        model.u.grad = None
        super()._descend(loss)
        # It has no state, so a checkpoint holds nothing of it.
        ((objective, _, settings),) = self._objectives
        c = objective.control(self._clock, settings)
        rate = cast("float", cast("FactorChannelSpec", self._specs[0]).channel_rate)
        model.descend(rate, settings["gamma"], c)

    def _posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        ((objective, _, settings),) = self._objectives
        if isinstance(self._model, ExactChannel):
            self._model.set_capacity(objective.control(self._clock, settings))
        return self._encode(self._batches.indices(self._clock))

    def _kl(self, means: Tensor, logvars: Tensor) -> Tensor:
        """Return the KL over the whole dataset, ½(a² E[f²] + s² − 1 − ln s²).

        Of a batch, |KL − C| would be the spread of its mean over batches even where the KL is C,
        and γ times that would be minimised too.
        """
        # A factor's second moment enters alone, so the one f = √E[f²] stands for all.
        kl = gaussian_kl(*self._model.encode(self._spread)).squeeze(1)
        # A learnt channel takes the pull of γ|KL − C| in `descend`, where its kink is.
        return kl.detach() if isinstance(self._model, LearntChannel) else kl

    @property
    def _model(self) -> FactorChannel:
        return cast("FactorChannel", self.model)

    def _encode(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        return self._model.encode(self._factors[indices])

    @torch.no_grad()
    def _keep(self, members: list[int]) -> None:
        """Decode the fixed images' means as they are now."""
        indices = torch.from_numpy(self._shown).to(self._factors.device)
        means, logvars = self._encode(indices[None])
        kl = self._kl(means, logvars).cpu()
        with autocast(self._execution):
            logits = self._model.decode(means)
        images = to_bytes(torch.sigmoid(logits.float()).cpu().numpy())
        for member in members:
            # Copies: a view would take the whole pack's images into the checkpoint.
            shown = torch.from_numpy(images[member].copy())
            self._kept[member].append((self.step, kl[member].clone(), shown))


def capacity_at(spec: Spec, step: int) -> float:
    """Return C at a step, counted from 0, in nats per image."""
    share = min(step / spec.anneal_steps, 1)
    return spec.capacity_start + (spec.capacity - spec.capacity_start) * share


def snapshot_steps(spec: FactorChannelSpec) -> frozenset[int]:
    """Return the steps after which images are kept.

    They lie evenly over the rise of C, where C passes each of `LEVELS`, and at the end.

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
        shares += [(level - spec.capacity_start) / span for level in LEVELS]
    steps = {round(share * spec.anneal_steps) for share in shares if share <= 1}
    return frozenset({step for step in steps if 1 <= step < spec.steps} | {spec.steps})
