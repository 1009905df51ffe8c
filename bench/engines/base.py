"""Engine: the interface of what runs tasks somewhere and yields their answers as they come."""

from __future__ import annotations

import pickle
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from ..errors import DisbenchError

Task = TypeVar("Task")
Answer = TypeVar("Answer")
# Takes a task and a function to report its progress to, with whatever arguments it likes.
Call = Callable[[Task, Callable[..., None]], Answer]
Progress = Callable[[int, tuple[Any, ...]], None]


class EngineError(DisbenchError, RuntimeError):
    """The engine cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Crashed:
    """The answer of a task whose worker died.

    Attributes
    ----------
    exit_code : int or None
        Of the worker's process, negative for a signal; None where it is unknown.
    reason : str or None
        What is known instead.

    Examples
    --------
    >>> str(Crashed(-9)), str(Crashed(7))
    ('the worker was killed by signal 9 (SIGKILL)', 'the worker ended with exit code 7')
    """

    exit_code: int | None
    reason: str | None = None

    def __str__(self) -> str:
        """Return what ended the worker."""
        if self.reason is not None:
            return self.reason
        code = self.exit_code or 0
        if code < 0:
            return f"the worker was killed by signal {-code} ({signal.Signals(-code).name})"
        return f"the worker ended with exit code {code}"


def portable(error: Exception) -> Exception:
    """Return an error as it can be sent to a driver: some are not written, or not read again."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


@dataclass(frozen=True)
class Demand:
    """What a task takes of a machine, for engines that choose the machine by it.

    Attributes
    ----------
    threads : int
        CPU cores.
    gpu : bool
        Whether it takes a GPU.
    brief : bool
        Whether it takes seconds or minutes and no checkpoint, so that it is not worth a job of its
        own in a queue.
    """

    threads: int = 1
    gpu: bool = False
    brief: bool = False


SMALL = Demand()
BRIEF = Demand(brief=True)


@dataclass(frozen=True)
class EngineOptions:
    """What a user says of an engine.

    Attributes
    ----------
    folder : Path
        The output folder, which every worker has to see.
    workers : int, optional
        How many tasks run at the same time, at most.
    address : str, optional
        Of a cluster.
    gpus_per_run : float, optional
        The share of a GPU that a task with `Demand.gpu` takes on a cluster.
    slurm : mapping
        Options of sbatch by their names, without dashes; True for those without a value.
    """

    folder: Path
    workers: int | None = None
    address: str | None = None
    gpus_per_run: float | None = None
    slurm: Mapping[str, str | bool] = field(default_factory=dict)


class Engine(Protocol):
    """Where tasks run."""

    def run_tasks(
        self,
        call: Call[Task, Answer],
        tasks: Sequence[Task],
        *,
        progress: Progress,
        demand: Demand = SMALL,
    ) -> Iterator[tuple[int, Answer | Crashed]]:
        """Run every task and yield (position, answer) as each ends; see `local.run_tasks`."""

    def has_gpu(self) -> bool | None:
        """Return whether tasks can have a GPU; None where that is a matter of this machine."""

    def status(self) -> str:
        """Return a few words on the state of the machines; empty where there is only this one."""
