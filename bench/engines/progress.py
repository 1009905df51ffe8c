"""Show the progress of a grid: one bar on a terminal or in a notebook, log lines elsewhere."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import RLock
from typing import Any, Protocol

from tqdm.auto import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from .pace import Pace

log = logging.getLogger("disbench")
# This process alone draws bars. The lock that tqdm takes by itself is a semaphore that forked
# processes share, and that one which is killed in the middle of a bar never lets go of.
tqdm.set_lock(RLock())
# Off a terminal: how often to log that work continues, and the least time between two lines about
# ended tasks, as thousands of small ones would fill a log.
LINE_SECONDS = 60.0
END_SECONDS = 2.0
# The time left is ours: tqdm's takes what a checkpoint holds for work that was just done.
BAR = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]"


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
        self._pace = Pace(sizes)
        self._ended = self._failed = 0
        self._last_line = time.monotonic()
        shown = _on_terminal() or _in_notebook()
        self._bar: tqdm[Any] = tqdm(
            total=sum(sizes), desc=stage, unit="step", bar_format=BAR, disable=not shown
        )

    def update(self, position: int, reported: tuple[Any, ...]) -> None:
        """Show what a task reports: (units of work done, latest loss), or these and a stage."""
        done, loss, *stage = reported
        gained = self._pace.report(position, done)
        if self._bar.disable and time.monotonic() - self._last_line <= LINE_SECONDS:
            return
        state = stage[0] if stage else f"loss {loss:.1f}"
        current = f"{self._counts()} {self._names[position]} {state}"
        if self._bar.disable:
            self._last_line = time.monotonic()
            log.info("%s: %s", self._stage, self._line(current, self._left()))
        else:
            self._bar.set_postfix_str(self._line(self._left(), current), refresh=False)
            self._bar.update(gained)

    def end(self, position: int, failure: str | None) -> None:
        """Show that a task has ended."""
        gained = self._pace.end(position, failed=failure is not None)
        self._ended += 1
        self._failed += failure is not None
        self._bar.set_postfix_str(self._line(self._left(), self._counts()), refresh=False)
        self._bar.update(gained)
        now = time.monotonic()
        if not failure and self._ended < len(self._names) and now - self._last_line < END_SECONDS:
            return
        self._last_line = now
        state = f"{self._names[position]}: {f'FAILED: {failure}' if failure else 'done'}"
        log.info("%s %s: %s", self._stage, self._counts(), self._line(state, self._left()))

    def close(self) -> None:
        """Remove the bar from the screen."""
        self._bar.close()

    def _counts(self) -> str:
        """Return how many tasks have ended, and how many of them have failed."""
        failed = f" ({self._failed} failed)" if self._failed else ""
        return f"{self._ended}/{len(self._names)}{failed}"

    def _left(self) -> str:
        """Return how long the rest takes, nothing as long as that cannot be known."""
        seconds = self._pace.seconds_left()
        return "" if seconds is None else f"{tqdm.format_interval(seconds)} left"

    def _line(self, *parts: str) -> str:
        """Return what there is to say, and how the machines are doing."""
        status = self._status()
        return ", ".join(filter(None, parts)) + (f"; {status}" if status else "")


def _on_terminal() -> bool:
    """Return whether a bar would be seen; a process may have no standard error at all."""
    try:
        return sys.stderr.isatty()
    except (AttributeError, ValueError):
        return False


def _in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and "IPKernelApp" in shell.config


@contextmanager
def progress(
    stage: str, names: Sequence[str], sizes: Sequence[int], status: Callable[[], str] = str
) -> Iterator[Progress]:
    """Show the progress of a stage, and keep log lines clear of its bar."""
    heard = [logger for logger in (logging.getLogger(), log) if _is_on_console(logger)]
    with logging_redirect_tqdm(heard, tqdm):
        shown = Progress(stage, names, sizes, status)
        try:
            yield shown
        finally:
            shown.close()


def _is_on_console(logger: logging.Logger) -> bool:
    return any(
        isinstance(handler, logging.StreamHandler) and handler.stream in (sys.stdout, sys.stderr)
        for handler in logger.handlers
    )


@contextmanager
def aloud() -> Iterator[None]:
    """Print log lines to standard error meanwhile, unless somebody has said where they go."""
    if log.hasHandlers():
        yield
        return
    handler, level = logging.StreamHandler(), log.level
    log.addHandler(handler)
    if level == logging.NOTSET:
        log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


class _Silent:
    def update(self, *_: object) -> None:
        """Show nothing."""

    def end(self, *_: object) -> None:
        """Show nothing."""


@contextmanager
def silence() -> Iterator[Shown]:
    """Show nothing, for work that runs beside a stage with a bar of its own."""
    yield _Silent()
