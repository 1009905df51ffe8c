"""What an engine costs: python -m benchmarks.engines [--address HOST:PORT] [--runs N ...].

Empty runs show what is left when the work is taken away: packs of real runs that are handed out,
pickled, and answered with nothing. Every measurement is a process of its own, whose peak memory is
the driver's. Then a small grid is trained with 1 and 2 workers, in rounds. Without an address a
cluster of a head node and two others, one CPU each, is started on loopback, and ended.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BALL = {"name": "ball", "image_size": 16, "shape": "disc", "radius": 3, "grid_size": 8}
ENGINES = (("local", 1), ("local", 2), ("ray", 1), ("ray", 2))


def nothing(task, report):
    """Do no work."""
    return []


def empty_runs(name, workers, n_runs, address):
    """Hand out packs of real runs that do nothing; return seconds and MiB."""
    from bench.engines import EngineOptions, open_engine
    from bench.grid.expand import expand
    from bench.grid.load import parse_grid
    from bench.grid.packs import Execution, make_packs
    from bench.store.store import Store
    from benchmarks.engines import nothing as call  # by its name, as workers have to find it

    grid = {
        "name": "empty",
        "datasets": [BALL],
        "seeds": list(range(n_runs)),
        "models": [{"kind": "vae"}],
        "metrics": ["mig"],
    }
    packs = make_packs(expand(parse_grid(grid)), Execution())
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        Store(out, create=True)
        began = time.monotonic()
        with open_engine(name, EngineOptions(out, workers, address)) as engine:
            opened, before = time.monotonic(), _mebibytes()
            done = sum(1 for _ in engine.run_tasks(call, packs, progress=print))
            seconds = time.monotonic() - opened
    if done != n_runs:
        raise RuntimeError(f"{done} answers for {n_runs} runs")
    return {
        "open": opened - began,
        "seconds": seconds,
        "before": before,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _mebibytes():
    """Return the memory that this process has now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def measure(name, workers, n_runs, address):
    """Measure empty runs in a process of their own."""
    module = (sys.executable, "-m", "benchmarks.engines")
    command = [*module, "--one", name, workers, n_runs, "--address", address]
    answer = subprocess.run(
        [*map(str, command)], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(answer.stdout)


def train(name, workers, address, folder):
    """Return the seconds that a grid of 8 models takes from its file to its report."""
    grid = {
        "name": "train",
        "datasets": [BALL],
        "seeds": list(range(8)),
        "models": [{"kind": "vae"}],
        "train": {"steps": 1000, "batch_size": 64},
        "metrics": ["mig"],
    }
    path = folder / "grid.json"
    path.write_text(json.dumps(grid))
    where = ["--address", address] if name == "ray" else []
    began = time.monotonic()
    subprocess.run(
        [
            *(sys.executable, "-m", "bench.run", path, "--out", folder / f"{name}{workers}"),
            *("--device", "cpu", "--engine", name, "--workers", str(workers), *where),
        ],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        check=True,
    )
    return time.monotonic() - began


def compare(address, counts, rounds):
    """Print the tables."""
    print(
        "| engine | workers | empty runs | to open (s) | a run (ms) | driver before (MiB) | peak |"
    )
    print("|---|---|---|---|---|---|---|")
    for name, workers in ENGINES:
        for n_runs in counts:
            found = measure(name, workers, n_runs, address)
            print(
                f"| {name} | {workers} | {n_runs:,} | {found['open']:.1f} "
                f"| {1000 * found['seconds'] / n_runs:.2f} "
                f"| {found['before']:.0f} | {found['peak']:.0f} |",
                flush=True,
            )
    print("\n| round | engine | workers | a grid of 8 models (s) |\n|---|---|---|---|")
    for taken in range(1, rounds + 1):
        with tempfile.TemporaryDirectory() as folder:
            for name, workers in ENGINES:
                seconds = train(name, workers, address, Path(folder))
                print(f"| {taken} | {name} | {workers} | {seconds:.1f} |", flush=True)
    print(f"\nLoad of the machine at the end: {os.getloadavg()[0]:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", help="of a cluster of yours")
    parser.add_argument("--runs", type=int, nargs="*", default=[1_000, 10_000])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        name, workers, n_runs = options.one
        address = options.address if name == "ray" else None
        print(json.dumps(empty_runs(name, int(workers), int(n_runs), address)))
        return
    if options.address:
        compare(options.address, options.runs, options.rounds)
        return
    from bench.engines import stopping
    from tests.cluster import Cluster

    stopping.install()  # a signal ends the cluster too
    cluster = Cluster()
    try:
        cluster.add(2, cpus=1)
        compare(cluster.address, options.runs, options.rounds)
    finally:
        cluster.stop()


if __name__ == "__main__":
    main()
