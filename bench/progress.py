"""Progress of a grid: one bar on a terminal, plain log lines elsewhere."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

log = logging.getLogger("disbench")
# Off a terminal, how often to say that work goes on, and the least time between two ended tasks
# that are told of: thousands of small ones would fill a log.
LINE_SECONDS = 60.0
END_SECONDS = 2.0


class Progress:
    """Counts work over the tasks of one stage.

    Parameters
    ----------
    stage : str
        What is being done, such as "train".
    names : sequence of str
        What to call each task.
    sizes : sequence of int
        The units of work of each task; the time left is estimated from them.
    """

    def __init__(self, stage: str, names: Sequence[str], sizes: Sequence[int]) -> None:
        self._stage = stage
        self._names = names
        self._sizes = sizes
        self._done = [0] * len(sizes)
        self._ended = 0
        self._started = self._last_line = time.monotonic()
        self._bar: tqdm[Any] = tqdm(
            total=sum(sizes), desc=stage, unit="step", disable=not sys.stderr.isatty()
        )

    def tell(self, position: int, told: tuple[Any, ...]) -> None:
        """Take what a task tells: (units of work done, latest loss)."""
        done, loss = told
        self._move(position, done)
        current = f"{self._ended}/{len(self._names)} {self._names[position]} loss {loss:.1f}"
        self._bar.set_postfix_str(current, refresh=False)
        if self._bar.disable and time.monotonic() - self._last_line > LINE_SECONDS:
            self._last_line = time.monotonic()
            log.info("%s: %s, %s", self._stage, current, self._remaining())

    def end(self, position: int, failure: str | None) -> None:
        """Take the end of a task."""
        self._move(position, self._sizes[position])
        self._ended += 1
        now = time.monotonic()
        if not failure and self._ended < len(self._names) and now - self._last_line < END_SECONDS:
            return
        self._last_line = now
        state = f"FAILED: {failure}" if failure else "done"
        log.info(
            "%s %d/%d: %s: %s, %s",
            self._stage,
            self._ended,
            len(self._names),
            self._names[position],
            state,
            self._remaining(),
        )

    def close(self) -> None:
        """Take the bar off the screen."""
        self._bar.close()

    def _move(self, position: int, done: int) -> None:
        self._bar.update(done - self._done[position])
        self._done[position] = done

    def _remaining(self) -> str:
        done, total = sum(self._done), sum(self._sizes)
        if not done:
            return "time left unknown"
        seconds = (time.monotonic() - self._started) * (total - done) / done
        return f"{tqdm.format_interval(seconds)} left"


@contextmanager
def progress(stage: str, names: Sequence[str], sizes: Sequence[int]) -> Iterator[Progress]:
    """Show the progress of a stage, and keep log lines clear of its bar."""
    with logging_redirect_tqdm([logging.getLogger()]):
        shown = Progress(stage, names, sizes)
        try:
            yield shown
        finally:
            shown.close()
