"""Run tasks on a Slurm cluster: packs as arrays of jobs, which end with the driver.

Slurm chooses the node and reports what became of a job; which runs are done, only the store knows.
Of brief tasks a few are done by the driver, beside it, as a job may have to wait for hours; many
are dealt to some jobs.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from .. import local
from ..base import SMALL, Answer, Call, Crashed, Demand, EngineError, EngineOptions, Progress, Task
from .queue import Queue
from .stage import FEW, Stage

log = logging.getLogger("disbench")
# How many processes of the driver's machine take the few brief tasks that are worth no job.
BESIDE = 2
# How long jobs of a driver that was killed may take to end: Slurm itself kills after half of it.
LEFT_SECONDS = 60.0


class SlurmEngine:
    """A Slurm cluster that jobs can be submitted to.

    Parameters
    ----------
    queue : Queue
        Its queue.
    folder : Path
        The output folder.
    """

    def __init__(self, queue: Queue, folder: Path) -> None:
        self._queue = queue
        self._folder = folder
        self._stage: Stage[Any, Any] | None = None

    def run_tasks(
        self,
        call: Call[Task, Answer],
        tasks: Sequence[Task],
        *,
        progress: Progress,
        demand: Demand = SMALL,
    ) -> Iterator[tuple[int, Answer | Crashed]]:
        """Run every task and yield (position, answer) as each ends; see `local.run_tasks`.

        Raises
        ------
        EngineError
            If Slurm takes no jobs, or they cannot begin. What had not begun then is not answered
            for.
        """
        if not tasks:
            return
        if demand.brief and len(tasks) <= FEW:
            yield from local.run_tasks(call, tasks, workers=BESIDE, progress=progress)
            return
        stage = Stage(self._queue, self._folder, call, tasks, demand)
        self._stage = stage
        try:
            yield from stage.run(progress)
        finally:
            self._stage = None
            stage.stop()

    def has_gpu(self) -> bool | None:
        """Return whether a node has a GPU."""
        return self._queue.has_gpu()

    def status(self) -> str:
        """Return how many jobs are in which state."""
        return self._stage.status if self._stage is not None else ""


@contextmanager
def open_slurm(options: EngineOptions) -> Iterator[SlurmEngine]:
    """Check that jobs can be submitted, and end those of an earlier start; see `open_engine`."""
    if options.address is not None:
        raise EngineError("--address names a Ray cluster: it goes with --engine ray")
    if options.gpus_per_run is not None and not float(options.gpus_per_run).is_integer():
        raise EngineError(
            f"--gpus-per-run {options.gpus_per_run:g}: Slurm gives whole GPUs; let several models "
            f"share one with --pack"
        )
    submitit = _import_submitit()
    # Relative to this process; a link may lead elsewhere on every node, and so is left as it is.
    folder = Path(os.path.abspath(options.folder))
    queue = Queue(submitit, folder, options)
    queue.check()
    if queue.left():
        log.warning("cancelling the Slurm jobs that an earlier start has left; runs are kept")
        queue.cancel_all()
        if not queue.wait(LEFT_SECONDS):
            log.warning("some have not ended yet; of two that make a run the first counts")
    yield SlurmEngine(queue, folder)


def _import_submitit() -> ModuleType:
    try:
        import submitit
    except ImportError as error:
        raise EngineError(
            f"--engine slurm needs submitit ({error}): pip install 'disbench[slurm]'"
        ) from None
    # It writes to this process's output what it does.
    logging.getLogger("submitit").setLevel(logging.ERROR)
    return submitit
