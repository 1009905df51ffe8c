"""Command line: python -m bench.run GRID.

Exits 0 when all runs are done, 1 when some failed, 2 when the grid, the folder or the device cannot
be used, 130 and 143 on SIGINT and SIGTERM.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from . import stopping
from .checkpoints import CHECKPOINT_SECONDS
from .config import Grid, expand, load_grid
from .engines import ENGINES, EngineError
from .errors import GridError, GridWarning
from .estimate import estimate_seconds
from .files import DamagedError, WriteError
from .outdated import outdated
from .pack_size import pack_size
from .packs import PRECISIONS, Execution, make_packs
from .pipeline import DeviceError, lacking_codes, run_grid, settled
from .requests import metric_requests
from .specs import TrainedSpec, run_id
from .store import Store, StoreError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    options = _parser().parse_args(argv)
    stopping.install()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", GridWarning)
            grid = load_grid(options.grid, allow_imports=options.allow_imports)
        for warning in caught:
            logging.warning("warning: %s", warning.message)
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
    except (GridError, StoreError, EngineError, DeviceError, DamagedError, WriteError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except stopping.Stopped as stopped:
        name = signal.Signals(stopped.number).name
        print(f"stopped by {name}; the same command goes on from here", file=sys.stderr)
        return 128 + stopped.number
    print(f"{summary.trained} made, {summary.already_done} already done, {summary.failed} failed")
    print(f"report: {summary.report}")
    return 1 if summary.failed else 0


def _list_runs(grid: Grid, out: Path, execution: Execution, options: argparse.Namespace) -> None:
    """Print the runs of a grid, which are done, and how long the others will take."""
    specs = expand(grid)
    done: set[str] = set()
    if out.exists():
        store = Store(out)
        runs = store.runs()
        requests = metric_requests(grid.metrics, allow_imports=options.allow_imports)
        again = {run.run_id for run in lacking_codes(store, runs, requests)} | {*outdated(runs)}
        done = {run.run_id for run in runs} - again
    for spec in specs:
        state = "done" if run_id(spec) in done else "to do"
        print(f"{run_id(spec)}  {state}  {spec.dataset.name}  {spec.kind}  {spec.seed}")
    pending = [spec for spec in specs if run_id(spec) not in done]
    print(f"{len(specs)} runs: {len(specs) - len(pending)} done, {len(pending)} to do", flush=True)
    if any(isinstance(spec, TrainedSpec) for spec in pending):
        execution = settled(execution)
        packs = make_packs(pending, execution, options.pack or pack_size(pending, execution))
        workers = options.workers or os.cpu_count() or 1
        minutes = estimate_seconds(packs, workers) / 60
        span = f"{minutes / 60:.1f} hours" if minutes > 90 else f"{minutes:.0f} minutes"
        print(
            f"about {span} to train and encode with {workers} workers, by a few steps "
            f"timed now; scores and report come on top"
        )


def _workers(options: argparse.Namespace) -> int | None:
    """Return how many tasks shall run at the same time; a cluster knows that best itself."""
    if options.workers is None and options.engine == "local":
        return os.cpu_count() or 1
    workers: int | None = options.workers
    return workers


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="disbench", description="Train, score and tabulate a grid."
    )
    parser.add_argument("grid", type=Path, metavar="GRID", help="a grid file (YAML)")
    parser.add_argument("--out", type=Path, help="output folder, default results/<grid name>")
    parser.add_argument("--engine", choices=tuple(ENGINES), default="local", help="where tasks run")
    parser.add_argument(
        "--workers",
        type=_positive,
        help="tasks at the same time: by default this machine's cores, or all of a cluster",
    )
    parser.add_argument(
        "--address",
        metavar="HOST:PORT",
        help="head node of the Ray cluster; by default RAY_ADDRESS, or this node's cluster",
    )
    parser.add_argument(
        "--gpus-per-run",
        type=float,
        metavar="F",
        help="share of a GPU that a run, or a pack of runs, takes on a cluster; 1 by default",
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--precision", choices=PRECISIONS, default="float32")
    parser.add_argument("--threads", type=_positive, default=1, help="threads a model on a CPU")
    parser.add_argument(
        "--pack",
        type=_positive,
        metavar="K",
        help="models trained together; by default as many as pay on a card, and 1 on a CPU",
    )
    parser.add_argument(
        "--allow-imports",
        action="store_true",
        help="let the grid import metrics it names as package.module:function",
    )
    parser.add_argument(
        "--checkpoint-seconds",
        type=float,
        default=CHECKPOINT_SECONDS,
        help="time between two checkpoints of a run",
    )
    parser.add_argument("--dry-run", action="store_true", help="list the runs and train nothing")
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


if __name__ == "__main__":
    sys.exit(main())
