"""Progress of running tasks on a cluster, collected for the driver."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

log = logging.getLogger("disbench")
# Time between two looks at the progress of tasks, and at the cluster's nodes.
LOOK_SECONDS = 1.0


class Board:
    """Where tasks post their progress: an actor on this node, which keeps the latest."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=False
        )
        # Of this driver, and on its node: it ends with the driver, and not before it.
        self._actor = ray.remote(Latest).options(num_cpus=0, scheduling_strategy=here).remote()
        self._asked: Any = None
        self._next = 0.0
        self._stage = 0

    def begin(self) -> Callable[[int, tuple[Any, ...]], None]:
        """Begin a new stage; return what a task calls with its position and its progress."""
        self._stage += 1
        stage, actor = self._stage, self._actor

        def put(position: int, update: tuple[Any, ...]) -> None:
            actor.put.remote(stage, position, update)

        return put

    def news(self) -> list[tuple[int, tuple[Any, ...]]]:
        """Return what has been posted since the last call, without waiting for it."""
        try:
            if self._asked is not None and self._ray.wait([self._asked], timeout=0)[0]:
                asked, self._asked = self._asked, None
                return [
                    (position, update)
                    for (stage, position), update in self._ray.get(asked).items()
                    if stage == self._stage
                ]
            if self._asked is None and time.monotonic() >= self._next:
                self._next = time.monotonic() + LOOK_SECONDS
                self._asked = self._actor.take.remote()
        except self._ray.exceptions.RayError as error:
            # Work continues without it: answers do not come this way.
            log.warning("progress is no longer shown: %s", first_line(error))
            self._next = float("inf")
        return []


class Latest:
    """The latest progress of each task, until it is taken."""

    def __init__(self) -> None:
        self._latest: dict[tuple[int, int], tuple[Any, ...]] = {}

    def put(self, stage: int, position: int, update: tuple[Any, ...]) -> None:
        """Keep the progress of a task."""
        self._latest[stage, position] = update

    def take(self) -> dict[tuple[int, int], tuple[Any, ...]]:
        """Return all progress, and forget it."""
        latest, self._latest = self._latest, {}
        return latest


def first_line(error: Exception) -> str:
    """Return the part of an error that fits a line: Ray's own run to pages."""
    return str(error).strip().partition("\n")[0]
