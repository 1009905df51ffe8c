"""Train, score, compare and report disentangled representations.

The public functions are imported when they are first used: `import bench` loads neither torch nor
scikit-learn.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .grid.load import load_grid
    from .models.load import load_run
    from .pipeline import run_grid
    from .score import score
    from .tables.collect import load_results

__all__ = ["load_grid", "load_results", "load_run", "run_grid", "score"]

_HOMES = {
    "load_grid": "grid.load",
    "load_results": "tables.collect",
    "load_run": "models.load",
    "run_grid": "pipeline",
    "score": "score",
}


def __getattr__(name: str) -> Any:
    """Import a public function from the module that it lives in."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    """List the public functions."""
    return [*globals(), *__all__]
