"""ControlVAE's controller: the weight of the KL is what keeps the KL at a set point.

Source: Shao et al. 2020, algorithm 1.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .objective import Learner, Members, Objective, Terms, linear_schedule


class Controller(Learner):
    """A PI controller of β: β = max(1, 1 + k_p / (1 + exp e) + I), with e = C − KL of the batch.

    I falls by k_i e at every step. As in the authors' code it stands still while β is at its bound
    of 1, though only while it would fall further: theirs can stay there for ever. What a step
    measures sets the β of the next, while theirs sets that of the same step. C rises linearly,
    theirs in stairs of 0.15 nats.

    Attributes
    ----------
    integral : Tensor
        (K,) I.
    beta : Tensor
        (K,) β before it is bounded.

    Examples
    --------
    >>> from bench.training.objectives import OBJECTIVES
    >>> settings = {"k_p": 0.01, "k_i": 0.1, "capacity_start": 5, "capacity": 5, "anneal_steps": 1}
    >>> tensors = {name: torch.tensor([float(value)]) for name, value in settings.items()}
    >>> controller = Controller(OBJECTIVES["control_vae"], Members(tensors, seeds=[0], n_latents=1))
    >>> z = torch.zeros(1, 8, 1)
    >>> terms = Terms(torch.zeros(1), torch.tensor([[25.0]]), z, z, z, 100)
    >>> controller.learn(terms, torch.tensor(0))
    >>> round(float(controller.control(torch.tensor(1))), 4)
    3.01
    """

    integral: Tensor
    beta: Tensor

    def __init__(self, objective: Objective, members: Members) -> None:
        super().__init__(objective, members)
        pack = len(members.seeds)
        self.register_buffer("integral", torch.zeros(pack))
        self.register_buffer("beta", torch.ones(pack))

    def control(self, step: Tensor) -> Tensor:
        """Return β, (K,)."""
        return self.beta.clamp(min=1)

    def learn(self, terms: Terms, step: Tensor) -> None:
        """Correct β by how far the KL of the batch is from C."""
        own = self.settings
        c = linear_schedule(step, own["capacity_start"], own["capacity"], own["anneal_steps"])
        error = c - terms.kl.sum(-1)
        stands = (self.beta < 1) & (error > 0)
        self.integral.sub_(own["k_i"] * error.masked_fill(stands, 0))
        self.beta.copy_(1 + own["k_p"] * torch.sigmoid(-error) + self.integral)
