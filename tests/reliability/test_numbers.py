"""Equal execution gives equal bytes, and nobody's random state is part of it."""

import random

import numpy as np
import pandas as pd
import pytest
import torch

from bench.pipeline import run_grid
from metrics import METRICS
from tests.random_states import global_states
from tests.reliability.driver import BALL
from tests.reliability.processes import HANG, tables

pytestmark = pytest.mark.usefixtures("no_figures")

GRID = {
    "name": "numbers",
    "datasets": [BALL],
    "seeds": [0, 1],
    "models": [
        {"kind": "vae"},
        {"kind": "capacity_vae", "gamma": 100, "capacity": 5, "anneal_steps": 2},
    ],
    "train": {"steps": 3, "batch_size": 8, "n_latents": 3},
    "metrics": [{"name": "beta_vae_score", "n_train": 100, "n_test": 100}, "mig", "udr"],
    "baselines": True,
}
FAST = {"n_train": 200, "n_test": 200}


@pytest.mark.parametrize("name", METRICS)
def test_no_metric_reads_or_changes_global_random_state(name):
    info = METRICS[name]
    rng = np.random.default_rng(0)
    factors = np.indices((4, 5, 6)).reshape(3, -1).T
    means = factors + rng.normal(size=factors.shape)
    given = {"means": means, "factors": factors, "logvars": np.full(means.shape, -2.0)}
    if info.level == "group":
        given = {"means": [means, means**3], "logvars": [given["logvars"]] * 2}
    options = {key: value for key, value in FAST.items() if key in info.options}

    def value(seed):
        # As a script may have left them: the value is the same whatever they are.
        np.random.seed(seed)  # noqa: NPY002 - the global state is what this is about
        random.seed(seed)
        torch.manual_seed(seed)
        before = global_states()
        found = info.function(*(given[key] for key in info.requires), **options)
        assert global_states() == before
        return repr(found)

    # What a first call imports seeds itself under a test runner, but not elsewhere.
    info.function(*(given[key] for key in info.requires), **options)
    assert value(1) == value(2)


@pytest.mark.endurance
@pytest.mark.timeout(3 * HANG)
def test_order_and_number_of_workers_change_no_byte(tmp_path):
    turned = {**GRID, "seeds": GRID["seeds"][::-1], "models": GRID["models"][::-1]}
    starts = {"one": (GRID, 1), "two": (GRID, 2), "turned": (turned, 1)}
    for name, (grid, workers) in starts.items():
        assert run_grid(grid, out=tmp_path / name, workers=workers).failed == 0
    runs = sorted(path.name for path in (tmp_path / "one" / "runs").iterdir())
    assert len(runs) == 4 + 2 + 2 + 1 + 1
    for name in ("two", "turned"):
        assert tables(tmp_path / name) == tables(tmp_path / "one")
        for run in runs:
            for path in (tmp_path / "one" / "runs" / run).iterdir():
                if path.name != "manifest.json":
                    again = tmp_path / name / "runs" / run / path.name
                    assert again.read_bytes() == path.read_bytes()
    # What does not apply to a kind is empty, and no reason to leave its runs out.
    table = pd.read_csv(tmp_path / "one" / "tables" / "runs.csv")
    assert table[["gamma", "beta"]].isna().any(axis=None)
    summary = pd.read_csv(tmp_path / "one" / "tables" / "summary.csv")
    of_mig = summary[summary["metric"] == "mig_histogram"]
    assert set(of_mig["group_id"]) == set(table["group_id"])
    assert of_mig["n_seeds"].sum() == len(table)
