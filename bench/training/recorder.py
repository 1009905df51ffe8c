"""Record the history of training, as means over windows of steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..grid import TrainedSpec
from .own_objective import objective_of

# The most rows of a history, each the mean over its window of steps.
HISTORY_ROWS = 600


class History:
    """Means over windows of steps, kept on the device until a window ends.

    Parameters
    ----------
    specs : sequence of TrainedSpec
        The members of the pack, K of them, of equal length.
    n_latents : int
        Dimension of their codes.
    device : str
        Where steps are taken.
    """

    def __init__(self, specs: Sequence[TrainedSpec], n_latents: int, device: str = "cpu") -> None:
        self._specs = specs
        self._n_latents = n_latents
        self._steps = specs[0].steps
        self._window = math.ceil(self._steps / HISTORY_ROWS)
        self._count = 0
        self._ends: list[int] = []
        # Allocated at once, so that the heap is not fragmented: see `encode_images`.
        n_columns = 4 + n_latents
        self._sum = torch.zeros((len(specs), n_columns), dtype=torch.float64, device=device)
        n_rows = math.ceil(self._steps / self._window)
        self._rows = np.full((n_rows, len(specs), n_columns), np.nan)
        # What there is of the first window, as it was last read.
        self._begun = np.full((len(specs), n_columns), np.nan)

    def add(self, row: Tensor) -> None:
        """Add a step's (K, columns) row, on the device."""
        self._sum += row

    def close(self, step: int) -> bool:
        """Note that a step was added; return whether that ended a window, whose means are read."""
        self._count += 1
        if self._count < self._window and step + 1 < self._steps:
            # Each reading waits for the device: so after 1, 2, 4, 8 ... steps, not after each.
            if not self._ends and self._count.bit_count() == 1:
                self._begun = self._means()
            return False
        self._rows[len(self._ends)] = self._means()
        self._ends.append(step + 1)
        self._sum.zero_()
        self._count = 0
        return True

    def is_finite(self, member: int) -> bool:
        """Return whether everything in a member's last window was finite."""
        return bool(np.isfinite(self._rows[len(self._ends) - 1, member]).all())

    def latest_loss(self, members: Sequence[int]) -> float:
        """Return the mean loss of some members over the last window, or what there is of the first.

        NaN if there are no members, no step was taken, or the loss is not finite.
        """
        if not len(members):
            return math.nan
        latest = self._rows[len(self._ends) - 1] if self._ends else self._begun
        return float(latest[members, 0].mean())

    def frame(self, member: int) -> pd.DataFrame:
        """Return the history of a member; `step` is the number of steps done by a window's end."""
        spec = self._specs[member]
        control = objective_of(spec).control_name
        latents = [f"kl_{j}" for j in range(self._n_latents)]
        columns = ["loss", "reconstruction", "kl", control, *latents]
        frame = pd.DataFrame(self._rows[: len(self._ends), member], columns=columns)
        frame.insert(0, "step", self._ends)
        return frame

    def state(self) -> dict[str, Any]:
        """Return everything recorded so far, as tensors and plain values for a checkpoint."""
        return {
            "sum": self._sum.clone(),
            "count": self._count,
            "ends": list(self._ends),
            "rows": torch.from_numpy(self._rows[: len(self._ends)].copy()),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Resume from what `state` returned."""
        self._sum.copy_(state["sum"])
        self._count = state["count"]
        self._ends = list(state["ends"])
        self._rows[: len(self._ends)] = state["rows"].cpu().numpy()
        if self._count:
            self._begun = self._means()

    def _means(self) -> NDArray[np.float64]:
        """Return the means over the steps of the window so far."""
        return (self._sum / self._count).cpu().numpy()
