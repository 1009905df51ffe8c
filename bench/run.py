"""Command line: python -m bench.run GRID.

Exit codes: 0 when all runs are done, 1 when some failed, 2 when the grid, the folder, the device or
the engine cannot be used; those after a signal are in `commands`.
"""

from __future__ import annotations

import argparse
import logging
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from .commands import command, option, say
from .engines import ENGINES, usable_cpus
from .errors import GridWarning
from .grid import (
    DEVICES,
    PRECISIONS,
    Execution,
    Grid,
    TrainedSpec,
    arguments as given,
    expand,
    load_grid,
    metric_requests,
)
from .pipeline import run_grid
from .plan import plan
from .store import Store
from .training.checkpoints import CHECKPOINT_SECONDS
from .training.device import settle_device
from .training.pack_size import pack_size
from .training.timing import estimate_seconds

log = logging.getLogger("disbench")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    return command(lambda: _run(argv))


def _run(argv: Sequence[str] | None) -> int:
    options = _parser().parse_args(argv)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", GridWarning)
        grid = load_grid(options.grid, allow_imports=options.allow_imports)
    for warning in caught:
        log.warning("warning: %s", warning.message)
    out = options.out or Path("results") / grid.name
    execution = Execution(options.device, options.precision, options.threads)
    if options.dry_run:
        _list_runs(grid, out, execution, options)
        return 0
    summary = run_grid(
        grid,
        out=out,
        workers=_workers(options),
        execution=execution,
        pack=options.pack,
        engine=options.engine,
        address=options.address,
        gpus_per_run=options.gpus_per_run,
        allow_imports=options.allow_imports,
        checkpoint_seconds=options.checkpoint_seconds,
    )
    counts = f"{summary.trained} made, {summary.already_done} already done, {summary.failed} failed"
    say(f"{counts}\nreport: {summary.report}")
    return 1 if summary.failed else 0


def _list_runs(grid: Grid, out: Path, execution: Execution, options: argparse.Namespace) -> None:
    """Print the runs of a grid, which are done, and how long the others will take."""
    requests = metric_requests(grid.metrics, allow_imports=options.allow_imports)
    todo = plan(Store(out) if out.exists() else None, expand(grid), requests)
    for reason in todo.damaged.values():
        log.warning("left out: %s; the next start of its grid makes it again", reason)
    lines = [
        f"{identity}  {'done' if identity in todo.done else 'to do'}  "
        f"{spec.dataset.name}  {spec.kind}  seed {spec.seed}"
        for identity, spec in todo.specs.items()
    ]
    counts = f"{len(todo.done)} done, {len(todo.pending)} to do"
    say("\n".join([*lines, f"{len(todo.specs)} runs: {counts}"]))
    if any(isinstance(spec, TrainedSpec) for spec in todo.pending):
        execution = settle_device(execution)
        size = options.pack or pack_size(todo.pending, execution)
        packs = todo.packs(execution, size)
        workers = options.workers or usable_cpus()
        minutes = estimate_seconds(packs, workers) / 60
        span = f"{minutes / 60:.1f} hours" if minutes > 90 else f"{minutes:.0f} minutes"
        say(
            f"about {span} to train and encode with {workers} worker{'s' * (workers != 1)}, "
            f"estimated from a few steps; scores and report take extra time"
        )


def _workers(options: argparse.Namespace) -> int | None:
    """Return how many tasks shall run at the same time; a cluster knows that best itself."""
    if options.workers is None and ENGINES[options.engine].is_here:
        return usable_cpus()
    workers: int | None = options.workers
    return workers


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="disbench", description="Train the runs of a grid, score them and write a report."
    )
    parser.add_argument(
        "grid", type=option(given.path), metavar="GRID", help="the grid file (YAML)"
    )
    parser.add_argument(
        "--out", type=option(given.path), help="output folder (default: results/<grid name>)"
    )
    parser.add_argument(
        "--engine",
        choices=tuple(ENGINES),
        default="local",
        help="this machine, or a Ray cluster (default: local)",
    )
    parser.add_argument(
        "--workers",
        type=option(given.WORKERS),
        help="tasks at the same time (default: one per usable core, or a whole cluster)",
    )
    parser.add_argument(
        "--address",
        metavar="HOST:PORT",
        help="head node of the Ray cluster (default: RAY_ADDRESS, or this node's cluster)",
    )
    parser.add_argument(
        "--gpus-per-run",
        type=option(given.share),
        metavar="F",
        help="share of a GPU per run, or per pack, on a cluster (default: 1)",
    )
    parser.add_argument(
        "--device",
        choices=DEVICES,
        default="auto",
        help="where models train (default: auto, a GPU if there is one)",
    )
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        default="float32",
        help="arithmetic of training (default: float32)",
    )
    parser.add_argument(
        "--threads",
        type=option(given.THREADS),
        default=1,
        help="CPU threads per model (default: 1)",
    )
    parser.add_argument(
        "--pack",
        type=option(given.PACK),
        metavar="K",
        help="models trained together (default: as many as are fastest on the GPU; 1 on a CPU)",
    )
    parser.add_argument(
        "--allow-imports",
        action="store_true",
        help="allow metrics that the grid names as package.module:function",
    )
    parser.add_argument(
        "--checkpoint-seconds",
        type=option(given.seconds),
        default=CHECKPOINT_SECONDS,
        metavar="S",
        help=f"seconds between checkpoints (default: {CHECKPOINT_SECONDS:g})",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="list the runs and estimate the time, but train nothing",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
