"""Encoding, scoring and memory of a run on all of dSprites: python -m benchmarks.evaluation."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# A short run from grid to report, whose peak memory is that of its process.
RUN = """
import resource, sys
from bench import run_grid
from bench.grid.packs import Execution
grid = {
    "name": "evaluation", "datasets": ["dsprites"], "seeds": [0],
    "models": [{"kind": "vae"}], "train": {"steps": 30}, "evaluation": {"images": "all"},
}
run_grid(grid, out=sys.argv[1], execution=Execution(threads=int(sys.argv[2])))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def encode(threads: int) -> float:
    """Return the seconds it takes to encode all images."""
    import numpy as np
    import torch

    from bench.grid.packs import Execution
    from bench.models.vae import VAE
    from bench.training.batches import Images
    from bench.training.encode import encode_images
    from bench.training.process import keep_freed_memory
    from datasets import load

    torch.set_num_threads(threads)
    keep_freed_memory()
    dsprites = load("dsprites")
    vae = VAE(dsprites.image_shape, 10, "burgess", [0])
    images, execution = Images(dsprites, "cpu"), Execution(threads=threads)
    encode_images(vae, images, np.arange(10_000), execution)
    started = time.perf_counter()
    encode_images(vae, images, np.arange(len(dsprites)), execution)
    return time.perf_counter() - started


def main() -> None:
    from bench.engines.cpus import usable_cpus

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=usable_cpus())
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    seconds = [encode(options.threads) for _ in range(options.rounds)]
    print("| | |\n|---|---|")
    print(
        f"| encode 737,280 images, float32, {options.threads} threads | "
        f"{', '.join(f'{s:.0f}' for s in seconds)} s |"
    )
    with tempfile.TemporaryDirectory() as folder:
        answer = subprocess.run(
            [sys.executable, "-c", RUN, folder, str(options.threads)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        from bench.scoring.runs import score_run
        from bench.store.store import Store

        store = Store(Path(folder))
        (run,) = store.scan()[0]
        parts = store.read_scores(run.run_id, run.codes_digest).values()
        scored = [entry for part in parts for entry in part]
        alone = sum(entry.get("seconds", 0) for entry in scored)
        from bench.grid.metric_requests import metric_requests

        requests = metric_requests(["beta_vae_score", "mig", "kl_per_dimension"])
        for stored in (Path(folder) / "scores").rglob("*.json"):
            stored.unlink()
        started = time.perf_counter()
        score_run(store, run, requests)
        whole = time.perf_counter() - started
    print(f"| default metrics of a run of all images | {alone:.1f} s |")
    print(f"| the same with chance level and ceiling, once a dataset | {whole:.1f} s |")
    print(
        f"| peak memory of a run from grid to report, one process, 360 MiB of it the shared map | "
        f"{int(answer.stdout.split()[-1]):,} MiB |"
    )


if __name__ == "__main__":
    main()
