"""Signs that training is right: bounds and limits that every run obeys."""

import numpy as np
import pytest

import datasets
from bench import load_results, run_grid

pytestmark = pytest.mark.usefixtures("no_figures")


def _images(entry):
    ball = datasets.load(**entry)
    return ball.images(np.arange(len(ball))).reshape(len(ball), -1) / 255


def _train(entry, folder, beta, steps):
    grid = {
        "name": "protocol",
        "datasets": [entry],
        "seeds": [0],
        "models": [{"kind": "beta_vae", "beta": beta}],
        "train": {"steps": steps, "batch_size": 32, "learning_rate": 1e-3},
    }
    run_grid(grid, out=folder)
    return load_results(folder).runs.iloc[0]


@pytest.mark.slow
def test_a_collapsed_run_reconstructs_at_the_entropy_of_the_mean_image(small_grid, tmp_path):
    (entry,) = small_grid["datasets"]
    run = _train(entry, tmp_path, beta=1000, steps=400)
    mean = _images(entry).mean(0)
    mean = mean[(mean > 0) & (mean < 1)]
    entropy = -(mean * np.log(mean) + (1 - mean) * np.log(1 - mean)).sum()
    assert run["kl"] < 0.01
    assert run["reconstruction"] == pytest.approx(entropy, rel=0.01)
    # The mean image is the best that a code without information can do.
    assert run["reconstruction"] >= entropy


@pytest.mark.slow
def test_reconstruction_and_kl_bound_the_entropy_of_the_data(small_grid, tmp_path):
    (entry,) = small_grid["datasets"]
    images = _images(entry)
    assert len(np.unique(images, axis=0)) == len(images) == 64
    run = _train(entry, tmp_path, beta=1, steps=1000)
    assert np.log(64) <= run["reconstruction"] + run["kl"] < 40
