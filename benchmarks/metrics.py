"""Time and memory of the metrics; run by hand: `python -m benchmarks.metrics [--slow]`.

Prints Markdown. Beside the metrics stand loops over scikit-learn that mirror the literature's code
(disentanglement_lib), on the same codes in the same run.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from metrics import METRICS

ROOT = Path(__file__).resolve().parents[1]

# Of dSprites, whose whole grid is 737,280 images.
SIZES = (3, 6, 40, 32, 32)
GROWTH = (1_000, 10_000, 100_000, 737_280)
N_LATENTS, N_MODELS = 10, 5

# In a process of its own, whose resident memory is watched (Linux): the peak that the system keeps
# is inherited from whoever starts a process.
MEMORY = """
import json, sys, threading, time
import numpy as np
from metrics import mig

def resident():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) // 1024

data = [np.load(f"{sys.argv[1]}/{name}.npy") for name in ("means", "factors", "logvars")]
mig(*(a[:1000] for a in data[:2]), estimator="posterior", logvars=data[2][:1000])
before, seen, done = resident(), [], threading.Event()

def watch():
    while not done.wait(0.005):
        seen.append(resident())

watcher = threading.Thread(target=watch)
watcher.start()
wall, cpu = time.perf_counter(), time.process_time()
mig(*data[:2], estimator="posterior", logvars=data[2])
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
done.set()
watcher.join()
print(json.dumps([wall, cpu, max(seen), before]))
"""


def codes(n_samples: int) -> dict[str, Any]:
    """Latents that know one factor each, some more and some less, mixed a little; four of noise."""
    rng = np.random.default_rng(0)
    if n_samples == np.prod(SIZES):
        factors = np.indices(SIZES).reshape(len(SIZES), -1).T
    else:
        factors = np.stack([rng.integers(size, size=n_samples) for size in SIZES], 1)
    means = rng.normal(size=(n_samples, N_LATENTS))
    scaled = factors / np.array(SIZES) - 0.5
    # Shape is in no latent: what a β-VAE makes of dSprites.
    means[:, :5] = 3 * scaled[:, [1, 2, 3, 4, 4]] + 0.3 * means[:, :5]
    means[:, 5] += scaled[:, 3]
    means[:, 9] = 0.01 * means[:, 9]
    logvars = np.full(means.shape, 2 * np.log(0.1)) + 0.1 * rng.normal(size=means.shape)
    logvars[:, 9] = 0
    return {"means": means, "factors": factors.astype(np.int64), "logvars": logvars}


def arguments(name: str, data: dict[str, Any]) -> list[Any]:
    info = METRICS[name]
    if info.level == "group":
        seeds = [np.random.default_rng(seed).permutation(N_LATENTS) for seed in range(N_MODELS)]
        return [[data[key][:, order] for order in seeds] for key in info.requires]
    return [data[key] for key in info.requires]


def timed(call: Callable[[], Any]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        call()
    return time.perf_counter() - wall, time.process_time() - cpu


def medians(call: Callable[[], Any], repeats: int) -> tuple[float, float]:
    wall, cpu = np.median([timed(call) for _ in range(repeats)], axis=0)
    return float(wall), float(cpu)


def calls(data: dict[str, Any]) -> dict[str, Callable[[], Any]]:
    """Every metric in every variant that is always computed."""
    found = {}
    for name, info in METRICS.items():
        for suffix, options in info.variants:
            given = dict(options)
            if given.get("estimator") == "posterior":
                given["logvars"] = data["logvars"]

            def call(info=info, name=name, given=given) -> Any:
                return info.function(*arguments(name, data), **given)

            found[f"{name} {suffix}".strip()] = call
    return found


def sap_loop(means: Any, factors: Any) -> float:
    """One LinearSVC per latent and factor, on latents as they are."""
    from sklearn.svm import LinearSVC

    train, test = slice(0, 2 * len(means) // 3), slice(2 * len(means) // 3, None)
    scores = np.empty((means.shape[1], factors.shape[1]))
    for j in range(means.shape[1]):
        for k in range(factors.shape[1]):
            machine = LinearSVC(C=0.01, class_weight="balanced")
            machine.fit(means[train, j, None], factors[train, k])
            scores[j, k] = machine.score(means[test, j, None], factors[test, k])
    ranked = np.sort(scores, axis=0)
    return float((ranked[-1] - ranked[-2]).mean())


def votes_loop(means: Any, factors: Any, of_batch: Callable[[Any, Any], Any]) -> tuple[Any, Any]:
    """Draw 15,000 groups one by one, as code that encodes fresh images must."""
    rng = np.random.default_rng(0)
    places = [
        [np.flatnonzero(factor == v) for v in range(factor.max() + 1)] for factor in factors.T
    ]
    labels, features = [], []
    for _ in range(15_000):
        k = rng.integers(len(places))
        labels.append(k)
        features.append(of_batch(places[k], rng))
    return np.array(labels), np.array(features)


def factor_vae_loop(means: Any, factors: Any) -> float:
    spread = means.var(0)

    def vote(places: Any, rng: Any) -> Any:
        rows = rng.choice(places[rng.integers(len(places))], 64)
        return np.argmin(means[rows].var(0) / spread)

    labels, votes = votes_loop(means, factors, vote)
    counts = np.zeros((means.shape[1], factors.shape[1]))
    np.add.at(counts, (votes[:10_000], labels[:10_000]), 1)
    return float((counts.argmax(1)[votes[10_000:]] == labels[10_000:]).mean())


def beta_vae_loop(means: Any, factors: Any) -> float:
    from sklearn.linear_model import LogisticRegression

    def feature(places: Any, rng: Any) -> Any:
        pairs = [rng.choice(places[v], 2) for v in rng.integers(len(places), size=64)]
        first, second = np.transpose(pairs)
        return np.abs(means[first] - means[second]).mean(0)

    labels, points = votes_loop(means, factors, feature)
    classifier = LogisticRegression(max_iter=1_000).fit(points[:10_000], labels[:10_000])
    return float(classifier.score(points[10_000:], labels[10_000:]))


def explicitness_loop(means: Any, factors: Any) -> float:
    """One OneVsRestClassifier per factor, areas by scikit-learn."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.multiclass import OneVsRestClassifier

    train, test = slice(0, 2 * len(means) // 3), slice(2 * len(means) // 3, None)
    areas = []
    for factor in factors.T:
        fitted = OneVsRestClassifier(LogisticRegression()).fit(means[train], factor[train])
        truth = np.eye(factor.max() + 1)[factor[test]]
        areas.append(roc_auc_score(truth, fitted.predict_proba(means[test])))
    return float(np.mean(areas))


def boosting(means: Any, factors: Any) -> Any:
    return METRICS["dci"].function(means, factors, learner="gradient_boosting")


LOOPS = {
    "beta_vae_score": beta_vae_loop,
    "factor_vae_score": factor_vae_loop,
    "sap_score": sap_loop,
    "explicitness": explicitness_loop,
}


def print_row(*cells: Any) -> None:
    shown = [f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in cells]
    print("| " + " | ".join(shown) + " |", flush=True)


def print_head(*cells: str) -> None:
    print()
    print_row(*cells)
    print_row(*["---"] * len(cells))


def print_growth(limit: float) -> None:
    """Seconds by number of samples; a size that would take longer than the limit is left out."""
    print_head("wall seconds of N samples", *(f"{n:,}" for n in GROWTH))
    tables = [calls(codes(n)) for n in GROWTH]
    for name in tables[0]:
        seconds: list[Any] = []
        for i, table in enumerate(tables):
            ratio = GROWTH[i] / GROWTH[i - 1] if i else 1
            expected = seconds[-1] * ratio if seconds else 0.0
            if expected > limit:
                break
            seconds.append(timed(table[name])[0])
        print_row(name, *seconds, *["—"] * (len(GROWTH) - len(seconds)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="of which the median is shown")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds a call may take")
    parser.add_argument("--slow", action="store_true", help="also DCI by gradient boosting")
    given = parser.parse_args()
    import sklearn

    print(f"{platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}, ")
    print(f"scikit-learn {sklearn.__version__}; factor sizes {SIZES}, {N_LATENTS} latents")
    data = codes(10_000)
    both = data["means"], data["factors"]
    print_head(
        "10,000 samples", "wall (s)", "CPU (s)", "the literature's loop, wall (s)", "CPU (s)"
    )
    for name, call in calls(data).items():
        timed(call)  # Imports are no part of it.
        loop = LOOPS.get(name)
        reference = medians(lambda loop=loop: loop(*both), 1) if loop else ("", "")
        if name == "dci" and given.slow:
            reference = medians(lambda: boosting(*both), 1)
        print_row(name, *medians(call, given.repeats), *reference)
    print_growth(given.limit)
    print_memory()


def print_memory() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, array in codes(737_280).items():
            np.save(f"{folder}/{name}.npy", array)
        done = subprocess.run(
            [sys.executable, "-c", MEMORY, folder],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
    print_head("mig posterior, 737,280 × 10", "value")
    rows = ("wall (s)", "CPU (s)", "peak memory (MiB)", "of which before, with the codes (MiB)")
    for row, value in zip(rows, json.loads(done.stdout), strict=True):
        print_row(row, value)


if __name__ == "__main__":
    main()
