"""Speed and memory of the datasets; run by hand: `python -m benchmarks.datasets`."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# Drawing is measured in a process of its own, so that its peak memory is its own.
DRAW = """
import json, os, resource, sys, tempfile, time
with tempfile.TemporaryDirectory() as folder:
    os.environ["DISBENCH_CACHE"] = folder
    from datasets import load
    import numpy
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    packed = load("dsprites").packed_bits()
    seconds = time.perf_counter() - start
    print(json.dumps({
        "draw, write, verify (s)": round(seconds, 2),
        "peak memory, mapped file included (MiB)":
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "  of which before drawing (MiB)": before // 1024,
        "cache (bytes)": os.path.getsize(os.path.join(folder, "dsprites-drawn.npy")),
    }))
"""

OPEN = """
import json, time
start = time.perf_counter()
import numpy
numpy_seconds = time.perf_counter() - start
import datasets
import_seconds = time.perf_counter() - start - numpy_seconds
start = time.perf_counter()
data = datasets.load("dsprites")
load_seconds = time.perf_counter() - start
data.images([0])
print(json.dumps({
    "import beyond numpy (s)": round(import_seconds, 3),
    "load without images (s)": round(load_seconds, 6),
    "first image from the cache, verified (s)":
        round(time.perf_counter() - start - load_seconds, 2),
}))
"""


def in_new_process(code: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout)


def batch_microseconds(name: str, n: int = 64, repeats: int = 500) -> float:
    import numpy as np

    from datasets import load

    data = load(name)
    rng = np.random.default_rng(0)
    batches = rng.integers(0, len(data), (repeats, n))
    for batch in batches[:20]:
        data.images(batch)
    seconds = []
    for batch in batches:
        start = time.perf_counter()
        data.images(batch)
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds) * 1e6)


def main() -> None:
    import numpy as np

    print(f"{platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}")
    for name, value in {**in_new_process(DRAW), **in_new_process(OPEN)}.items():
        print(f"| {name} | {value} |")
    names = ("dsprites", "ball", "color_dsprites", "noisy_dsprites", "dsprites_without_shape")
    for name in names:
        print(f"| {name}: random batch of 64, median (µs) | {batch_microseconds(name):.0f} |")


if __name__ == "__main__":
    main()
