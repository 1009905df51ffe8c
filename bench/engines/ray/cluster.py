"""Run tasks on a Ray cluster that exists already; none is started or stopped here.

Ray chooses the node and reports what became of a task; which runs are done, only the store knows.
A task whose node is lost is given to another node, so a run may be made twice: of two commits the
first counts. A worker that dies on its own costs only its task, as on one machine.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from ...errors import Stopped
from .. import stopping
from ..base import (
    SMALL,
    Answer,
    Call,
    Crashed,
    Demand,
    EngineError,
    EngineOptions,
    Progress,
    Task,
    portable,
)
from .board import LOOK_SECONDS, Board, first_line
from .nodes import Node, check_nodes, working_nodes
from .shipping import checkout, runtime_environment
from .watch import Watch

log = logging.getLogger("disbench")
# How long tasks may take to stop before they are killed: a stopped driver has ten seconds.
GRACE_SECONDS = 6.0
POLL_SECONDS = 0.2
CONNECT_SECONDS = 10.0
# How many nodes a task may lose before it is blamed for it.
TRIES = 4
# Tasks handed out beyond what the nodes can run at once, so that no node waits for the driver.
# Never all of them, as each takes memory of the driver.
AHEAD = 16


class RayEngine:
    """A Ray cluster that this process is connected to.

    Parameters
    ----------
    ray : module
        Ray, which only those who use it have.
    options : EngineOptions
        How many tasks at once, and which share of a GPU each takes.
    """

    def __init__(self, ray: ModuleType, options: EngineOptions) -> None:
        self._ray: Any = ray
        self._options = options
        self._watch = Watch(ray)
        self._board = Board(ray)
        self._flying: dict[Any, int] = {}
        self._slots = 0

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
            If no node has what a task demands, or the cluster is gone or cannot run tasks. What had
            not begun then is not answered for.
        """
        if not tasks:
            return
        cpus, gpus = self._needs(demand)
        board = self._board.begin()

        def serve(position: int, task: Task) -> Answer | None:
            return _serve(call, position, task, board)

        # Nested, so that Ray sends it with `call` once for all tasks.
        remote = self._ray.remote(serve).options(max_retries=0, num_cpus=cpus, num_gpus=gpus)
        waiting, tries = deque(range(len(tasks))), Counter[int]()
        try:
            while waiting or self._flying:
                with _uninterrupted():
                    self._watch.look()
                    while waiting and len(self._flying) < self._window(cpus, gpus):
                        position = waiting.popleft()
                        tries[position] += 1
                        self._flying[remote.remote(position, tasks[position])] = position
                    news = self._board.news()
                    answers = [
                        (self._flying.pop(task), self._answer(task)) for task in self._ended()
                    ]
                for position, update in news:
                    if position in self._flying.values():
                        progress(position, update)
                for position, answer in answers:
                    if isinstance(answer, _Lost):
                        if tries[position] < TRIES or not self._watch.listens():
                            log.warning("handed out again: %s", answer.reason)
                            waiting.appendleft(position)
                            continue
                        if not answer.with_its_node:
                            raise EngineError(f"the Ray cluster runs no tasks: {answer.reason}")
                        answer = Crashed(None, f"{TRIES} nodes were lost while they were at it")
                    del tries[position]
                    yield position, answer
        finally:
            self.stop()

    def has_gpu(self) -> bool | None:
        """Return whether a node has a GPU."""
        return any(node.gpus > 0 for node in self._watch.nodes)

    def status(self) -> str:
        """Return how many nodes there are and how many tasks they are running."""
        nodes = len(self._watch.look())
        in_flight = min(len(self._flying), self._slots)
        return f"{nodes} node{'s' * (nodes != 1)}, {in_flight} in flight"

    def stop(self) -> None:
        """Cancel what has not ended, with a little time to write checkpoints."""
        flying = [*self._flying]
        self._flying.clear()
        if not flying:
            return
        with _signals_through():
            # To cancel a task in the moment that it ends can take Ray, and this process, down.
            flying = self._ray.wait(flying, num_returns=len(flying), timeout=0)[1]
            if not flying:
                return
            for task in flying:
                self._ray.cancel(task)
            grace = GRACE_SECONDS if self._watch.listens() else 0
            late = self._ray.wait(flying, num_returns=len(flying), timeout=grace)[1]
            for task in late:
                self._ray.cancel(task, force=True)

    def close(self) -> None:
        """Let go of the cluster."""
        self.stop()
        self._watch.close()

    def _needs(self, demand: Demand) -> tuple[int, float]:
        """Return the CPUs and GPUs that Ray has to keep free for a task."""
        cpus = demand.threads
        gpus = (self._options.gpus_per_run or 1.0) if demand.gpu else 0.0
        if not any(node.cpus >= cpus and node.gpus >= gpus for node in self._watch.look()):
            there = "; ".join(
                f"{node.address}: {node.cpus:g} CPUs, {node.gpus:g} GPUs"
                for node in self._watch.nodes
            )
            raise EngineError(
                f"no node has the {cpus} CPUs (--threads) and {gpus:g} GPUs (--gpus-per-run) of a "
                f"run; there are {there or 'none'}"
            )
        return cpus, gpus

    def _window(self, cpus: float, gpus: float) -> int:
        """Return how many tasks may be handed out: more as the cluster grows."""
        if not self._watch.is_fresh:
            return 0
        if self._options.workers is not None:
            self._slots = self._options.workers
            return self._slots
        self._slots = sum(
            int(min(node.cpus / cpus, node.gpus / gpus if gpus else node.cpus))
            for node in self._watch.nodes
        )
        return self._slots + AHEAD

    def _ended(self) -> list[Any]:
        """Wait a moment for tasks to end; return all that have."""
        flying = [*self._flying]
        if not flying:
            time.sleep(POLL_SECONDS)
            return []
        ready: list[Any] = self._ray.wait(flying, num_returns=1, timeout=POLL_SECONDS)[0]
        if ready:
            ready = self._ray.wait(flying, num_returns=len(flying), timeout=0)[0]
        return ready

    def _answer(self, ended: Any) -> Any:
        """Return what a task returned, raise what it raised."""
        errors = self._ray.exceptions
        try:
            return self._ray.get(ended)
        except errors.RayTaskError as error:
            # Ray's own error has the whole story of the other process in its text.
            log.debug("%s", error)
            cause = error.cause if isinstance(error.cause, Exception) else EngineError(str(error))
            raise cause from None
        except errors.NodeDiedError as error:
            return _Lost(first_line(error), with_its_node=True)
        except errors.OutOfMemoryError:
            return Crashed(None, "the worker was killed because its node ran out of memory")
        except errors.WorkerCrashedError:
            return Crashed(None, "the worker died; its node's kernel log may say of what")
        except errors.RayError as error:
            # The cluster's own troubles: nothing that the task has done.
            return _Lost(first_line(error))


