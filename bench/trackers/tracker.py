"""What all trackers log of a run: when, and under which names.

    progress/loss, progress/done     on the way: the latest loss, nats per image, and the share of
                                     training that is done
    curves/<column>                  `history.csv`: loss, reconstruction, kl, beta or c, kl_0, …
    scores_during_training/<column>  scores on the way, where the grid asks for them
    scores/<column>                  final scores, by their columns in `runs.csv`

The step of each is the number of training steps done.
"""

from __future__ import annotations

import json
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from ..grid import BaseSpec, TrainedSpec, identities, run_id
from ..store import StoredRun

if TYPE_CHECKING:
    from ..callbacks import Summary

# Values by name, at a step.
Row = tuple[int, Mapping[str, float]]


class Log(Protocol):
    """Where a tracker keeps what happens to one run, as long as it is open."""

    def write(self, rows: Sequence[Row]) -> None:
        """Add values."""

    def close(self, failure: str | None = None) -> None:
        """Mark the run as finished, or as failed with the reason."""


class Tracker(ABC):
    """Logs the runs of a grid, each to a log of its own.

    Parameters
    ----------
    progress_seconds : float
        The least time between two notices of a run's progress.
    """

    def __init__(self, progress_seconds: float) -> None:
        self._progress_seconds = progress_seconds
        self._noticed: dict[str, float] = {}
        self._open: dict[str, Log] = {}

    @abstractmethod
    def open(self, spec: BaseSpec) -> Log:
        """Open the log of a run: a new one, or that of an earlier start of its grid."""

    def on_progress(self, spec: BaseSpec, steps: int, loss: float) -> None:
        """Log how far a run is."""
        name, now = run_id(spec), time.monotonic()
        last = self._noticed.get(name, -math.inf)
        if isinstance(spec, TrainedSpec) and now - last >= self._progress_seconds:
            self._noticed[name] = now
            values = {"progress/loss": loss, "progress/done": steps / spec.steps}
            self._log(spec).write([(steps, _finite(values))])

    def on_result(self, run: StoredRun) -> None:
        """Log a run's curves."""
        with self._last_words(run.spec) as log:
            log.write(curves(run))

    def on_failure(self, spec: BaseSpec, reason: str) -> None:
        """Mark a run as failed."""
        with self._last_words(spec, reason):
            pass

    def on_scores(self, run: StoredRun, scores: Mapping[str, float]) -> None:
        """Log a run's scores."""
        steps = run.spec.steps if isinstance(run.spec, TrainedSpec) else 0
        with self._last_words(run.spec) as log:
            named = {f"scores/{column}": value for column, value in scores.items()}
            log.write([(steps, _finite(named))])

    def on_end(self, summary: Summary) -> None:
        """Close what is still open."""
        while self._open:
            _, log = self._open.popitem()
            log.close("it ended without a result")

    def _log(self, spec: BaseSpec) -> Log:
        name = run_id(spec)
        if name not in self._open:
            self._open[name] = self.open(spec)
        return self._open[name]

    @contextmanager
    def _last_words(self, spec: BaseSpec, failure: str | None = None) -> Iterator[Log]:
        log = self._log(spec)
        try:
            yield log
        finally:
            # Scores come when all runs are trained: thousands of logs would be open till then.
            del self._open[run_id(spec)]
            log.close(failure)


def config(spec: BaseSpec) -> dict[str, Any]:
    """Return what defines a run, as plain values, with its identities.

    Examples
    --------
    >>> from bench.grid import SPEC_ADAPTER
    >>> spec = SPEC_ADAPTER.validate_python({"kind": "vae", "dataset": {"name": "ball"}})
    >>> config(spec)["dataset"], config(spec)["group_id"]
    ({'name': 'ball', 'options': {}}, '4b5abbc5c51aa867')
    """
    names = dict(zip(("run_id", "group_id"), identities(spec), strict=True))
    return {**spec.model_dump(mode="json"), **names}


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, str | float]:
    """Return nested values under names with dots: numbers and texts, without what is None.

    Examples
    --------
    >>> flat({"dataset": {"name": "ball", "options": {"pairs": [1]}}, "seed": 0, "rate": None})
    {'dataset.name': 'ball', 'dataset.options.pairs': '[1]', 'seed': 0}
    """
    found: dict[str, str | float] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{key}.")
        elif value is not None:
            plain = isinstance(value, str | int | float)
            found[f"{prefix}{key}"] = value if plain else json.dumps(value)
    return found


def tags(spec: BaseSpec) -> dict[str, str]:
    """Return what runs are filtered by.

    Examples
    --------
    >>> from bench.grid import SPEC_ADAPTER
    >>> tags(SPEC_ADAPTER.validate_python({"kind": "vae", "dataset": {"name": "ball"}, "seed": 3}))
    {'dataset': 'ball', 'kind': 'vae', 'seed': '3'}
    """
    return {"dataset": spec.dataset.name, "kind": spec.kind, "seed": str(spec.seed)}


def curves(run: StoredRun) -> list[Row]:
    """Return a run's training curves and its scores on the way, where it has any."""
    rows: list[Row] = []
    history, scored = run.history(), run.scores_during_training()
    if history is not None:
        for row in history.to_dict("records"):
            named = {f"curves/{name}": value for name, value in row.items() if name != "step"}
            rows.append((int(row["step"]), _finite(named)))
    if scored is not None:
        for step, metric, value in scored[["step", "metric", "value"]].itertuples(index=False):
            rows.append((int(step), _finite({f"scores_during_training/{metric}": value})))
    return rows


def _finite(values: Mapping[str, float]) -> dict[str, float]:
    """Leave out what is no number: not every tracker can store it, and none can draw it."""
    return {name: float(value) for name, value in values.items() if math.isfinite(value)}
