"""Where tasks run: `local` is this machine, `ray` and `slurm` are existing clusters.

An engine is opened by its name in a `with` block, runs tasks and yields their answers as they come.
It does not know what the tasks are. `progress` shows how far they are, `stopping` ends them at a
signal.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from .base import BRIEF, Crashed, Demand, Engine, EngineError, EngineOptions
from .cpus import multiplies_bfloat16, usable_cpus
from .local import LocalEngine, open_local, run_tasks

__all__ = [
    "BRIEF",
    "ENGINES",
    "Crashed",
    "Demand",
    "Engine",
    "EngineError",
    "EngineInfo",
    "EngineOptions",
    "LocalEngine",
    "engine_info",
    "multiplies_bfloat16",
    "open_engine",
    "run_tasks",
    "usable_cpus",
]


@dataclass(frozen=True)
class EngineInfo:
    """An engine as it is known before it is opened.

    Attributes
    ----------
    open : callable
        Gives the engine for as long as a block lasts.
    is_here : bool
        Whether tasks run on this machine, so that its cores and its GPU are theirs.
    """

    open: Callable[[EngineOptions], AbstractContextManager[Engine]]
    is_here: bool


def _open_ray(options: EngineOptions) -> AbstractContextManager[Engine]:
    # Imported here: it needs the store, and a command's help would wait for that.
    from .ray.cluster import open_ray

    return open_ray(options)


def _open_slurm(options: EngineOptions) -> AbstractContextManager[Engine]:
    from .slurm.cluster import open_slurm

    return open_slurm(options)


ENGINES = {
    "local": EngineInfo(open_local, is_here=True),
    "ray": EngineInfo(_open_ray, is_here=False),
    "slurm": EngineInfo(_open_slurm, is_here=False),
}


def engine_info(name: str) -> EngineInfo:
    """Return what is known of an engine.

    Raises
    ------
    EngineError
        If no engine has that name.
    """
    if name not in ENGINES:
        raise EngineError(f"unknown engine {name!r}; known are: {', '.join(ENGINES)}")
    return ENGINES[name]


def open_engine(name: str, options: EngineOptions) -> AbstractContextManager[Engine]:
    """Open an engine by its name.

    Parameters
    ----------
    name : str
        A name of `ENGINES`.
    options : EngineOptions
        What the user says of it.

    Returns
    -------
    context manager
        Gives the engine, and lets go of its processes or connections at the end of the block.

    Raises
    ------
    EngineError
        Unknown name, options that do not go with the engine, or one that cannot be used.

    Examples
    --------
    >>> from pathlib import Path
    >>> with open_engine("local", EngineOptions(Path("out"))) as engine:
    ...     calls = engine.run_tasks(lambda task, report: task + 1, [1, 2], progress=print)
    ...     dict(calls)
    {0: 2, 1: 3}
    """
    return engine_info(name).open(options)
