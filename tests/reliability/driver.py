"""A driver for tests of what happens around the making of results.

    python -m tests.reliability.driver GRID --out DIR ...

It is `bench.run` with two changes, asked for by a JSON object in the variable DISBENCH_TEST:

made : bool     results are drawn from a generator keyed by the run, in milliseconds and without
                torch; the engine, the lock, the store and all that follows are the real ones
seconds : float so long every run takes at least
undrawn : bool  the report has no figures
patient : bool  the nodes of a cluster may take their time at the start
prompt : bool   jobs of Slurm are looked at all the time
faults : dict   seed to what becomes of its runs: raise, exit, segfault, nan (a loss) or wait
release : str   a file that ends the waiting once it is there
log : str       a file that every run is written into as it begins

Workers import this module by its name, and are given the same with every call.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import time
from functools import partial
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd

import datasets
from bench import pipeline, report, run
from bench.engines.ray import nodes as _nodes
from bench.engines.slurm import stage
from bench.grid.identity import group_id, run_id
from bench.grid.specs import TrainedSpec
from bench.store.results import Result
from bench.store.store import Store

BALL = {"name": "ball", "image_size": 16, "shape": "disc", "radius": 3, "grid_size": 8}
REAL = pipeline._execute
WISHES: dict[str, Any] = json.loads(os.environ.get("DISBENCH_TEST", "{}"))


def made(spec: TrainedSpec) -> Result:
    """Return a result that is a function of the run alone."""
    rng = np.random.default_rng(int(run_id(spec), 16))
    n_images = len(datasets.load(spec.dataset.name, **spec.dataset.options))
    codes = rng.normal(size=(2, n_images, spec.n_latents)).astype(np.float32)
    columns = ["loss", "reconstruction", "kl", "beta", *(f"kl_{j}" for j in range(spec.n_latents))]
    history = pd.DataFrame({name: rng.uniform(size=2) for name in columns})
    history.insert(0, "step", [1, 2])
    return Result(
        spec=spec,
        indices=np.arange(n_images),
        means=codes[0],
        logvars=codes[1],
        latent_names=tuple(f"z{j}" for j in range(spec.n_latents)),
        reconstruction=float(rng.normal()),
        history=history,
        state=rng.bytes(50_000),
    )


def record(spec: TrainedSpec) -> dict[str, Any]:
    """Return what a manifest says of how a run was made."""
    dataset = datasets.load(spec.dataset.name, **spec.dataset.options)
    return {
        "versions": {"torch": "none"},
        "git_commit": None,
        "execution": {
            "device": "cpu",
            "precision": "float32",
            "threads": 1,
            "device_name": "none",
            "pack": [run_id(spec)],
        },
        "dataset": {
            "fingerprint": dataset.fingerprint,
            "n_images": len(dataset),
            "image_shape": list(dataset.image_shape),
            "factor_names": list(dataset.factor_names),
            "factor_sizes": list(dataset.factor_sizes),
        },
        "group_id": group_id(spec),
    }


def make(wishes, folder, checkpoint_seconds, scoring, pack, report):
    """Stand in for `bench.pipeline._execute`: commit results that nobody trained."""
    WISHES.update(wishes)
    store = Store(folder)
    for spec in pack.specs:
        _begin(spec)
        time.sleep(WISHES.get("seconds", 0))
        store.commit(made(spec), record(spec))
        report(spec.steps, 0.0)
    return [pipeline_outcome(spec) for spec in pack.specs]


class pipeline_outcome:  # noqa: N801 - as small as what it stands for, which would load torch
    """Stand in for `bench.training.execute.RunStatus`."""

    failure = None

    def __init__(self, spec):
        self.run_id = run_id(spec)


def really_make(wishes, folder, checkpoint_seconds, scoring, pack, report):
    """Stand in for `bench.pipeline._execute`: call it, with a fault in front of its producers."""
    WISHES.update(wishes)
    from bench.training import producers

    for kind, producer in list(producers.PRODUCERS.items()):
        if getattr(producer, "func", None) is not _faulty:
            producers.PRODUCERS[kind] = partial(_faulty, producer)
    return REAL(folder, checkpoint_seconds, scoring, pack, report)


def _faulty(producer, pack, dataset, context):
    for spec in pack.specs:
        _begin(spec)
    if any(_fault(spec) == "nan" for spec in pack.specs):
        import bench.training.train

        true = bench.training.train.negative_log_likelihood
        with mock.patch.object(
            bench.training.train,
            "negative_log_likelihood",
            lambda *given: true(*given) * float("nan"),
        ):
            yield from producer(pack, dataset, context)
    else:
        yield from producer(pack, dataset, context)


def _fault(spec):
    return WISHES.get("faults", {}).get(str(spec.seed))


def _begin(spec):
    if "log" in WISHES:
        # One short write that appends is whole, whoever else writes.
        with open(WISHES["log"], "ab", buffering=0) as log:
            log.write(f"{run_id(spec)}\n".encode())
    fault = _fault(spec)
    if fault == "raise":
        raise RuntimeError("as the test wished")
    if fault == "exit":
        os._exit(7)
    if fault == "segfault":
        ctypes.string_at(0)
    if fault == "wait":
        deadline = time.monotonic() + 600
        while time.monotonic() < deadline and not os.path.exists(WISHES.get("release", "")):
            time.sleep(0.01)


def undecoded(store, runs):
    """Stand in for `bench.pipeline._decode`: there is no model to decode with."""


def stand_in():
    """Put what the environment asks for into the place of the real ones, in this process."""
    if WISHES.get("undrawn"):
        report.draw_all = lambda study: []
    if WISHES.get("patient"):
        _nodes.CHECK_SECONDS = 250.0
    if WISHES.get("prompt"):
        stage.POLL_SECONDS, stage.REPORT_SECONDS, stage.STATE_SECONDS = 0.1, 0.2, 1.0
    if WISHES.get("made"):
        pipeline._execute = partial(make, WISHES)
        pipeline._decode = undecoded
    else:
        pipeline._execute = partial(really_make, WISHES)


if __name__ == "__main__":
    # Workers know nothing of a main module, so its functions are this module's.
    from tests.reliability import driver

    driver.stand_in()
    sys.exit(run.main())
