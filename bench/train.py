"""Producer of the trained kinds: a pack of VAEs, one optimiser, one loop to read top to bottom."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from .encode import (
    autocast,
    encode_images,
    evaluation_indices,
    reconstruction_term,
    state_bytes,
)
from .models import VAE
from .objectives import OBJECTIVES, Objective, Settings, Terms, gaussian_kl, negative_log_likelihood
from .outcome import Failure, Result
from .packs import Pack
from .specs import TrainedSpec
from .streams import BatchOrder, Noise

if TYPE_CHECKING:
    from ._siblings import datasets

# A history has at most so many rows, each the mean over its window of steps.
HISTORY_ROWS = 600

Report = Callable[[int, float], None]


def train(
    pack: Pack, dataset: datasets.FactorDataset, report: Report
) -> Iterator[Result | Failure]:
    """Train the members of a pack together and yield what became of each.

    Parameters
    ----------
    pack : Pack
        Trained specs of one architecture, dataset, batch size, learning rate and length.
    dataset : FactorDataset
        The images.
    report : callable
        Called after every step with (model-steps done, latest mean loss).

    Yields
    ------
    Result or Failure
        A failure as soon as a member's loss is not finite, a result for each of the others at
        the end.
    """
    specs = cast("tuple[TrainedSpec, ...]", pack.specs)
    vae = VAE(
        dataset.image_shape, specs[0].n_latents, specs[0].architecture, [s.seed for s in specs]
    ).to(pack.execution.device)
    history = _History(specs)
    alive = list(range(len(specs)))
    for step, row in enumerate(_steps(vae, pack, specs, dataset)):
        if history.add(step, row):
            for member in [m for m in alive if not history.is_finite(m)]:
                alive.remove(member)
                yield Failure(specs[member], f"the loss was not finite by step {step + 1}")
            if not alive:
                return
        report((step + 1) * len(specs), history.latest_loss(alive))
    yield from _results(vae, pack, specs, dataset, history, alive)


def _steps(
    vae: VAE, pack: Pack, specs: Sequence[TrainedSpec], dataset: datasets.FactorDataset
) -> Iterator[Tensor]:
    """Take every training step; yield (K, columns) of what the history records of it."""
    spec, device = specs[0], pack.execution.device
    objectives = _by_kind(specs, device)
    # On the host one pass over all parameters is the fast form, on a card one fused kernel.
    optimiser = torch.optim.Adam(vae.parameters(), lr=spec.learning_rate, fused=True)
    orders = [BatchOrder(s.seed, len(dataset), s.batch_size) for s in specs]
    noises = [Noise(s.seed, (s.batch_size, s.n_latents)) for s in specs]
    for step in range(spec.steps):
        indices = np.concatenate([order(step) for order in orders])
        pixels = torch.from_numpy(dataset.images(indices)).to(device)
        images = pixels.float().div_(255).reshape(len(specs), spec.batch_size, *dataset.image_shape)
        noise = torch.from_numpy(np.stack([noise(step) for noise in noises])).to(device)

        with autocast(pack.execution):
            means, logvars = vae.encode(images)
            z = means + (0.5 * logvars).exp() * noise
            logits = vae.decode(z)
        likelihoods = negative_log_likelihood(logits.float(), images, spec.likelihood)
        kl = gaussian_kl(means, logvars).mean(1)
        terms = Terms(likelihoods.mean(1), kl, z, means, logvars, len(dataset))
        loss, control = _losses(terms, step, objectives)

        optimiser.zero_grad()
        # Members share no parameter, so the gradient of the sum is each one's own.
        torch.autograd.backward(loss.sum())
        optimiser.step()
        columns = [loss, terms.reconstruction, kl.sum(-1), control]
        yield torch.cat([torch.stack(columns, 1), kl], 1).detach()


def _by_kind(
    specs: Sequence[TrainedSpec], device: str
) -> list[tuple[Objective, Tensor | slice, Settings]]:
    """Group the members by objective, with their hyper-parameters stacked."""
    groups: list[tuple[Objective, Tensor | slice, Settings]] = []
    for kind in dict.fromkeys(spec.kind for spec in specs):
        members = [i for i, spec in enumerate(specs) if spec.kind == kind]
        settings = {
            name: torch.tensor([getattr(specs[i], name) for i in members], device=device).float()
            for name, value in specs[members[0]]
            if isinstance(value, float | int)
        }
        # One objective for all is the ordinary case, and a slice gathers nothing.
        chosen = slice(None) if len(members) == len(specs) else torch.tensor(members, device=device)
        groups.append((OBJECTIVES[kind], chosen, settings))
    return groups


def _losses(
    terms: Terms, step: int, groups: list[tuple[Objective, Tensor | slice, Settings]]
) -> tuple[Tensor, Tensor]:
    """Return each member's loss and scheduled quantity at a step, both (K,)."""
    losses = torch.empty_like(terms.reconstruction)
    controls = torch.empty_like(terms.reconstruction)
    for objective, members, settings in groups:
        tensors = (terms.reconstruction, terms.kl, terms.z, terms.means, terms.logvars)
        reconstruction, kl, z, means, logvars = (tensor[members] for tensor in tensors)
        chosen = Terms(reconstruction, kl, z, means, logvars, terms.n_images)
        control = objective.control(step, settings)
        controls[members] = control
        losses[members] = objective.loss(chosen, control, settings)
    return losses, controls


