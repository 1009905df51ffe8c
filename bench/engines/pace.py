"""How long the tasks of a stage still take, by the work of this start alone."""

from __future__ import annotations

import time
from collections.abc import Sequence

# How long work has to be watched before its pace is known: the first steps are slow.
PACE_SECONDS = 2.0


class Pace:
    """How fast work goes on in this start, and so how long the rest of it takes.

    Parameters
    ----------
    sizes : sequence of int
        The units of work of each task.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        self._sizes = sizes
        self._done = [0] * len(sizes)
        self._heard: set[int] = set()
        self._rest = sum(sizes)
        self._worked = 0
        # Where all tasks are of one unit, their ends are what is known. Where some are longer, it
        # is what these report: the end of a short one beside them says nothing of their pace.
        self._since = time.monotonic() if max(sizes, default=1) == 1 else None

    def report(self, position: int, done: int) -> int:
        """Take how many units of a task are done; return by how many that is more than before."""
        if self._since is None:
            self._since = time.monotonic()
        # What a task begins with was done by an earlier start.
        counts = position in self._heard
        self._heard.add(position)
        return self._move(position, done, counts)

    def end(self, position: int, *, failed: bool) -> int:
        """Take that a task has ended; return by how many units that is more than before."""
        # What failed is not done, but nothing is left of it either.
        return self._move(position, self._sizes[position], self._since is not None and not failed)

    def seconds_left(self) -> float | None:
        """Return the time that is left, None as long as it cannot be known."""
        if not self._rest:
            return 0.0
        if self._since is None or self._worked <= 0:
            return None
        elapsed = time.monotonic() - self._since
        return elapsed * self._rest / self._worked if elapsed >= PACE_SECONDS else None

    def _move(self, position: int, done: int, counts: bool) -> int:
        gained = done - self._done[position]
        self._done[position] = done
        self._rest -= gained
        self._worked += gained if counts else 0
        return gained
