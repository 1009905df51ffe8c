"""Callbacks: pass events of a grid on to trackers such as TensorBoard or Weights & Biases.

They are called only in the driver's process, however many workers there are. Their exceptions are
logged and stop nothing. Ready ones are in `trackers`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from .grid import BaseSpec
from .store import StoredRun

log = logging.getLogger("disbench")
# The least time between two notices of a run's progress: a step may take a millisecond.
PROGRESS_SECONDS = 1.0


@dataclass(frozen=True)
class Summary:
    """What a start of a grid did.

    Attributes
    ----------
    folder : Path
        The output folder.
    trained, already_done, failed : int
        Runs made now, runs that were there, and runs that could not be made or scored.
    """

    folder: Path
    trained: int
    already_done: int
    failed: int

    @property
    def report(self) -> Path:
        """The page that shows everything."""
        return self.folder / "report.html"


class Callback(Protocol):
    """What a callback may have; a class of one's own needs no more than the methods it uses.

    Examples
    --------
    >>> class Print:
    ...     def on_scores(self, run, scores):
    ...         print(run.spec.kind, run.spec.seed, scores["mig_posterior"])
    """

    def on_start(self, specs: Sequence[BaseSpec]) -> None:
        """Receive the runs that are to be made, before the first."""

    def on_progress(self, spec: BaseSpec, steps: int, loss: float) -> None:
        """Receive the progress of a run: its steps done, and the latest loss, nats per image.

        Of runs that are trained together, the loss is the mean of all of them.
        """

    def on_result(self, run: StoredRun) -> None:
        """Receive a run that has just been made; `run.history()` has its training curves."""

    def on_failure(self, spec: BaseSpec, reason: str) -> None:
        """Receive a run that gave no result."""

    def on_scores(self, run: StoredRun, scores: Mapping[str, float]) -> None:
        """Receive the scores of a run, by the names of their columns, once it has new ones."""

    def on_end(self, summary: Summary) -> None:
        """Receive a summary of the grid, once its report is written."""


_METHODS = tuple(name for name in vars(Callback) if name.startswith("on_"))


class Callbacks:
    """Notifies several callbacks.

    Parameters
    ----------
    callbacks : sequence of object
        Each with some of the methods of `Callback`.

    Raises
    ------
    ValueError
        If one has none of them.
    """

    def __init__(self, callbacks: Sequence[object] = ()) -> None:
        for callback in callbacks:
            if not any(callable(getattr(callback, name, None)) for name in _METHODS):
                raise ValueError(f"{callback!r} is no callback: it has none of {_METHODS}")
        self._callbacks = callbacks
        self._noticed: dict[int, float] = {}

    def __bool__(self) -> bool:
        """Return whether there is any."""
        return bool(self._callbacks)

    def notify(self, method: str, *arguments: object) -> None:
        """Call a method of every callback that has it."""
        for callback in self._callbacks:
            function = getattr(callback, method, None)
            if function is None:
                continue
            try:
                function(*arguments)
            except Exception:
                log.warning("%r: %s failed, the grid continues", callback, method, exc_info=True)

    def notify_progress(self, task: int, specs: Sequence[BaseSpec], done: int, loss: float) -> None:
        """Pass on a task's progress, `done` steps over all its runs, unless it just has been."""
        now = time.monotonic()
        if now - self._noticed.get(task, -PROGRESS_SECONDS) >= PROGRESS_SECONDS:
            self._noticed[task] = now
            for spec in specs:
                self.notify("on_progress", spec, done // len(specs), loss)
