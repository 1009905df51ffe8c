"""Score runs in the background while others train: a GPU trains, and the processors are free."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from queue import SimpleQueue
from threading import Thread
from types import TracebackType

from ..engines import Engine
from ..grid import MetricRequest
from ..store import Store
from .tasks import score_runs

log = logging.getLogger("disbench")


class BackgroundScores:
    """Scores what it is given, in a thread that waits for the workers of an engine.

    Nothing depends on it: what it has not scored, or could not, is scored after training, and what
    failed is reported then. A process that is stopped does not wait for it.

    Parameters
    ----------
    store : Store
        Where the runs are.
    requests : sequence of MetricRequest
        What they are scored by.
    engine : Engine
        Who computes the scores; not in this process, which trains.
    """

    def __init__(self, store: Store, requests: Sequence[MetricRequest], engine: Engine) -> None:
        self._store = store
        self._requests = requests
        self._engine = engine
        self._waiting: SimpleQueue[Sequence[str] | None] = SimpleQueue()
        self._thread = Thread(target=self._work, daemon=True)

    def add(self, names: Sequence[str]) -> None:
        """Have some runs, given by their ids, scored after those that wait."""
        self._waiting.put(names)

    def __enter__(self) -> BackgroundScores:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Wait until all is scored, unless something went wrong meanwhile."""
        self._waiting.put(None)
        if error is None:
            self._thread.join()

    def _work(self) -> None:
        while (names := self._waiting.get()) is not None:
            try:
                runs = [self._store.run(name) for name in names]
                score_runs(self._store, runs, self._requests, self._engine, quiet=True)
            except Exception:
                log.debug("scores are left for later", exc_info=True)
