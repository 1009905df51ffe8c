"""A run is what it was trained on: where a dataset has other images today, it is made again."""

import json
import logging

import numpy as np
import pytest

from bench import load_results, run_grid
from bench._siblings import datasets
from bench.analysis.collapse import collapse_beta
from bench.report import build, main as report
from bench.run import main
from bench.store.store import Store

BALL = {"name": "ball", "image_size": 16, "grid_size": 6, "radius": 2.0}
TRAIN = {"steps": 2, "batch_size": 4, "n_latents": 2}


def _grid(*chosen, baselines=False):
    return {
        "name": "drawn",
        "datasets": [*chosen],
        "seeds": [0],
        "models": [{"kind": "vae"}],
        "train": TRAIN,
        "metrics": ["mig"],
        "baselines": baselines,
    }


@pytest.fixture(autouse=True)
def _without_pages(monkeypatch):
    """Leave out what takes longest and nobody here looks at."""
    monkeypatch.setattr("bench.report.build", lambda *_, **__: None)
    monkeypatch.setattr("bench.run.estimate_seconds", lambda *_: 0.0)


@pytest.fixture
def mine(tmp_path):
    """Return a dataset of a file, and a function that writes it with other images."""
    path = tmp_path / "mine.npz"
    factors = np.stack(np.divmod(np.arange(16), 4), axis=1)

    def draw(seed):
        images = np.random.default_rng(seed).integers(0, 256, (16, 16, 16), np.uint8)
        np.savez(path, images=images, factors=factors)

    draw(0)
    return {"name": "file", "path": str(path)}, draw


def _made(out):
    runs = load_results(out).runs
    return dict(zip(runs["run_id"], runs["mig_histogram"], strict=True))


def test_runs_of_images_that_changed_are_made_again(mine, tmp_path, monkeypatch, caplog, capsys):
    entry, draw = mine
    grid, out = _grid(entry, BALL), tmp_path / "out"
    assert run_grid(grid, out=out).trained == 2
    first = _made(out)
    assert run_grid(grid, out=out).trained == 0
    assert not (out / "outdated").exists()

    draw(1)
    caplog.set_level(logging.WARNING)
    assert run_grid(grid, out=out).trained == 1
    assert {path.name.partition(".")[0] for path in (out / "outdated").iterdir()} == {
        run.run_id for run in Store(out).runs() if run.spec.dataset.name == "file"
    }
    assert caplog.text.count("it was made of other images: file was file/1/") == 1
    # The same ids, one row each, of the images that there are now.
    assert _made(out).keys() == first.keys()
    assert _made(out) != first

    # A drawing that changed is the same case.
    monkeypatch.setattr("datasets.ball._VERSION", 2)
    path = tmp_path / "grid.json"
    path.write_text(json.dumps(grid))
    assert main([str(path), "--out", str(out), "--dry-run"]) == 0
    assert "2 runs: 1 done, 1 to do" in capsys.readouterr().out
    assert run_grid(grid, out=out).trained == 1
    assert len([*(out / "outdated").iterdir()]) == 2


def test_runs_of_a_dataset_that_is_gone_stay_and_others_are_looked_at_once(
    mine, tmp_path, monkeypatch, caplog
):
    entry, _ = mine
    out = tmp_path / "out"
    run_grid(_grid(entry, BALL, baselines=True), out=out)
    (tmp_path / "mine.npz").unlink()
    taken, whole = [], datasets.load(**BALL).__class__.fingerprint
    monkeypatch.setattr(
        "datasets.ball.Ball.fingerprint",
        property(lambda ball: taken.append(ball) or whole.fget(ball)),
    )
    assert run_grid(_grid(BALL, baselines=True), out=out).already_done == 5
    assert len(load_results(out).runs) == 10
    assert "file: cannot check whether its runs are of today's images" in caplog.text
    assert len(taken) == 1


def test_a_report_loads_no_dataset_but_draws_the_ball_for_its_theory(mine, tmp_path, monkeypatch):
    entry, _ = mine
    out, grid = tmp_path / "out", _grid(entry, BALL)
    run_grid({**grid, "models": [{"kind": "vae"}, {"kind": "beta_vae", "beta": 4}]}, out=out)
    (tmp_path / "mine.npz").unlink()
    drawn, restore = [], datasets.restore
    monkeypatch.setattr(
        datasets, "restore", lambda name, options: drawn.append(name) or restore(name, options)
    )
    monkeypatch.setattr("bench.report.build", build)
    collapse_beta.cache_clear()
    assert report([str(out)]) == 0
    assert drawn == ["ball"]
