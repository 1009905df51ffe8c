"""The options of `disbench run`."""

from __future__ import annotations

import argparse

from ..commands import option
from ..engines import ENGINES
from ..grid import DEVICES, PRECISIONS, arguments as given


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    options = argparse.ArgumentParser(
        prog="disbench run", description="Train the runs of a grid, score them and write a report."
    )
    options.add_argument(
        "grid", type=option(given.path), metavar="GRID", help="the grid file (YAML)"
    )
    options.add_argument(
        "--out", type=option(given.path), help="output folder (default: results/<grid name>)"
    )
    options.add_argument(
        "--engine",
        choices=tuple(ENGINES),
        default="local",
        help="this machine, a Ray cluster, or a Slurm cluster (default: local)",
    )
    options.add_argument(
        "--workers",
        type=option(given.WORKERS),
        help="tasks at the same time (default: one per usable core, or a whole cluster)",
    )
    options.add_argument(
        "--address",
        metavar="HOST:PORT",
        help="head node of the Ray cluster (default: RAY_ADDRESS, or this node's cluster)",
    )
    options.add_argument(
        "--gpus-per-run",
        type=option(given.share),
        metavar="F",
        help="share of a GPU per run, or per pack, on a cluster (default: 1)",
    )
    options.add_argument(
        "--slurm",
        type=option(given.sbatch_option),
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="an option of sbatch for all jobs, such as partition=gpu; may be repeated",
    )
    options.add_argument(
        "--device",
        choices=DEVICES,
        default="auto",
        help="where models train (default: auto, a GPU if there is one)",
    )
    options.add_argument(
        "--precision",
        choices=PRECISIONS,
        default="float32",
        help="arithmetic of training (default: float32)",
    )
    options.add_argument(
        "--threads",
        type=option(given.THREADS),
        default=1,
        help="CPU threads per model (default: 1)",
    )
    options.add_argument(
        "--pack",
        type=option(given.PACK),
        metavar="K",
        help="models trained together (default: as many as are fastest on the GPU; 1 on a CPU)",
    )
    options.add_argument(
        "--allow-imports",
        action="store_true",
        help="allow your own objectives, architectures, datasets, metrics and figures, which the "
        "grid names as package.module:name",
    )
    options.add_argument(
        "--checkpoint-seconds",
        type=option(given.seconds),
        default=given.CHECKPOINT_SECONDS,
        metavar="S",
        help=f"seconds between checkpoints (default: {given.CHECKPOINT_SECONDS:g})",
    )
    options.add_argument(
        "--parquet", action="store_true", help="also write the tables as Parquet (needs pyarrow)"
    )
    options.add_argument(
        "--dry-run",
        action="store_true",
        help="list the runs and estimate the time, but train nothing",
    )
    return options
