"""Train a pack of models, in one loop to read from top to bottom."""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from ..engines import stopping
from ..grid import Pack, TrainedSpec, evaluation_indices
from ..models.weights import NO_WEIGHTS, read_weights
from ..store import Failure, Result
from .batches import Batches, Images
from .context import Context, Scoring
from .cuda_graph import Replay
from .encode import OnProgress, ignore, reconstruction_term, state_bytes
from .family import Family, VAEFamily
from .groups import Groups
from .objective import Terms
from .objectives import negative_log_likelihood
from .process import autocast
from .recorder import History
from .scored_steps import ScoresOnTheWay

if TYPE_CHECKING:
    from .._siblings import datasets

log = logging.getLogger("disbench")


def train(
    pack: Pack,
    dataset: datasets.FactorDataset,
    context: Context,
    family: Callable[[Pack, Images], Family] = VAEFamily,
) -> Iterator[Result | Failure]:
    """Train the members of a pack together and yield what became of each.

    Training resumes from a checkpoint of the same pack, and ends with the same bits.

    Parameters
    ----------
    pack : Pack
        Trained specs of one architecture, dataset, batch size, learning rate and length.
    dataset : FactorDataset
        The images.
    context : Context
        Takes progress after every step: (model-steps done, latest mean loss). Keeps checkpoints.
    family : callable
        Takes the pack and its images, and returns what its members are.

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
    training = Training(pack, images, family(pack, images), context.scoring)
    saved = context.checkpoints.load()
    if saved is not None:
        try:
            training.load(saved)
        except NO_WEIGHTS as error:
            # Torch's own message spends lines on how to load it all the same.
            reason = type(error).__name__
            log.warning("a checkpoint cannot be resumed from (%s): training starts again", reason)
            training = Training(pack, images, family(pack, images), context.scoring)
        yield from (Failure(specs[member], reason) for member, reason in training.dead.items())
    with stopping.deferred():
        # A signal may have come before all members were scored.
        training.score(context.report)
        while training.step < specs[0].steps and training.alive:
            for member in training.advance():
                yield Failure(specs[member], training.dead[member])
            context.report(training.step * len(specs), training.history.latest_loss(training.alive))
            training.score(context.report)
            if stopping.pending() or context.checkpoints.due(training.step):
                context.checkpoints.save(training.step, training.saved())
            stopping.check()
        context.checkpoints.save(training.step, training.saved())
    stopping.check()
    # Encoding may take minutes, so a signal ends it at once: the checkpoint has the trained pack.
    done, loss = training.step * len(specs), training.history.latest_loss(training.alive)
    encoding = _stage("encoding", partial(context.report, done, loss))
    outcomes = list(training.results(encoding)) if training.alive else []
    # Commits go together: what is committed leaves the pack, and the rest of it could not
    # resume from the checkpoint.
    with stopping.deferred():
        yield from outcomes
        context.checkpoints.remove()
    stopping.check()


def _stage(name: str, report: Callable[[str], None]) -> OnProgress:
    """Return what takes the share of a stage that is done, and reports it with the time left."""
    started = time.monotonic()

    def on_progress(share: float) -> None:
        left = (time.monotonic() - started) * (1 - share) / share
        report(f"{name} {share:.0%}, {left:.0f} s left")

    return on_progress


class Training:
    """A pack in training: weights, optimiser and history at a step, and how to take the next.

    Parameters
    ----------
    pack : Pack
        Trained specs of one family.
    images : Images
        The dataset's images on the device that trains.
    family : Family
        The members.
    scoring : Scoring, optional
        How they are scored on the way.

    Attributes
    ----------
    step : int
        Steps taken.
    dead : dict
        Member to the reason why it is out; the others continue.
    """

    def __init__(
        self, pack: Pack, images: Images, family: Family, scoring: Scoring | None = None
    ) -> None:
        self._specs = cast("tuple[TrainedSpec, ...]", pack.specs)
        self._execution = pack.execution
        self._images = images
        self._n_images = len(images.dataset)
        self.family = family
        device, n_latents = pack.execution.device, family.model.n_latents
        on_gpu = device != "cpu"
        # Own architectures may have fixed weights.
        self._parameters = [p for p in family.model.parameters() if p.requires_grad]
        descending = {id(parameter) for parameter in family.descending}
        # Fused: one pass over all parameters on a CPU, one kernel on a GPU.
        self._adam = torch.optim.Adam(
            [parameter for parameter in self._parameters if id(parameter) not in descending],
            lr=self._specs[0].learning_rate,
            fused=True,
            capturable=on_gpu,
        )
        self._groups = Groups(self._specs, n_latents, device)
        self._batches = Batches(
            self._specs, images, self._n_images, device, n_latents, fresh=self._groups.draws
        )
        self.history = History(self._specs, n_latents, device)
        self._scores = ScoresOnTheWay(self._specs, images, scoring)
        self.step = 0
        # The step as what is computed on the device sees it.
        self._clock = torch.zeros((), dtype=torch.int64, device=device)
        self._replay = Replay(recorded=on_gpu)
        self.dead: dict[int, str] = {}

    @property
    def alive(self) -> list[int]:
        """The members that are not out."""
        return [member for member in range(len(self._specs)) if member not in self.dead]

    def advance(self) -> list[int]:
        """Take a step; return the members that are found to have diverged.

        Nothing of a step comes back to the host, but for the means at the end of a history window,
        so a GPU never waits for it. Divergence is therefore seen at the end of a window.
        """
        self._batches.prepare(self.step)
        self._replay(self._advance)
        ended = self.history.close(self.step)
        self.step += 1
        diverged = []
        if ended:
            diverged = [member for member in self.alive if not self.history.is_finite(member)]
            reason = f"the loss was not finite by step {self.step}"
            self.dead.update(dict.fromkeys(diverged, reason))
        self.family.after_step(self.step, self.alive)
        return diverged

    def _advance(self) -> None:
        """Take a step: what a GPU records, which exchanges nothing with the host."""
        images, indices, noise = self._batches(self._clock)
        control = self._groups.control(self._clock)
        with autocast(self._execution):
            means, logvars = self.family.posterior(images, indices, control)
            z = means + (0.5 * logvars).exp() * noise
            logits = self.family.model.decode(z)
        likelihoods = negative_log_likelihood(logits.float(), images, self._specs[0].likelihood)
        kl = self.family.kl(means, logvars)
        fresh = self._batches.fresh(self._clock)
        terms = Terms(likelihoods.mean(1), kl, z, means, logvars, self._n_images, fresh)
        loss = self._groups.loss(terms, control)

        self.family.model.zero_grad()
        # Members share no parameter, so the gradient of the sum is each one's own. Networks of an
        # objective take none of it.
        torch.autograd.backward(loss.sum(), inputs=self._parameters)
        self._adam.step()
        self.family.descend(control)
        self._groups.learn(terms, self._clock)
        columns = [loss, terms.reconstruction, kl.sum(-1), control]
        self.history.add(torch.cat([torch.stack(columns, 1), kl], 1).detach())
        self._clock += 1

    def score(self, report: Callable[..., None]) -> None:
        """Score the members that are not out, if that is due at this step; say so meanwhile."""
        members = self._scores.missing(self.step, self.alive)
        if members and not stopping.pending():
            done, loss = self.step * len(self._specs), self.history.latest_loss(self.alive)
            report(done, loss, "scoring")
            self._scores.add(self.step, members, self.family.codes)

    def results(self, on_progress: OnProgress = ignore) -> Iterator[Result | Failure]:
        """Encode the evaluation images; yield what became of the members that are not out."""
        indices = evaluation_indices(self._specs[0].evaluation, self._n_images)
        means, logvars = self.family.codes(indices, on_progress)
        terms = reconstruction_term(
            self.family.model, self._specs, self._images, indices, (means, logvars), self._execution
        )
        for member in self.alive:
            # The last step may have broken what its own loss did not show yet.
            numbers = (means[member], logvars[member], terms[member])
            if not all(np.isfinite(values).all() for values in numbers):
                reason = "the codes or the reconstruction of the trained model are not finite"
                yield Failure(self._specs[member], reason)
                continue
            yield Result(
                spec=self._specs[member],
                indices=indices,
                means=means[member],
                logvars=logvars[member],
                latent_names=self.family.latent_names,
                reconstruction=terms[member],
                history=self.history.frame(member),
                state=state_bytes(self.family.model, member),
                snapshots=self.family.snapshots(member),
                scores=self._scores.frame(member),
            )

    def state(self) -> dict[str, Any]:
        """Return everything that the rest of training depends on.

        Schedules, batches and noise are functions of the step, so the step is all they need. What
        an objective learns or remembers is none.
        """
        return {
            "step": self.step,
            "dead": dict(self.dead),
            "model": self.family.model.state_dict(),
            "optimiser": self._adam.state_dict(),
            "history": self.history.state(),
            "scores": self._scores.state(),
            **self.family.state(),
            **self._groups.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Resume from what `state` returned."""
        self.family.model.load_state_dict(state["model"])
        self._adam.load_state_dict(state["optimiser"])
        self.history.load(state["history"])
        # A checkpoint of before there were any has none.
        self._scores.load(state.get("scores"))
        self.family.restore(state)
        self._groups.restore(state)
        self.step, self.dead = state["step"], state["dead"]
        self._clock.fill_(self.step)

    def saved(self) -> bytes:
        """Return the state as a checkpoint."""
        buffer = io.BytesIO()
        torch.save(self.state(), buffer)
        return buffer.getvalue()

    def load(self, checkpoint: bytes) -> None:
        """Resume from a checkpoint of the same pack."""
        self.restore(read_weights(checkpoint, self._execution.device))
