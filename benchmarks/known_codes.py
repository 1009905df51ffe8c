"""What every metric says of codes whose quality is known: python -m benchmarks.known_codes.

Prints the table of docs/metrics.md. The factors are a full grid of 4 × 6 × 8 values, five times;
the tests have the closed forms of these cases, metric by metric.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from metrics import METRICS, MetricInfo, MetricWarning

# Definitions beside the default that a reader of other work meets.
OTHERS = {
    "explicitness": (("multinomial", (("classifier", "multinomial"),)),),
    "omes": (("redrawn", (("redrawn", True),)),),
}


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


def arrays(codes: np.ndarray, factors: np.ndarray) -> dict[str, np.ndarray]:
    """Return what metrics take: posteriors of σ = 0.05, a dead latent's being the prior."""
    logvars = np.broadcast_to(np.where(np.ptp(codes, axis=0) > 0, -6.0, 0.0), codes.shape)
    return {"means": codes, "factors": factors, "logvars": logvars}


def scores(
    info: MetricInfo, column: str, fixed: tuple[tuple[str, Any], ...], given: dict[str, np.ndarray]
) -> dict[str, Any]:
    """Return the numbers of one definition, by the names of their rows; of an array the mean."""
    options = dict(fixed)
    if options.get("estimator") == "posterior":
        options["logvars"] = given["logvars"]
    taken: list[Any] = [given[key] for key in info.requires]
    if info.level == "group":
        # Of two models, one the other's mirror image with its latents in another order.
        taken = [
            [given[key], (-1 if key == "means" else 1) * given[key][:, ::-1]]
            for key in info.requires
        ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MetricWarning)
        value = info.function(*taken, **options)
    if dataclasses.is_dataclass(value):
        return {f"{column}_{key}": getattr(value, key) for key in info.outputs}
    return {column: np.mean(value)}


def table(names: Iterable[str] = METRICS) -> dict[str, list[float]]:
    """Return the rows of metrics, with a number for each case."""
    known, factors = cases()
    rows: dict[str, list[float]] = {}
    for name in names:
        info = METRICS[name]
        for suffix, fixed in (*info.variants, *OTHERS.get(name, ())):
            column = f"{name}_{suffix}" if suffix else name
            for codes in known.values():
                found = scores(info, column, fixed, arrays(codes, factors))
                for row, number in found.items():
                    rows.setdefault(row, []).append(float(number))
    return rows


def main() -> None:
    known, _ = cases()
    print(f"| metric | {' | '.join(known)} |\n|---{'|---' * len(known)}|")
    for row, numbers in table().items():
        cells = ["–" if np.isnan(number) else f"{number:.2f}" for number in numbers]
        print(f"| `{row}` | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
