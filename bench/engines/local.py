"""Tasks on this machine: one after another in this process, or in a pool of worker processes.

The pool is our own because a worker may die (a segfault, the kernel's memory killer) and the
ready-made ones then cannot say which task it died of. Here every worker has a pipe of its own, so a
dead worker costs exactly the task it had begun, and progress comes over the same pipe. A worker
whose driver is gone ends at once: what it would still write, nobody waits for.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic

from .. import stopping
from ._base import (
    SMALL,
    Answer,
    Call,
    Crashed,
    Demand,
    EngineError,
    EngineOptions,
    Progress,
    Task,
)

__all__ = ["Crashed", "LocalEngine", "open_local", "run_tasks"]

# How long a worker that was asked to stop may take until it is made to.
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
        """Run every task; those that want the card, which one fills, one after another."""
        workers = 1 if demand.card else self._workers
        return run_tasks(call, tasks, workers=workers, progress=progress)

    def has_card(self) -> bool | None:
        """Leave it to whoever may load torch to look."""
        return None

    def status(self) -> str:
        """Say nothing: there is one machine, and it is here."""
        return ""


@contextmanager
def open_local(options: EngineOptions) -> Iterator[LocalEngine]:
    """Give this machine; see `open_engine`."""
    if options.address is not None:
        raise EngineError("--address is of a Ray cluster: it goes with --engine ray")
    if options.gpus_per_run is not None:
        raise EngineError("--gpus-per-run goes with --engine ray; use --workers on one machine")
    yield LocalEngine(options.workers or 1)


@dataclass
class _Worker(Generic[Task]):
    process: BaseProcess
    pipe: Connection
    task: int | None = None
    begun: bool = False


def run_tasks(
    call: Call[Task, Answer], tasks: Sequence[Task], *, workers: int, progress: Progress
) -> Iterator[tuple[int, Answer | Crashed]]:
    """Run every task and yield (position, answer) as each ends.

    Parameters
    ----------
    call : callable
        A module-level function of (task, tell). Exceptions it raises end the iteration.
    tasks : sequence
        What to run; picklable if there is more than one worker.
    workers : int
        1 runs the tasks in this process, one after another; more start so many processes.
    progress : callable
        Called in this process with (position, what the task told).

    Yields
    ------
    tuple
        The position of the task and its answer, or `Crashed` if its worker died.
    """
    if workers == 1:
        for position, task in enumerate(tasks):
            yield position, call(task, lambda *told, at=position: progress(at, told))
    else:
        yield from _pool(call, tasks, min(workers, len(tasks)), progress)


def _pool(
    call: Call[Task, Answer], tasks: Sequence[Task], size: int, progress: Progress
) -> Iterator[tuple[int, Answer | Crashed]]:
    waiting = deque(range(len(tasks)))
    sent_again: set[int] = set()
    workers: list[_Worker[Task]] = [_start(call) for _ in range(size)]
    try:
        while waiting or any(worker.task is not None for worker in workers):
            for worker in workers:
                if worker.task is None and waiting:
                    worker.task, worker.begun = waiting.popleft(), False
                    # One that died while it was idle is found dead below, with this task.
                    with suppress(BrokenPipeError, ConnectionResetError):
                        worker.pipe.send(tasks[worker.task])
            for pipe in wait([worker.pipe for worker in workers]):
                worker = next(worker for worker in workers if worker.pipe is pipe)
                try:
                    kind, content = worker.pipe.recv()
                except (EOFError, ConnectionResetError):
                    worker.process.join()
                    position, worker_code = worker.task, worker.process.exitcode
                    workers[workers.index(worker)] = _start(call)
                    if position is None:
                        continue
                    if worker.begun or position in sent_again:
                        yield position, Crashed(worker_code)
                    else:
                        # It is not of this task that the worker died.
                        sent_again.add(position)
                        waiting.appendleft(position)
                    continue
                if kind == "begun":
                    worker.begun = True
                elif kind == "told" and worker.task is not None:
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
            worker.process.join(max(0, deadline - time.monotonic()))
            worker.process.kill()
            worker.pipe.close()


def _start(call: Call[Task, Answer]) -> _Worker[Task]:
    # Spawned, not forked: a forked child of a process that has used torch's threads may hang.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(call, theirs), daemon=True)
    process.start()
    # With its other end closed here, a worker's death is an end of file.
    theirs.close()
    return _Worker(process, ours)


def _serve(call: Call[Task, Answer], pipe: Connection) -> None:
    """Answer tasks until the driver is gone."""
    # Ctrl-C reaches the whole process group; what becomes of the workers is the driver's matter.
    stopping.install(ignore_interrupt=True)
    threading.Thread(target=_end_with_the_driver, daemon=True).start()

    def tell(*told: Any) -> None:
        try:
            pipe.send(("told", told))
        except (BrokenPipeError, ConnectionResetError):
            # The driver is gone: no failure of the task.
            raise stopping.Stopped(signal.SIGHUP) from None

    try:
        while True:
            task = pipe.recv()
            pipe.send(("begun", None))
            try:
                answer: tuple[str, Any] = ("answer", call(task, tell))
            except Exception as error:
                answer = ("raised", error)
            pipe.send(answer)
    except (EOFError, BrokenPipeError, ConnectionResetError, stopping.Stopped):
        return


def _end_with_the_driver() -> None:
    """Wait for the driver's end, however it comes, and end this process with it."""
    driver = multiprocessing.parent_process()
    if driver is not None:
        wait([driver.sentinel])
        os._exit(1)
