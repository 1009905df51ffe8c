"""What every metric says of codes whose quality is known: python benchmarks/known_codes.py.

Prints the table of docs/metrics.md. The factors are a full grid of 4 × 6 × 8 values, five times;
the tests have the closed forms of these cases, metric by metric.
"""

from __future__ import annotations

import dataclasses
import sys
import warnings
from pathlib import Path

sys.path[:] = [place for place in sys.path if Path(place).resolve() != Path(__file__).parent]
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from metrics import METRICS, MetricWarning

# Definitions beside the default that a reader of other work meets.
OTHERS = {"explicitness": (("multinomial", (("classifier", "multinomial"),)),)}


def cases() -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return codes by name, and the factors."""
    rng = np.random.default_rng(0)
    factors = np.tile(np.indices((4, 6, 8)).reshape(3, -1).T, (5, 1))
    perfect = (factors - factors.mean(0)) / factors.std(0)
    dead = np.zeros((len(factors), 3))
    turn = np.eye(3)
    turn[:2, :2] = [[np.cos(np.pi / 4), -np.sin(np.pi / 4)], [np.sin(np.pi / 4), np.cos(np.pi / 4)]]
    mixed = perfect.copy()
    mixed[:, 0] = (8 * factors[:, 0] + factors[:, 2]) / 16
    coarse = perfect.copy()
    coarse[:, 2] = factors[:, 2] // 4
    return {
        "perfect": perfect,
        "permuted, scaled": -3 * perfect[:, [2, 0, 1]],
        "and 3 dead": np.hstack([perfect, dead]),
        "turned by 45°": perfect @ turn,
        "two in one": mixed[:, :2],
        "each twice": np.hstack([perfect, perfect]),
        "one coarse": coarse,
        "noise": rng.normal(size=perfect.shape),
        "collapsed": dead,
    }, factors


def main() -> None:
    known, factors = cases()
    print(f"| metric | {' | '.join(known)} |\n|---{'|---' * len(known)}|")
    for name, info in METRICS.items():
        if info.higher_is_better is None or info.level == "group":
            continue
        for suffix, fixed in (*info.variants, *OTHERS.get(name, ())):
            rows: dict[str, list[str]] = {}
            for codes in known.values():
                logvars = np.full(codes.shape, -6.0)
                arrays = {"means": codes, "factors": factors, "logvars": logvars}
                options = dict(fixed)
                if options.get("estimator") == "posterior":
                    options["logvars"] = logvars
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", MetricWarning)
                    value = info.function(*(arrays[key] for key in info.requires), **options)
                column = f"{name}_{suffix}" if suffix else name
                found = (
                    {f"{column}_{key}": getattr(value, key) for key in info.outputs}
                    if dataclasses.is_dataclass(value)
                    else {column: value}
                )
                for key, number in found.items():
                    rows.setdefault(key, []).append("–" if np.isnan(number) else f"{number:.2f}")
            for key, cells in rows.items():
                print(f"| `{key}` | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