class _History:
    """Means over windows of steps, kept on the device until a window ends."""

    def __init__(self, specs: Sequence[TrainedSpec]) -> None:
        self._specs = specs
        self._steps = specs[0].steps
        self._window = math.ceil(self._steps / HISTORY_ROWS)
        self._sum: Tensor | None = None
        self._count = 0
        self._ends: list[int] = []
        self._rows: list[np.ndarray] = []

    def add(self, step: int, row: Tensor) -> bool:
        """Add a step's row; return whether that ended a window."""
        row = row.double()
        self._sum = row if self._sum is None else self._sum + row
        self._count += 1
        if self._count < self._window and step + 1 < self._steps:
            return False
        self._rows.append((self._sum / self._count).cpu().numpy())
        self._ends.append(step + 1)
        self._sum, self._count = None, 0
        return True

    def is_finite(self, member: int) -> bool:
        """Return whether everything in a member's last window was finite."""
        return bool(np.isfinite(self._rows[-1][member]).all())

    def latest_loss(self, members: Sequence[int]) -> float:
        """Return the mean loss of the last complete window over some members."""
        return float(self._rows[-1][members, 0].mean()) if self._rows else math.nan

    def frame(self, member: int) -> pd.DataFrame:
        """Return the history of a member; `step` is the number of steps done by a window's end."""
        spec = self._specs[member]
        control = OBJECTIVES[spec.kind].control_name
        latents = [f"kl_{j}" for j in range(spec.n_latents)]
        columns = ["loss", "reconstruction", "kl", control, *latents]
        frame = pd.DataFrame([row[member] for row in self._rows], columns=columns)
        frame.insert(0, "step", self._ends)
        return frame


def _results(
    vae: VAE,
    pack: Pack,
    specs: Sequence[TrainedSpec],
    dataset: datasets.FactorDataset,
    history: _History,
    alive: Sequence[int],
) -> Iterator[Result | Failure]:
    indices = evaluation_indices(specs[0].evaluation, len(dataset))
    means, logvars = encode_images(vae, dataset, indices, pack.execution)
    terms = reconstruction_term(vae, specs, dataset, indices, (means, logvars), pack.execution)
    for member in alive:
        # The last step may have broken what its own loss did not show yet.
        if not (np.isfinite(means[member]).all() and np.isfinite(logvars[member]).all()):
            yield Failure(specs[member], "the codes of the trained model are not finite")
            continue
        yield Result(
            spec=specs[member],
            indices=indices,
            means=means[member],
            logvars=logvars[member],
            latent_names=tuple(f"z{j}" for j in range(means.shape[-1])),
            reconstruction=terms[member],
            history=history.frame(member),
            state=state_bytes(vae, member),
        )
