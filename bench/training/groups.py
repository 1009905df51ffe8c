"""What the members of a pack minimise: those with the same objective are a group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..grid import TrainedSpec
from .objective import Learner, Members, Objective, Terms
from .own_objective import objective_of


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
        # Own objectives may leave settings out.
        groups: dict[tuple[Objective, tuple[str, ...]], list[int]] = {}
        for place, spec in enumerate(specs):
            groups.setdefault((objective_of(spec), (*spec.settings,)), []).append(place)
        for (objective, names), places in groups.items():
            alike = [specs[i] for i in places]
            columns = {name: [spec.settings[name] for spec in alike] for name in names}
            settings = _Settings(
                (name, torch.tensor(values, device=device).float())
                for name, values in columns.items()
            )
            members = Members(settings, [spec.seed for spec in alike], n_latents, device)
            learner = objective.learner(objective, members).to(device)
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
            controls[chosen] = _of_each(learner, learner.control(step), "control")
        return controls

    def loss(self, terms: Terms, controls: Tensor) -> Tensor:
        """Return each member's loss, (K,)."""
        losses = torch.empty_like(terms.reconstruction)
        for learner, chosen in self._groups:
            found = learner.loss(_of(terms, chosen), controls[chosen])
            losses[chosen] = _of_each(learner, found, "loss")
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


class _Settings(dict[str, Tensor]):
    """Hyper-parameters by name, which says what there is to an own objective that misses one."""

    def __missing__(self, name: str) -> Tensor:
        raise KeyError(f"the objective has no option {name!r}; its settings are: {', '.join(self)}")


def _of_each(learner: Learner, found: object, what: str) -> Tensor:
    """Refuse what would silently become the value of every member; own objectives are anybody's."""
    wanted = learner.settings["seed"].shape
    if isinstance(found, Tensor) and found.shape == wanted:
        return found
    given = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
    raise ValueError(
        f"the objective's {what} must give a number for each model of the pack, a tensor of shape "
        f"{tuple(wanted)}, not {given}"
    )


def _of(terms: Terms, chosen: Tensor | slice) -> Terms:
    return terms.each(lambda part: part[chosen])
