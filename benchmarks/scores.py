"""All metrics in one pass, of two checkouts in turns: python -m benchmarks.scores [--against DIR].

`bench.score` of codes that mix dSprites' factors, twice in a process: the first call imports what
it needs and measures chance and ceiling, in a cache folder of its own; the next one is what every
further model costs. Linear algebra takes one thread.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = """
import resource, sys, time
import numpy as np
import bench
from bench._siblings import datasets

n = int(sys.argv[1])
data = datasets.load("dsprites", source="render")
rng = np.random.default_rng(0)
mix, noise = rng.normal(size=(5, 10)), rng.normal(size=(len(data), 10))
factors = data.factors(np.arange(len(data)))
means = (factors - factors.mean(0)) / factors.std(0) @ (0.4 * mix) + 0.3 * noise
means[:, 8:] *= 0.02
logvars = np.where(np.arange(10) < 8, -2.0, -0.01) * np.ones(means.shape)
order = np.sort(rng.permutation(len(data))[:n])

def used():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return np.array([time.perf_counter(), usage.ru_utime + usage.ru_stime])

for _ in range(2):
    given = iter(np.array_split(order, range(256, n, 256)))
    def encode(images):
        rows = next(given)
        return means[rows], logvars[rows]
    before = used()
    bench.score(encode, data, evaluation=n)
    print(*(used() - before))
"""


def measure(checkout: Path, n_images: int, cache: Path) -> list[list[float]]:
    """Return wall and processor's seconds of the first call and of the next."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(n_images)],
        cwd=checkout,
        env={**os.environ, "OMP_NUM_THREADS": "1", "DISBENCH_CACHE": str(cache)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    return [[float(word) for word in line.split()] for line in done.stdout.splitlines()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--against", type=Path, help="another checkout, measured first each round")
    options = parser.parse_args()
    checkouts = [path for path in (options.against, ROOT) if path is not None]
    print("| images | round | checkout | first, wall (s) | CPU (s) | next, wall (s) | CPU (s) |")
    print("|---|---|---|---|---|---|---|")
    for n_images in options.images:
        for position in range(options.rounds):
            for checkout in checkouts:
                with tempfile.TemporaryDirectory() as cache:
                    first, later = measure(checkout, n_images, Path(cache))
                numbers = " | ".join(f"{number:.1f}" for number in (*first, *later))
                print(f"| {n_images:,} | {position} | {checkout.name} | {numbers} |", flush=True)


if __name__ == "__main__":
    main()
