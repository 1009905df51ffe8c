"""Show the progress of a grid: one bar on a terminal, plain log lines elsewhere."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import RLock
from typing import Any, Protocol

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

log = logging.getLogger("disbench")
# This process alone draws bars. The lock that tqdm takes by itself is a semaphore that forked
# processes share, and that one which is killed in the middle of a bar never lets go of.
tqdm.set_lock(RLock())
# Off a terminal: how often to log that work continues, and the least time between two lines about
# ended tasks, as thousands of small ones would fill a log.
LINE_SECONDS = 60.0
END_SECONDS = 2.0


class Shown(Protocol):
    """Whatever hears how far the tasks of a stage are."""

    def update(self, position: int, reported: tuple[Any, ...], /) -> None:
        """Take what a task reports: (units of work done, latest loss), or these and a stage."""

    def end(self, position: int, failure: str | None, /) -> None:
        """Take that a task has ended, and why if it failed."""


class Progress:
    """Counts work over the tasks of one stage, and shows it.

    Parameters
    ----------
    stage : str
        What is being done, such as "train".
    names : sequence of str
        What to call each task.
    sizes : sequence of int
        The units of work of each task; the time left is estimated from them.
    status : callable
        Says in a few words how the machines are doing, or nothing.
    """

    def __init__(
        self,
        stage: str,
        names: Sequence[str],
        sizes: Sequence[int],
        status: Callable[[], str] = str,
    ) -> None:
        self._stage = stage
        self._status = status
        self._names = names
        self._sizes = sizes
        self._done = [0] * len(sizes)
        self._ended = self._failed = 0
        self._started = self._last_line = time.monotonic()
        self._bar: tqdm[Any] = tqdm(
            total=sum(sizes), desc=stage, unit="step", disable=not _on_terminal()
        )

    def update(self, position: int, reported: tuple[Any, ...]) -> None:
        """Show what a task reports: (units of work done, latest loss), or these and a stage."""
        done, loss, *stage = reported
        self._move(position, done)
        state = stage[0] if stage else f"loss {loss:.1f}"
        current = f"{self._counts()} {self._names[position]} {state}"
        self._bar.set_postfix_str(f"{current}{self._machines()}", refresh=False)
        if self._bar.disable and time.monotonic() - self._last_line > LINE_SECONDS:
            self._last_line = time.monotonic()
            log.info("%s: %s, %s%s", self._stage, current, self._remaining(), self._machines())

    def end(self, position: int, failure: str | None) -> None:
        """Show that a task has ended."""
        self._move(position, self._sizes[position])
        self._ended += 1
        self._failed += failure is not None
        now = time.monotonic()
        if not failure and self._ended < len(self._names) and now - self._last_line < END_SECONDS:
            return
        self._last_line = now
        state = f"FAILED: {failure}" if failure else "done"
        log.info(
            "%s %s: %s: %s, %s%s",
            self._stage,
            self._counts(),
            self._names[position],
            state,
            self._remaining(),
            self._machines(),
        )

    def close(self) -> None:
        """Remove the bar from the screen."""
        self._bar.close()

    def _counts(self) -> str:
        """Return how many tasks have ended, and how many of them have failed."""
        failed = f" ({self._failed} failed)" if self._failed else ""
        return f"{self._ended}/{len(self._names)}{failed}"

    def _machines(self) -> str:
        status = self._status()
        return f"; {status}" if status else ""

    def _move(self, position: int, done: int) -> None:
        self._bar.update(done - self._done[position])
        self._done[position] = done

    def _remaining(self) -> str:
        done, total = sum(self._done), sum(self._sizes)
        if not done:
            return "time left unknown"
        seconds = (time.monotonic() - self._started) * (total - done) / done
        return f"{tqdm.format_interval(seconds)} left"


def _on_terminal() -> bool:
    """Return whether a bar would be seen; a process may have no standard error at all."""
    try:
        return sys.stderr.isatty()
    except (AttributeError, ValueError):
        return False


@contextmanager
def progress(
    stage: str, names: Sequence[str], sizes: Sequence[int], status: Callable[[], str] = str
) -> Iterator[Progress]:
    """Show the progress of a stage, and keep log lines clear of its bar."""
    with logging_redirect_tqdm([logging.getLogger()]):
        shown = Progress(stage, names, sizes, status)
        try:
            yield shown
        finally:
            shown.close()


class _Silent:
    def update(self, *_: object) -> None:
        """Show nothing."""

    def end(self, *_: object) -> None:
        """Show nothing."""


@contextmanager
def silence() -> Iterator[Shown]:
    """Show nothing, for work that runs beside a stage with a bar of its own."""
    yield _Silent()