@dataclass(frozen=True)
class _Lost:
    """The answer of a task that Ray has lost, with the node that it was on or otherwise."""

    reason: str
    with_its_node: bool = False


def _serve(
    call: Call[Task, Answer],
    position: int,
    task: Task,
    put: Callable[[int, tuple[Any, ...]], None],
) -> Answer | None:
    """Answer a task in a worker."""
    # A step may take a millisecond, and each report is a message to another machine.
    due = time.monotonic() + LOOK_SECONDS / 2

    def report(*update: Any) -> None:
        nonlocal due
        if time.monotonic() >= due:
            due = time.monotonic() + LOOK_SECONDS / 2
            put(position, update)

    try:
        # Ray cancels by what looks like Ctrl-C; training then writes its checkpoint.
        with stopping.interruptible():
            return call(task, report)
    except Stopped:
        return None  # no one waits for it
    except Exception as error:
        raise portable(error) from None


@contextmanager
def open_ray(options: EngineOptions) -> Iterator[RayEngine]:
    """Connect to an existing cluster, and check its nodes; see `open_engine`."""
    if options.slurm:
        raise EngineError("--slurm goes with --engine slurm")
    ray = _import_ray()
    if ray.is_initialized():
        raise EngineError("this process is connected to Ray already: call ray.shutdown() before")
    environment = runtime_environment(checkout())
    # Relative to this process; a link may lead elsewhere on every node, and so is left as it is.
    folder = Path(os.path.abspath(options.folder))
    with stopping.kept():
        _connect(ray, options.address or os.environ.get("RAY_ADDRESS") or "auto", environment)
    try:
        nodes = working_nodes(ray)
        if not nodes:
            raise EngineError(
                "no node of the cluster has a CPU to give: add one with "
                "ray start --address=<head node>:6379"
            )
        # What it needs starts while nodes are asked.
        engine = RayEngine(ray, options)
        try:
            with _signals_through():
                check_nodes(ray, nodes, folder)
            log.info("ray: %d nodes, %g CPUs, %g GPUs", *_totals(nodes))
            yield engine
        finally:
            engine.close()
    finally:
        with stopping.kept():
            ray.shutdown()


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Put a signal off until the block is over: what handlers raise, Ray turns into its own."""
    with _signals_through(), stopping.deferred():
        yield
    stopping.check()


@contextmanager
def _signals_through() -> Iterator[None]:
    """Raise what a signal handler raised inside Ray, which only reports a `SystemError`."""
    try:
        yield
    except SystemError as error:
        if isinstance(error.__cause__, Stopped):
            raise error.__cause__ from None
        raise


def _totals(nodes: Sequence[Node]) -> tuple[int, float, float]:
    return len(nodes), sum(node.cpus for node in nodes), sum(node.gpus for node in nodes)


def _import_ray() -> Any:
    try:
        import ray
        import ray.util.scheduling_strategies
    except ImportError as error:
        raise EngineError(
            f"--engine ray needs Ray ({error}): pip install 'disbench[ray]'"
        ) from None
    return ray


def _connect(ray: Any, address: str, environment: dict[str, Any]) -> None:
    """Connect this process to a cluster; Ray would start one of its own where it can."""
    how = "start one with 'ray start --head' or name it with --address HOST:PORT"
    if address == "local" or "://" in address:
        raise EngineError(
            f"--address {address}: must be HOST:PORT of a cluster's head node, and the driver has "
            f"to run on a node of that cluster"
        )
    if address != "auto":
        host, _, port = address.rpartition(":")
        try:
            # Ray itself tries for minutes.
            socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
        except (OSError, ValueError, OverflowError) as error:
            raise EngineError(
                f"--address {address}: no Ray cluster is there ({error}): {how}"
            ) from None
    try:
        ray.init(
            address=address,
            runtime_env=environment,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        with suppress(Exception):
            ray.shutdown()
        reason = first_line(error)
        raise EngineError(
            f"cannot connect to the Ray cluster at {address}: {reason} ({how})"
        ) from None
