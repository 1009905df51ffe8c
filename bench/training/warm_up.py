"""A weight of a loss that rises over the first steps."""

from __future__ import annotations

import torch
from torch import Tensor

from .objective import Learner, linear_schedule


class WarmUp(Learner):
    """A learner of which a part of the loss weighs `share`: from 0 to 1 over `warm_up_steps`.

    Attributes
    ----------
    share : Tensor
        (K,) at the step that `control` was last asked for; 1 where there is no warm-up.

    Examples
    --------
    >>> from bench.training.objective import Members
    >>> from bench.training.objectives import OBJECTIVES
    >>> settings = {"beta": torch.tensor([6.0, 6.0]), "warm_up_steps": torch.tensor([0.0, 100.0])}
    >>> learner = WarmUp(OBJECTIVES["beta_tcvae"], Members(settings, seeds=[0, 1], n_latents=1))
    >>> learner.control(torch.tensor(25)).tolist(), learner.share.tolist()
    ([6.0, 6.0], [1.0, 0.25])
    """

    share: Tensor

    def control(self, step: Tensor) -> Tensor:
        """Return what the objective schedules, (K,)."""
        steps = self.settings["warm_up_steps"]
        zero = torch.zeros_like(steps)
        rising = linear_schedule(step, zero, zero + 1, steps.clamp(min=1))
        self.share = torch.where(steps > 0, rising, 1.0)
        return super().control(step)
