"""Run tasks on this machine: one after another in this process, or in a pool of worker processes.

The pool is our own because a worker may die (a segfault, the kernel's memory killer), and
ready-made pools cannot say which task it was running. Here every worker has a pipe of its own, so a
dead worker costs only the task it had begun. Progress comes over the same pipe. Tasks go only to
workers that have reported ready, so one that dies while it starts costs no task. A worker
whose driver is gone ends at once, as no one waits for its results any more.
"""

from __future__ import annotations

import logging
import os
import pickle
import subprocess
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe, wait

from .base import SMALL, Answer, Call, Crashed, Demand, EngineError, EngineOptions, Progress, Task
from .worker import place, start

__all__ = ["Crashed", "LocalEngine", "open_local", "run_tasks"]

log = logging.getLogger("disbench")
# How many processes in a row may end before they are ready, for each place of a worker.
START_TRIES = 3
# How long a worker may take to stop before it is killed.
GRACE_SECONDS = 8.0


class LocalEngine:
    """The machine that the driver runs on.

    Parameters
    ----------
    workers : int
        1 runs tasks in this process, more in so many processes.
    """

    def __init__(self, workers: int = 1) -> None:
        self._workers = workers

    def run_tasks(
        self,
        call: Call[Task, Answer],
        tasks: Sequence[Task],
        *,
        progress: Progress,
        demand: Demand = SMALL,
    ) -> Iterator[tuple[int, Answer | Crashed]]:
        """Run every task; those that want the GPU, which one fills, one after another."""
        workers = 1 if demand.gpu else self._workers
        return run_tasks(call, tasks, workers=workers, progress=progress)

    def has_gpu(self) -> bool | None:
        """Return None: only code that may load torch can look."""
        return None

    def status(self) -> str:
        """Return nothing, as there is only this machine."""
        return ""


@contextmanager
def open_local(options: EngineOptions) -> Iterator[LocalEngine]:
    """Open this machine as an engine; see `open_engine`."""
    if options.address is not None:
        raise EngineError("--address names a Ray cluster: it goes with --engine ray")
    if options.gpus_per_run is not None:
        raise EngineError("--gpus-per-run goes with a cluster; use --workers on one machine")
    if options.slurm:
        raise EngineError("--slurm goes with --engine slurm")
    yield LocalEngine(options.workers or 1)


@dataclass
class _Worker:
    """A place for a worker, and the process that fills it."""

    process: subprocess.Popen[bytes]
    pipe: Connection
    # How many processes in a row have ended before they could serve, and of what this one did.
    failed_starts: int = 0
    reason: str | None = None
    ready: bool = False
    task: int | None = None
    begun: bool = False


def run_tasks(
    call: Call[Task, Answer], tasks: Sequence[Task], *, workers: int, progress: Progress
) -> Iterator[tuple[int, Answer | Crashed]]:
    """Run every task and yield (position, answer) as each ends.

    Parameters
    ----------
    call : callable
        A module-level function of (task, report), where `report` takes progress. Exceptions that it
        raises end the iteration.
    tasks : sequence
        What to run; picklable if there is more than one worker.
    workers : int
        1 runs the tasks in this process, one after another; more start so many processes.
    progress : callable
        Called in this process with (position, what the task reported).

    Yields
    ------
    tuple
        The position of the task and its answer, or `Crashed` if its worker died.

    Raises
    ------
    EngineError
        If workers end before they can serve, `START_TRIES` times for each.
    """
    if workers == 1:
        for position, task in enumerate(tasks):
            yield position, call(task, lambda *update, at=position: progress(at, update))
    else:
        yield from _pool(call, tasks, min(workers, len(tasks)), progress)


def _pool(
    call: Call[Task, Answer], tasks: Sequence[Task], size: int, progress: Progress
) -> Iterator[tuple[int, Answer | Crashed]]:
    waiting = deque(range(len(tasks)))
    sent_again: set[int] = set()
    workers: list[_Worker] = []
    # Nothing is ever written to it: it ends with this process, however that ends.
    lifeline, held = os.pipe()
    try:
        first_words = [*map(pickle.dumps, (place(), call))]
        for _ in range(size):
            workers.append(_start(first_words, lifeline))
        while waiting or any(worker.task is not None for worker in workers):
            for worker in workers:
                if worker.ready and worker.task is None and waiting:
                    worker.task, worker.begun = waiting.popleft(), False
                    # One that died while it was idle is found dead below, with this task.
                    with suppress(BrokenPipeError, ConnectionResetError):
                        worker.pipe.send(tasks[worker.task])
            for pipe in wait([worker.pipe for worker in workers]):
                worker = next(worker for worker in workers if worker.pipe is pipe)
                try:
                    kind, content = worker.pipe.recv()
                except (EOFError, ConnectionResetError):
                    end = Crashed(worker.process.wait())
                    worker.pipe.close()
                    workers.remove(worker)
                    if worker.task is not None:
                        if worker.begun or worker.task in sent_again:
                            yield worker.task, end
                        else:
                            # The task had not begun, so it is not why the worker died.
                            sent_again.add(worker.task)
                            waiting.appendleft(worker.task)
                    if waiting:
                        workers += _successor(worker, end, first_words, lifeline, len(workers))
                    continue
                if kind == "ready":
                    worker.ready = True
                elif kind == "unfit":
                    worker.reason = content
                elif kind == "begun":
                    worker.begun = True
                elif kind == "progress" and worker.task is not None:
                    progress(worker.task, content)
                elif kind == "raised":
                    raise content
                elif worker.task is not None:
                    position, worker.task = worker.task, None
                    yield position, content
    finally:
        for worker in workers:
            worker.process.terminate()
        deadline = time.monotonic() + GRACE_SECONDS
        for worker in workers:
            # Time to write a checkpoint, within what a stopped driver may take.
            with suppress(subprocess.TimeoutExpired):
                worker.process.wait(max(0, deadline - time.monotonic()))
            worker.process.kill()
            worker.process.wait()
            worker.pipe.close()
        os.close(held)
        os.close(lifeline)


def _start(first_words: Sequence[bytes], lifeline: int, failed_starts: int = 0) -> _Worker:
    ours, theirs = Pipe()
    try:
        # With its other end closed here, a worker's death is an end of file.
        with theirs:
            process = start(theirs, lifeline)
    except OSError as error:
        ours.close()
        raise EngineError(f"workers cannot start: {error}") from None
    # If it is dead already, the pool finds out when it reads from the pipe.
    with suppress(BrokenPipeError, ConnectionResetError):
        for words in first_words:
            ours.send_bytes(words)
    return _Worker(process, ours, failed_starts)


def _successor(
    dead: _Worker, end: Crashed, first_words: Sequence[bytes], lifeline: int, others: int
) -> list[_Worker]:
    """Fill the place of a dead worker, unless none seems to be able to serve there.

    Raises
    ------
    EngineError
        If none does, and no other place is left. It is of no task that workers die then.
    """
    if dead.ready:
        return [_start(first_words, lifeline)]
    failed_starts = dead.failed_starts + 1
    if failed_starts < START_TRIES:
        return [_start(first_words, lifeline, failed_starts)]
    reason = dead.reason or f"{end} before it could serve"
    if not others:
        raise EngineError(f"workers cannot start: {reason}")
    log.warning("a worker cannot start: %s; work continues with %d", reason, others)
    return []
