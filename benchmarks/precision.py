"""Whether bfloat16 trains the same models as float32: python -m benchmarks.precision.

Trains seeds of the ball in both precisions and asks, by two one-sided paired t tests, whether final
reconstruction and KL are equivalent within a margin in nats per image. A p value below 0.05
says that they are; one above says only that this many seeds do not show it. Final is the mean over
the last quarter of the steps, as training logs print means over an epoch: the last weights alone
are those of one moment of Adam's walk around an optimum.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from bench.tables.collect import Tables

MARGIN = 0.3
# A disc at 16 places: small enough that every seed comes to the same optimum, so that what is left
# between seeds is less than the margin. On larger sets each ends in a local optimum of its own,
# nats from the next, in either precision.
DATASET = {"image_size": 16, "shape": "disc", "radius": 3, "grid_size": 4}


def equivalence(differences: np.ndarray, margin: float) -> float:
    """Return the p value of two one-sided t tests: the larger of the two."""
    from scipy.stats import ttest_1samp

    above = ttest_1samp(differences, -margin, alternative="greater").pvalue
    below = ttest_1samp(differences, margin, alternative="less").pvalue
    return float(max(above, below))


def final(results: Tables, steps: int) -> pd.DataFrame:
    """Return reconstruction and KL of every seed over the last quarter of the steps."""
    last = results.history[results.history["step"] > 0.75 * steps]
    by_seed = last.merge(results.runs[["run_id", "seed"]], on="run_id").groupby("seed")
    return by_seed[["reconstruction", "kl"]].mean()


def main() -> None:
    from bench import load_results, run_grid
    from bench.grid.packs import Execution

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=8_000)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--dataset", type=json.loads, default=DATASET, help="options as JSON")
    parser.add_argument("--beta", type=float, default=4)
    parser.add_argument("--rate", type=float, default=3e-4, help="learning rate")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    grid = {
        "name": "precision",
        "datasets": [{"name": "ball", **options.dataset}],
        "seeds": list(range(options.seeds)),
        "models": [{"kind": "beta_vae", "beta": options.beta}],
        "train": {
            "steps": options.steps,
            "batch_size": options.batch,
            "learning_rate": options.rate,
            "initialisation": "kaiming",
        },
        "metrics": ["kl_per_dimension"],
    }
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for precision in ("float32", "bfloat16"):
            run_grid(
                grid,
                out=Path(folder) / precision,
                workers=options.workers,
                execution=Execution(precision=precision),  # type: ignore[arg-type]
            )
            found[precision] = final(load_results(Path(folder) / precision), options.steps)
    print(f"\n{grid['datasets'][0]}, β = {options.beta:g}, {grid['train']}\n")
    print(f"| | float32 | bfloat16 | difference | its deviation | p (within {MARGIN} nat) |")
    print("|---|---|---|---|---|---|")
    for name in ("reconstruction", "kl"):
        a, b = (found[precision][name].to_numpy() for precision in ("float32", "bfloat16"))
        p = equivalence(b - a, MARGIN)
        print(
            f"| {name} (nats) | {a.mean():.3f} ± {a.std(ddof=1):.3f} | {b.mean():.3f} ± "
            f"{b.std(ddof=1):.3f} | {(b - a).mean():+.3f} | {(b - a).std(ddof=1):.3f} | {p:.2g} |"
        )


if __name__ == "__main__":
    main()
