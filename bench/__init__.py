"""Train, score, compare and report disentangled representations.

The rooms, in the order in which data goes through them:

grid
    What is asked for: grid files, runs, packs, metrics.
store
    The output folder: runs are committed to it, and nothing in it is trusted unchecked.
engines
    Where tasks run: this machine or a cluster.
models
    The networks, and loading of stored ones.
training
    Trains packs of runs: specs in, results out.
scoring
    Scores codes: stored runs in, stored scores out.
tables
    Reads the output folder into tables.
analysis
    Judges tables: claims, diagnoses, comparison with published numbers.
plots, page
    Make figures and the report from tables and verdicts.
external_codes
    Turns codes made elsewhere into runs of an output folder.
trackers
    Callbacks that log a grid to TensorBoard, Weights & Biases or MLflow.

`pipeline` takes a grid through all of these, following a `plan` of what is still to be done. `run`,
`report`, `score`, `share` and `export` are the commands, `options` has what they take, and
`commands` what they share. A room imports only from the rooms before it.

The public functions are imported when they are first used: `import bench` loads neither torch nor
scikit-learn.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

if sys.platform == "win32":
    raise ImportError(
        "bench does not run on Windows, which lacks the file locks that keep output folders whole: "
        "use Linux, macOS or the Windows Subsystem for Linux; metrics and datasets run alone"
    )

if TYPE_CHECKING:
    from .analysis.results import load_results
    from .external_codes.evaluator import Evaluator
    from .grid.load import load_grid
    from .models.exported import load_exported
    from .models.load import load_run
    from .models.torch_data import torch_dataset
    from .pipeline import run_grid
    from .score import score

__all__ = [
    "Evaluator",
    "load_exported",
    "load_grid",
    "load_results",
    "load_run",
    "run_grid",
    "score",
    "torch_dataset",
]

_HOMES = {
    "Evaluator": "external_codes.evaluator",
    "load_exported": "models.exported",
    "load_grid": "grid.load",
    "load_results": "analysis.results",
    "load_run": "models.load",
    "run_grid": "pipeline",
    "score": "score",
    "torch_dataset": "models.torch_data",
}


def __getattr__(name: str) -> Any:
    """Import a public function from the module that it lives in."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    """List the public functions."""
    return [*globals(), *__all__]
