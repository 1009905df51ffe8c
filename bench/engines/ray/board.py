"""What running tasks tell their driver, on a cluster."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

log = logging.getLogger("disbench")
# Between two looks at what tasks have told, and at the cluster's nodes.
LOOK_SECONDS = 1.0


class Board:
    """What running tasks tell: they pin it to an actor on this node, which keeps the latest."""

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
        """Begin anew; return what a task calls with its position and what it tells."""
        self._stage += 1
        stage, actor = self._stage, self._actor

        def put(position: int, told: tuple[Any, ...]) -> None:
            actor.put.remote(stage, position, told)

        return put

    def news(self) -> list[tuple[int, tuple[Any, ...]]]:
        """Return what was told since, without waiting for it."""
        try:
            if self._asked is not None and self._ray.wait([self._asked], timeout=0)[0]:
                asked, self._asked = self._asked, None
                return [
                    (position, told)
                    for (stage, position), told in self._ray.get(asked).items()
                    if stage == self._stage
                ]
            if self._asked is None and time.monotonic() >= self._next:
                self._next = time.monotonic() + LOOK_SECONDS
                self._asked = self._actor.take.remote()
        except self._ray.exceptions.RayError as error:
            # Work goes on without: answers do not come this way.
            log.warning("progress is no longer shown: %s", first_line(error))
            self._next = float("inf")
        return []


class Latest:
    """The latest that each task has told, until it is taken."""

    def __init__(self) -> None:
        self._told: dict[tuple[int, int], tuple[Any, ...]] = {}

    def put(self, stage: int, position: int, told: tuple[Any, ...]) -> None:
        """Keep what a task tells."""
        self._told[stage, position] = told

    def take(self) -> dict[tuple[int, int], tuple[Any, ...]]:
        """Give it away."""
        told, self._told = self._told, {}
        return told


def first_line(error: Exception) -> str:
    """Return the part of an error that fits a line: Ray's own run to pages."""
    return str(error).strip().partition("\n")[0]
