"""A grid that trains in seconds, shared by the tests of what comes after training."""

import copy

import pytest
import torch

from bench.pipeline import run_grid
from tests.bench.own_examples import forget, write_modules
from tests.bench.wheels import build_wheel

# 16 pixels is the least that both architectures take; 64 discs, all different, all binary.
SMALL_BALL = {"name": "ball", "image_size": 16, "shape": "disc", "radius": 3, "grid_size": 8}
SMALL_GRID = {
    "name": "small",
    "datasets": [SMALL_BALL],
    "seeds": [0, 1],
    "models": [
        {"kind": "vae"},
        {"kind": "beta_vae", "beta": 4},
        {"kind": "capacity_vae", "gamma": 100, "capacity": 5, "anneal_steps": 20},
    ],
    "train": {"steps": 30, "batch_size": 16, "n_latents": 4},
    "metrics": [
        {"name": "beta_vae_score", "n_train": 200, "n_test": 100},
        {"name": "mig", "bootstrap": 4},
        {"name": "mig", "exclude": ["position_x"]},
        "kl_per_dimension",
        "modularity",
        "infomec",
        "udr",
    ],
    "baselines": True,
}

# Tests run side by side: more threads a test than cores in all would only wait for one another.
torch.set_num_threads(1)


@pytest.fixture
def small_grid():
    """Return a copy of the small grid, to be changed at will."""
    return copy.deepcopy(SMALL_GRID)


@pytest.fixture(scope="session")
def small_store(tmp_path_factory):
    """Return the folder of a finished small grid; tests read it and change nothing in it."""
    folder = tmp_path_factory.mktemp("small") / "store"
    assert run_grid(SMALL_GRID, out=folder).failed == 0
    return folder


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """Return the wheel of this checkout; the log of its build is beside it."""
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def own_modules(tmp_path, monkeypatch):
    """Return a folder of modules that can be imported: at first the examples of docs/own.md."""
    folder = tmp_path / "modules"
    folder.mkdir()
    forget()
    write_modules(folder)
    monkeypatch.syspath_prepend(folder)
    yield folder
    forget()
