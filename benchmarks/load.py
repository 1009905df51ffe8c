"""Many runs, 10,000 by default: python -m benchmarks.load [--runs N] [--folder DIR].

The runs are random codes of eight images of a small ball, so that nearly all time goes to the suite
itself: the grid, the driver, the store, tables and page. They are made by a first start of the real
driver. Every stage is a process of its own, whose peak memory is compared with that of the same
process for a grid of 4 runs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BALL = {"name": "ball", "image_size": 16, "shape": "disc", "radius": 3, "grid_size": 8}
START = "from bench.run import main; main([grid, '--out', out, '--workers', '1'])"
# What a stage does, with the grid file and the output folder as its arguments.
STAGES = {
    "dry run": "from bench.run import main; main([grid, '--out', out, '--dry-run'])",
    # Without waiting for the disk: that is the machine's time, 11 waits a run.
    "first start": f"import os; os.fsync = lambda file: None; {START}",
    "second start": START,
    "tables and report": "from bench.report import main; main([out])",
}
SCRIPT = """
import resource, sys
_, code, grid, out = sys.argv
exec(code)
usage = resource.getrusage(resource.RUSAGE_SELF)
print(usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024)
"""


def grid(n_runs: int) -> dict[str, object]:
    """Return a grid of about so many runs, in groups of as many seeds as there are groups."""
    side = max(2, round(n_runs**0.5))
    return {
        "name": "load",
        "datasets": [BALL],
        "seeds": list(range(side)),
        "models": [{"kind": "baseline_random"}],
        "train": {"n_latents": list(range(1, side + 1))},
        "metrics": [{"name": "mig", "n_bins": 2}],
        "evaluation": {"images": 8},
    }


def measure(stage: str, place: Path, out: Path) -> tuple[float, float, int]:
    """Return the seconds, the processor's seconds and the peak memory in MiB of a stage."""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, STAGES[stage], str(place), str(out)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    processor, memory = done.stdout.split()[-2:]
    return time.monotonic() - started, float(processor), int(memory)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, help="kept afterwards; a temporary one by default")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        results = {}
        for n_runs in (4, options.runs):
            place, out = folder / f"{n_runs}.yaml", folder / f"store-{n_runs}"
            folder.mkdir(exist_ok=True)
            place.write_text(json.dumps(grid(n_runs)))
            for stage in STAGES:
                results[stage, n_runs] = measure(stage, place, out)
        print("| stage | seconds | of a processor | peak memory | of that, for 4 runs |")
        print("|---|---|---|---|---|")
        for stage in STAGES:
            seconds, processor, memory = results[stage, options.runs]
            few = results[stage, 4][2]
            print(f"| {stage} | {seconds:.1f} | {processor:.1f} | {memory} MiB | {few} MiB |")
        page = (folder / f"store-{options.runs}" / "report.html").stat().st_size
        print(f"\nThe page has {page / 1e6:.1f} MB.")


if __name__ == "__main__":
    main()
