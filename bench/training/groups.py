"""What the members of a pack minimise: those of one kind have an objective in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..grid import TrainedSpec
from .objective import Learner, Members, Terms
from .objectives import OBJECTIVES


class Groups:
    """The members of a pack by objective, each objective at work on its own.

    Parameters
    ----------
    specs : sequence of TrainedSpec
        The members, K of them.
    n_latents : int
        Dimension of their codes.
    device : str
        Where steps are taken.

    Examples
    --------
    >>> from bench.grid.specs import SPEC_ADAPTER
    >>> ball = {"name": "ball"}
    >>> groups = Groups([SPEC_ADAPTER.validate_python(spec) for spec in (
    ...     {"kind": "vae", "dataset": ball}, {"kind": "beta_vae", "beta": 4, "dataset": ball})], 2)
    >>> groups.control(torch.tensor(0)).tolist(), groups.state()
    ([1.0, 4.0], {})
    """

    def __init__(self, specs: Sequence[TrainedSpec], n_latents: int, device: str = "cpu") -> None:
        self._pack = len(specs)
        self._groups: list[tuple[Learner, Tensor | slice]] = []
        for kind in dict.fromkeys(spec.kind for spec in specs):
            places = [i for i, spec in enumerate(specs) if spec.kind == kind]
            alike = [specs[i] for i in places]
            settings = {
                name: torch.tensor([getattr(spec, name) for spec in alike], device=device).float()
                for name, value in alike[0]
                if isinstance(value, float | int)
            }
            members = Members(settings, [spec.seed for spec in alike], n_latents, device)
            learner = OBJECTIVES[kind].learner(OBJECTIVES[kind], members).to(device)
            # One objective for all is the ordinary case, and a slice gathers nothing.
            whole = len(places) == self._pack
            chosen = slice(None) if whole else torch.tensor(places, device=device)
            self._groups.append((learner, chosen))

    @property
    def draws(self) -> bool:
        """Whether any of them needs `Terms.fresh`."""
        return any(learner.draws for learner, _ in self._groups)

    def control(self, step: Tensor) -> Tensor:
        """Return the value at a step of what each member's objective schedules, (K,)."""
        controls = torch.empty(self._pack, device=step.device)
        for learner, chosen in self._groups:
            controls[chosen] = learner.control(step)
        return controls

    def loss(self, terms: Terms, controls: Tensor) -> Tensor:
        """Return each member's loss, (K,)."""
        losses = torch.empty_like(terms.reconstruction)
        for learner, chosen in self._groups:
            losses[chosen] = learner.loss(_of(terms, chosen), controls[chosen])
        return losses

    def learn(self, terms: Terms, step: Tensor) -> None:
        """Change what objectives learn or remember, after the models have moved."""
        for learner, chosen in self._groups:
            if learner.learns:
                learner.learn(_of(terms.each(Tensor.detach), chosen), step)

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint has to hold; nothing where nothing is learnt or remembered."""
        states = [learner.state() for learner, _ in self._groups]
        return {"objectives": states} if any(states) else {}

    def restore(self, state: dict[str, Any]) -> None:
        """Resume from a checkpoint that holds what `state` returned."""
        if not self.state():
            return
        for (learner, _), own in zip(self._groups, state["objectives"], strict=True):
            learner.restore(own)


def _of(terms: Terms, chosen: Tensor | slice) -> Terms:
    return terms.each(lambda part: part[chosen])
