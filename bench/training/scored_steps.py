"""Scores on the way: a pack's members are scored at some steps, and trained as if they were not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..engines import stopping
from ..grid import BaseSpec, TrainedSpec, evaluation_indices
from ..store.during_training import COLUMNS
from .batches import Images
from .context import Scoring

# Scores on the way are of at most so many images: more would take longer than the training does.
MOST_IMAGES = 10_000
# The first step that is scored is this share of training, where there are several.
_FIRST = 1e-3

# Takes the indices of images; returns means and log-variances, each (K, N, D).
_Codes = Callable[[NDArray[np.int64]], tuple[NDArray[np.float32], NDArray[np.float32]]]


def scored_steps(steps: int, count: int) -> list[int]:
    """Return at most so many steps, evenly spaced in their logarithm, over three decades.

    Parameters
    ----------
    steps : int
        The length of training; the last step that is scored.
    count : int
        How many steps; fewer where several would be the same.

    Examples
    --------
    >>> scored_steps(300_000, 4), scored_steps(300_000, 1), scored_steps(5, 8)
    ([300, 3000, 30000, 300000], [300000], [1, 2, 3, 4, 5])
    """
    if count == 1:
        return [steps]
    spaced = np.rint(np.geomspace(max(1, steps * _FIRST), steps, count)).astype(int)
    return [int(step) for step in np.unique(spaced)]


class ScoresOnTheWay:
    """What the members of a pack score at some steps of their training.

    Scoring reads the weights and draws no random numbers of training, so what is trained does not
    depend on it.

    Parameters
    ----------
    specs : sequence of BaseSpec
        The members, K of them, of equal length.
    images : Images
        The dataset.
    scoring : Scoring or None
        By what, and how often; None scores nothing.
    """

    def __init__(self, specs: Sequence[BaseSpec], images: Images, scoring: Scoring | None) -> None:
        spec = cast("TrainedSpec", specs[0])
        self._dataset = images.dataset
        self._scoring = scoring
        self._steps = [] if scoring is None else scored_steps(spec.steps, scoring.count)
        chosen = spec.evaluation
        if chosen.images == "all" or chosen.images > MOST_IMAGES:
            chosen = chosen.model_copy(update={"images": MOST_IMAGES})
        self._evaluation = chosen
        # Of each member, step to column to value.
        self._scores: list[dict[int, dict[str, float]]] = [{} for _ in specs]

    def missing(self, step: int, members: Sequence[int]) -> list[int]:
        """Return which of some members are to be scored after so many steps, and are not yet."""
        due = step in self._steps
        return [member for member in members if due and step not in self._scores[member]]

    def add(self, step: int, members: Sequence[int], codes: _Codes) -> None:
        """Score members as they are after so many steps; a signal ends it after one of them."""
        scoring = cast("Scoring", self._scoring)
        indices = evaluation_indices(self._evaluation, len(self._dataset))
        factors, names = self._dataset.factors(indices), self._dataset.factor_names
        means, logvars = codes(indices)
        for member in members:
            if stopping.pending():
                return
            arrays = {"means": means[member], "logvars": logvars[member], "factors": factors}
            self._scores[member][step] = scoring.score(arrays, names)

    def frame(self, member: int) -> pd.DataFrame | None:
        """Return `step`, `metric` and `value` of a member, None where it was never scored."""
        rows = [
            (step, metric, value)
            for step, scores in sorted(self._scores[member].items())
            for metric, value in scores.items()
        ]
        return pd.DataFrame(rows, columns=[*COLUMNS]) if rows else None

    def state(self) -> list[dict[int, dict[str, float]]]:
        """Return all scores so far, as plain values for a checkpoint."""
        return self._scores

    def load(self, state: Any) -> None:
        """Resume from what `state` returned; None is that of a training without scores."""
        if state is not None:
            self._scores = state
