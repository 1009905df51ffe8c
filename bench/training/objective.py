"""What an objective is: functions of a step's terms, and what it learns or remembers beside them.

Leading axis of every tensor: the members of the pack. Members share no arithmetic, so one that
diverges spoils no other, and one in a pack is what it is alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

# The hyper-parameters of an objective's members, each a (K,) tensor.
Settings = Mapping[str, Tensor]


class Terms(NamedTuple):
    """What a training step computes before any objective weighs it.

    Attributes
    ----------
    reconstruction : Tensor
        (K,) −E_q[log p(x|z)], mean over the batch.
    kl : Tensor
        (K, D) KL(q(z_j|x) ‖ N(0, 1)) of each latent, mean over the batch.
    z, means, logvars : Tensor
        (K, B, D) the sample and the posterior it came from.
    n_images : int
        Size of the dataset, which the total correlation's estimate needs.
    fresh : Tensor or None
        (K, B, D) standard normal numbers that nothing else of the step depends on; None in a pack
        whose learners ask for none.
    """

    reconstruction: Tensor
    kl: Tensor
    z: Tensor
    means: Tensor
    logvars: Tensor
    n_images: int
    fresh: Tensor | None = None

    def each(self, change: Callable[[Tensor], Tensor]) -> Terms:
        """Return the terms with every tensor changed."""
        parts = self._asdict().items()
        changed: dict[str, Any] = {
            name: change(part) for name, part in parts if isinstance(part, Tensor)
        }
        return self._replace(**changed)


@dataclass(frozen=True)
class Members:
    """The members of a pack that have an objective in common.

    Attributes
    ----------
    settings : mapping
        Their hyper-parameters by name, each (K,).
    seeds : sequence of int
        Their seeds; K = len(seeds).
    n_latents : int
        D, the dimension of their codes.
    device : str
        Where steps are taken.
    """

    settings: Settings
    seeds: Sequence[int]
    n_latents: int
    device: str = "cpu"


class Learner(nn.Module):
    """An objective at work on its members. This one has all of it from the objective's functions.

    A subclass has what is no function of a step: networks as parameters, state as buffers, an
    optimiser in `optimiser`. All three are in the checkpoint, so a resumed run ends with the same
    bits. The order of a step: `control`, the models' forward pass, `loss`, the models' descent,
    `learn`.

    A GPU records a step once and replays it. `control`, `loss` and `learn` therefore neither branch
    in Python on values nor bring any to the host, and change parameters and buffers in place.
    Initial weights are drawn from the stream `objective_init` of `grid.generator`; the random
    numbers of a step are `Terms.fresh`.

    Parameters
    ----------
    objective : Objective
        The functions.
    members : Members
        For whom it works.

    Attributes
    ----------
    draws : bool
        Whether it needs `Terms.fresh`.

    Examples
    --------
    A β that falls by a hundredth at every step on which the KL is above 10 nats:

    >>> class Falling(Learner):
    ...     def __init__(self, objective, members):
    ...         super().__init__(objective, members)
    ...         self.register_buffer("beta", members.settings["beta"].clone())
    ...
    ...     def control(self, step):
    ...         return self.beta.clone()
    ...
    ...     def learn(self, terms, step):
    ...         self.beta.mul_(torch.where(terms.kl.sum(-1) > 10, 0.99, 1.0))
    >>> objective = Objective(
    ...     "beta",
    ...     lambda step, settings: settings["beta"],
    ...     lambda terms, beta, settings: terms.reconstruction + beta * terms.kl.sum(-1),
    ...     Falling,
    ... )
    >>> members = Members({"beta": torch.tensor([4.0, 4.0])}, seeds=[0, 1], n_latents=1)
    >>> learner = objective.learner(objective, members)
    >>> z = torch.zeros(2, 8, 1)
    >>> terms = Terms(torch.zeros(2), torch.tensor([[9.0], [11.0]]), z, z, z, 100)
    >>> learner.learn(terms, torch.tensor(0))
    >>> [round(float(beta), 2) for beta in learner.control(torch.tensor(1))]
    [4.0, 3.96]
    """

    draws: ClassVar[bool] = False
    optimiser: torch.optim.Optimizer | None = None

    def __init__(self, objective: Objective, members: Members) -> None:
        super().__init__()
        self.objective = objective
        self.settings = members.settings

    @property
    def learns(self) -> bool:
        """Whether there is anything that `learn` changes."""
        return type(self).learn is not Learner.learn

    def control(self, step: Tensor) -> Tensor:
        """Return the value of the quantity that is scheduled, (K,), at a step counted from 0."""
        return self.objective.control(step, self.settings)

    def loss(self, terms: Terms, control: Tensor) -> Tensor:
        """Return the loss of each member's model, (K,).

        Its gradient reaches the models alone; what a learner owns is moved by `learn`.
        """
        return self.objective.loss(terms, control, self.settings)

    def learn(self, terms: Terms, step: Tensor) -> None:
        """Change what is learnt or remembered, after the models have moved.

        Parameters
        ----------
        terms : Terms
            Of the same step, without gradients.
        step : Tensor
            () int64, counted from 0.
        """

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint has to hold; nothing where nothing is learnt or remembered."""
        tensors = self.state_dict()
        if not tensors:
            return {}
        moved = self.optimiser.state_dict() if self.optimiser is not None else None
        return {"tensors": tensors, "optimiser": moved}

    def restore(self, state: dict[str, Any]) -> None:
        """Resume from what `state` returned."""
        if state:
            self.load_state_dict(state["tensors"])
            if self.optimiser is not None:
                self.optimiser.load_state_dict(state["optimiser"])


@dataclass(frozen=True)
class Objective:
    """A loss and the quantity that its schedule moves.

    Attributes
    ----------
    control_name : str
        Name of the scheduled quantity and of its column in the history: `beta` or `c`.
    control : callable
        (step, settings) -> (K,) value of that quantity at a global step, counted from 0.
    loss : callable
        (terms, control, settings) -> (K,) loss per member.
    learner : type of Learner
        What is learnt or remembered beside these functions; by default nothing.
    """

    control_name: str
    control: Callable[[int | Tensor, Settings], Tensor]
    loss: Callable[[Terms, Tensor, Settings], Tensor]
    learner: type[Learner] = Learner

    def __call__(self, terms: Terms, step: int | Tensor, settings: Settings) -> Tensor:
        """Return the loss of each member at a global step, (K,), without what is learnt."""
        return self.loss(terms, self.control(step, settings), settings)


def linear_schedule(step: int | Tensor, start: Tensor, end: Tensor, anneal_steps: Tensor) -> Tensor:
    """Return start + (end − start) · min(step / anneal_steps, 1): a function of the step alone.

    A schedule kept as state restarts when a run is resumed; this one cannot.
    """
    return start + (end - start) * (step / anneal_steps).clamp(max=1)
