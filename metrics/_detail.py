"""Detail: what a metric knows beside its one number, collected only where somebody asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_collected: ContextVar[dict[str, Any] | None] = ContextVar("collected", default=None)


@contextmanager
def details() -> Iterator[dict[str, Any]]:
    """Collect what metrics record inside the block.

    Every metric records `per_factor` or `per_latent` values where its number is a mean over these,
    and whatever else its docstring names. Entering a block inside another hides the outer one.

    Yields
    ------
    dict
        Name to value; filled while the block runs.

    Examples
    --------
    >>> from metrics import details, mig
    >>> grid = np.indices((4, 4)).reshape(2, -1).T
    >>> with details() as found:
    ...     score = mig(grid.astype(float), grid)
    >>> found["per_factor"].round(3).tolist()
    [1.0, 1.0]
    """
    found: dict[str, Any] = {}
    token = _collected.set(found)
    try:
        yield found
    finally:
        _collected.reset(token)


def record(**values: Any) -> None:
    """Hand over detail to whoever collects it; does nothing where nobody does."""
    found = _collected.get()
    if found is not None:
        found.update(values)
