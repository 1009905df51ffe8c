"""How often 95% intervals of the mean over seeds cover it: the table of docs/metrics.md.

Run by hand from the root: `python -m benchmarks.intervals`, some minutes. For each distribution of
a score over seeds and each number of them: the share of samples whose interval holds the true mean,
of those that are not all equal, by Student-t (cut at the range it covers as often), by the
percentile bootstrap and by the suite; how often Student-t leaves the range; how many are all equal.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bench.tables.intervals import Range, mean_interval

SAMPLES = 20_000
SEEDS = (6, 10, 20)
Draw = Callable[[np.random.Generator, tuple[int, int]], NDArray[np.float64]]


def _beta(a: float, b: float) -> tuple[Draw, float]:
    return lambda rng, shape: rng.beta(a, b, shape), a / (a + b)


def _gamma(shape: float) -> tuple[Draw, float]:
    return lambda rng, size: rng.gamma(shape, 1, size), shape


def _often(value: float, share: float, other: tuple[Draw, float]) -> tuple[Draw, float]:
    """Return a distribution that is exactly `value` in so many cases."""
    draw, mean = other

    def mixed(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float64]:
        return np.where(rng.random(shape) < share, value, draw(rng, shape))

    return mixed, share * value + (1 - share) * mean


DISTRIBUTIONS: dict[str, tuple[Range, tuple[Draw, float]]] = {
    "Beta(50, 50)": ((0, 1), _beta(50, 50)),
    "Beta(2, 2)": ((0, 1), _beta(2, 2)),
    "Beta(5, 1)": ((0, 1), _beta(5, 1)),
    "Beta(20, 1)": ((0, 1), _beta(20, 1)),
    "Beta(50, 2)": ((0, 1), _beta(50, 2)),
    "Beta(1, 10)": ((0, 1), _beta(1, 10)),
    "Beta(0.3, 3)": ((0, 1), _beta(0.3, 3)),
    "30% are 1, else Beta(8, 2)": ((0, 1), _often(1, 0.3, _beta(8, 2))),
    "50% are 1, else Beta(8, 2)": ((0, 1), _often(1, 0.5, _beta(8, 2))),
    "80% are 1, else Beta(8, 2)": ((0, 1), _often(1, 0.8, _beta(8, 2))),
    "90% are 1, else Beta(20, 1)": ((0, 1), _often(1, 0.9, _beta(20, 1))),
    "nats, Gamma(10)": ((0, None), _gamma(10)),
    "nats, Gamma(1)": ((0, None), _gamma(1)),
    "nats, Gamma(0.3)": ((0, None), _gamma(0.3)),
    "50% are 0, else Gamma(1)": ((0, None), _often(0, 0.5, _gamma(1))),
}


def coverage(name: str, n_seeds: int, samples: int = SAMPLES) -> dict[str, float]:
    """Return the shares of samples whose intervals cover the mean, and which have none.

    Parameters
    ----------
    name : str
        Of `DISTRIBUTIONS`.
    n_seeds : int
        Values a sample.
    samples : int
        How many are drawn.
    """
    span, (draw, mean) = DISTRIBUTIONS[name]
    drawn = draw(np.random.default_rng(0), (samples, n_seeds))
    drawn = drawn[np.ptp(drawn, axis=1) > 0]
    intervals = [(mean_interval(sample), mean_interval(sample, span)) for sample in drawn]
    student, ours = (
        np.array([(i.low, i.high) for i in kind]) for kind in zip(*intervals, strict=True)
    )
    picks = np.random.default_rng(1).integers(0, n_seeds, (999, n_seeds))
    middle = [np.quantile(sample[picks].mean(1), [0.025, 0.975]) for sample in drawn]
    kinds = {"Student-t": student, "bootstrap": np.array(middle), "ours": ours}
    covered = {
        kind: float(((ends[:, 0] <= mean) & (mean <= ends[:, 1])).mean())
        for kind, ends in kinds.items()
    }
    outside = (student[:, 0] < span[0]) | (student[:, 1] > (span[1] or np.inf))
    return {**covered, "t leaves": float(outside.mean()), "equal": 1 - len(drawn) / samples}


def main() -> None:
    """Print the table, with the values for 6, 10 and 20 seeds in a cell."""
    columns = ("Student-t", "t leaves", "bootstrap", "ours", "equal")
    print("| score over seeds | Student-t | leaves the range | bootstrap | ours | all equal |")
    print("|---|---|---|---|---|---|")
    for name in DISTRIBUTIONS:
        found = [coverage(name, n) for n in SEEDS]
        cells = [" · ".join(f"{100 * one[key]:.0f}" for one in found) for key in columns]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
