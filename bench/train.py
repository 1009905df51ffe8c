"""Producer of the trained kinds: a pack of VAEs, one optimiser, one loop to read top to bottom."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Sequence
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor

from . import stopping
from .batches import Batches, Images
from .encode import (
    autocast,
    encode_images,
    evaluation_indices,
    reconstruction_term,
    state_bytes,
)
from .history import History
from .models import VAE
from .objectives import OBJECTIVES, Objective, Settings, Terms, gaussian_kl, negative_log_likelihood
from .outcome import Context, Failure, Result
from .packs import Pack
from .specs import TrainedSpec

if TYPE_CHECKING:
    from ._siblings import datasets

log = logging.getLogger("disbench")


def train(
    pack: Pack, dataset: datasets.FactorDataset, context: Context
) -> Iterator[Result | Failure]:
    """Train the members of a pack together and yield what became of each.

    A checkpoint of the same pack is gone on from; the end is the same to the bit.

    Parameters
    ----------
    pack : Pack
        Trained specs of one architecture, dataset, batch size, learning rate and length.
    dataset : FactorDataset
        The images.
    context : Context
        Told after every step of (model-steps done, latest mean loss); keeps the checkpoints.

    Yields
    ------
    Result or Failure
        A failure as soon as a member's loss is not finite, a result for each of the others at
        the end.

    Raises
    ------
    Stopped
        If a signal asked for the end; the checkpoint is of the last step then.
    """
    specs = cast("tuple[TrainedSpec, ...]", pack.specs)
    images = Images(dataset, pack.execution.device)
    training = Training(pack, images, len(dataset))
    saved = context.checkpoints.load()
    if saved is not None:
        try:
            training.load(saved)
        except (RuntimeError, ValueError, KeyError, TypeError, UnpicklingError) as error:
            log.warning("a checkpoint cannot be gone on from (%s): the pack starts anew", error)
            training = Training(pack, images, len(dataset))
        yield from (Failure(specs[member], reason) for member, reason in training.dead.items())
    with stopping.deferred():
        while training.step < specs[0].steps and training.alive:
            for member in training.advance():
                yield Failure(specs[member], training.dead[member])
            context.report(training.step * len(specs), training.history.latest_loss(training.alive))
            if stopping.pending() or context.checkpoints.due(training.step):
                context.checkpoints.save(training.step, training.saved())
            stopping.check()
        context.checkpoints.save(training.step, training.saved())
    stopping.check()
    # Encoding may take minutes, so a signal ends it at once: the checkpoint has the trained pack.
    outcomes = list(_results(training, pack, images, len(dataset))) if training.alive else []
    # Commits go together: what is committed leaves the pack, and the rest of it could not go on
    # from the checkpoint.
    with stopping.deferred():
        yield from outcomes
        context.checkpoints.remove()
    stopping.check()


class Training:
    """A pack in training: weights, optimiser and history at a step, and how to take the next.

    Parameters
    ----------
    pack : Pack
        Trained specs of one family.
    images : Images
        The dataset's images on the device that trains.
    n_images : int
        Size of the dataset.

    Attributes
    ----------
    step : int
        Steps taken.
    dead : dict
        Member to the reason why it is out; the others go on.
    """

    def __init__(self, pack: Pack, images: Images, n_images: int) -> None:
        self._specs = cast("tuple[TrainedSpec, ...]", pack.specs)
        self._execution = pack.execution
        self._n_images = n_images
        spec, device = self._specs[0], pack.execution.device
        self.vae = VAE(
            images.shape, spec.n_latents, spec.architecture, [s.seed for s in self._specs]
        ).to(device)
        # On the host one pass over all parameters is the fast form, on a card one fused kernel.
        self._optimiser = torch.optim.Adam(self.vae.parameters(), lr=spec.learning_rate, fused=True)
        self._batches = Batches(self._specs, images, n_images, device)
        self._objectives = _by_kind(self._specs, device)
        self.history = History(self._specs)
        self.step = 0
        self.dead: dict[int, str] = {}

    @property
    def alive(self) -> list[int]:
        """The members that are not out."""
        return [member for member in range(len(self._specs)) if member not in self.dead]

    def advance(self) -> list[int]:
        """Take a step; return the members that are found to have diverged.

        Nothing of a step comes back to the host, but for the means at the end of a history window,
        so a card never waits for it. Divergence is therefore seen at the end of a window.
        """
        row = self._take()
        ended = self.history.add(self.step, row)
        self.step += 1
        if not ended:
            return []
        diverged = [member for member in self.alive if not self.history.is_finite(member)]
        reason = f"the loss was not finite by step {self.step}"
        self.dead.update(dict.fromkeys(diverged, reason))
        return diverged

    def _take(self) -> Tensor:
        """Take a step and return (K, columns) of what the history records of it."""
        images, noise = self._batches(self.step)
        with autocast(self._execution):
            means, logvars = self.vae.encode(images)
            z = means + (0.5 * logvars).exp() * noise
            logits = self.vae.decode(z)
        likelihoods = negative_log_likelihood(logits.float(), images, self._specs[0].likelihood)
        kl = gaussian_kl(means, logvars).mean(1)
        terms = Terms(likelihoods.mean(1), kl, z, means, logvars, self._n_images)
        loss, control = _losses(terms, self.step, self._objectives)

        self._optimiser.zero_grad()
        # Members share no parameter, so the gradient of the sum is each one's own.
        torch.autograd.backward(loss.sum())
        self._optimiser.step()
        columns = [loss, terms.reconstruction, kl.sum(-1), control]
        return torch.cat([torch.stack(columns, 1), kl], 1).detach()

    def saved(self) -> bytes:
        """Return everything that the rest of training depends on, as a checkpoint.

        Schedules, batches and noise are functions of the step, so the step is all they need.
        """
        buffer = io.BytesIO()
        state = {
            "step": self.step,
            "dead": dict(self.dead),
            "model": self.vae.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "history": self.history.state(),
        }
        torch.save(state, buffer)
        return buffer.getvalue()

    def load(self, checkpoint: bytes) -> None:
        """Go on from a checkpoint of the same pack."""
        state: dict[str, Any] = torch.load(
            io.BytesIO(checkpoint), map_location=self._execution.device, weights_only=True
        )
        self.vae.load_state_dict(state["model"])
        self._optimiser.load_state_dict(state["optimiser"])
        self.history.load(state["history"])
        self.step, self.dead = state["step"], state["dead"]


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


def _results(
    training: Training, pack: Pack, images: Images, n_images: int
) -> Iterator[Result | Failure]:
    specs = cast("tuple[TrainedSpec, ...]", pack.specs)
    indices = evaluation_indices(specs[0].evaluation, n_images)
    means, logvars = encode_images(training.vae, images, indices, pack.execution)
    terms = reconstruction_term(
        training.vae, specs, images, indices, (means, logvars), pack.execution
    )
    for member in training.alive:
        # The last step may have broken what its own loss did not show yet.
        numbers = (means[member], logvars[member], terms[member])
        if not all(np.isfinite(values).all() for values in numbers):
            reason = "the codes or the reconstruction of the trained model are not finite"
            yield Failure(specs[member], reason)
            continue
        yield Result(
            spec=specs[member],
            indices=indices,
            means=means[member],
            logvars=logvars[member],
            latent_names=tuple(f"z{j}" for j in range(means.shape[-1])),
            reconstruction=terms[member],
            history=training.history.frame(member),
            state=state_bytes(training.vae, member),
        )
