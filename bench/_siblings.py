"""Find the packages beside this one, in a checkout and in an installed wheel alike.

In a checkout the packages are the top-level `datasets` and `metrics`; installed they are
`disbench.datasets` and `disbench.metrics`. Hugging Face's `datasets` has the same name, so what
is found is checked before it is used. No other module of `bench` names its siblings.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

__all__ = ["console", "datasets", "metrics"]


def _sibling(name: str) -> ModuleType:
    """Import the package `name` that lies beside this one, and refuse any other of that name."""
    namespace = (__package__ or "").rpartition(".")[0]
    module = importlib.import_module(f"{namespace}.{name}" if namespace else name)
    ours = Path(__file__).resolve().parent.parent / name
    found = Path(module.__file__ or "").resolve().parent
    if found != ours:
        raise ImportError(
            f"'{name}' was found at {found}, but disbench needs its own at {ours}: another package "
            f"of that name comes first on sys.path. Run from the checkout, or install disbench and "
            f"use 'disbench run' or 'python -m disbench.bench.run'."
        )
    return module


if TYPE_CHECKING:
    import datasets
    import metrics
    from datasets import _console as console
else:
    datasets = _sibling("datasets")
    metrics = _sibling("metrics")
    # What commands do with their streams is the same in both packages.
    console = importlib.import_module(f"{datasets.__name__}._console")
