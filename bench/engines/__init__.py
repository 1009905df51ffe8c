"""Engines: where tasks run. `local` is this machine, `ray` an existing Ray cluster."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from .base import Engine, EngineError, EngineOptions
from .local import open_local
from .ray.cluster import open_ray

__all__ = ["ENGINES", "EngineError", "EngineOptions", "open_engine"]

# Each opens an engine for as long as a block lasts.
ENGINES: dict[str, Callable[[EngineOptions], AbstractContextManager[Engine]]] = {
    "local": open_local,
    "ray": open_ray,
}


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
    ...     calls = engine.run_tasks(lambda task, tell: task + 1, [1, 2], progress=print)
    ...     dict(calls)
    {0: 2, 1: 3}
    """
    if name not in ENGINES:
        raise EngineError(f"unknown engine {name!r}; known are: {', '.join(ENGINES)}")
    return ENGINES[name](options)
