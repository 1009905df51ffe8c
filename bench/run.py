"""Train the runs of a grid, score them and write a report: disbench run GRID.

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

from .commands import command, say
from .engines import ENGINES, usable_cpus
from .errors import GridWarning
from .grid import (
    Execution,
    Grid,
    TrainedSpec,
    expand,
    load_grid,
    metric_requests,
    short_name,
)
from .options.run import parser
from .pipeline import run_grid
from .plan import plan
from .store import Store
from .tables import counted
from .training.device import settle_device
from .training.pack_size import pack_size
from .training.timing import estimate_seconds

log = logging.getLogger("disbench")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    return command(lambda: _run(argv))


def _run(argv: Sequence[str] | None) -> int:
    options = parser().parse_args(argv)
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
        slurm=dict(options.slurm),
        allow_imports=options.allow_imports,
        checkpoint_seconds=options.checkpoint_seconds,
        parquet=options.parquet,
    )
    counts = f"{summary.trained} made, {summary.already_done} already done, {summary.failed} failed"
    say(f"{counts}\nreport: {summary.report}")
    return 1 if summary.failed else 0


def _list_runs(grid: Grid, out: Path, execution: Execution, options: argparse.Namespace) -> None:
    """Print the runs of a grid, which are done, and how long the others will take."""
    requests = metric_requests(grid.metrics, allow_imports=options.allow_imports)
    specs = expand(grid, allow_imports=options.allow_imports)
    todo = plan(Store(out) if out.exists() else None, specs, requests)
    for reason in todo.damaged.values():
        log.warning("left out: %s; the next start of its grid makes it again", reason)
    lines = [
        f"{identity}  {'done' if identity in todo.done else 'to do'}  "
        f"{short_name(spec.dataset.name)}  {spec.kind}  seed {spec.seed}"
        for identity, spec in todo.specs.items()
    ]
    counts = f"{len(todo.done)} done, {len(todo.pending)} to do"
    say("\n".join([*lines, f"{counted(len(todo.specs), 'run')}: {counts}"]))
    if any(isinstance(spec, TrainedSpec) for spec in todo.pending):
        execution = settle_device(execution)
        size = options.pack or pack_size(todo.pending, execution)
        packs = todo.packs(execution, size)
        workers = options.workers or usable_cpus()
        minutes = estimate_seconds(packs, workers) / 60
        span = f"{minutes / 60:.1f} hours" if minutes > 90 else f"{minutes:.0f} minutes"
        say(
            f"about {span} to train and encode with {counted(workers, 'worker')}, "
            f"estimated from a few steps; scores and report take extra time"
        )


def _workers(options: argparse.Namespace) -> int | None:
    """Return how many tasks shall run at the same time; a cluster knows that best itself."""
    if options.workers is None and ENGINES[options.engine].is_here:
        return usable_cpus()
    workers: int | None = options.workers
    return workers


if __name__ == "__main__":
    sys.exit(main())
