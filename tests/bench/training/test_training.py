"""Objectives, packs and a grid from end to end on the ball."""

import filecmp

import numpy as np
import pytest
import torch

from bench.models.vae import ARCHITECTURES, VAE
from bench.pipeline import run_grid
from bench.run import main
from bench.store.store import Store, StoreError
from bench.training.objectives import OBJECTIVES, Terms, gaussian_kl, negative_log_likelihood

pytestmark = pytest.mark.usefixtures("no_figures")

GRID = {
    "name": "tiny",
    "datasets": ["ball"],
    "seeds": [0, 1],
    "models": [
        {"kind": "vae"},
        {"kind": "capacity_vae", "gamma": 100, "capacity": 5, "anneal_steps": 2},
    ],
    "train": {"steps": 3, "batch_size": 8},
    "baselines": True,
    "metrics": [{"name": "beta_vae_score", "n_train": 200, "n_test": 100}, "mig"],
    "evaluation": {"images": 200},
}


def _terms(reconstruction, kl):
    z = torch.zeros(1, 2, len(kl))
    return Terms(torch.tensor([reconstruction]), torch.tensor([kl]), z, z, z, 100)


@pytest.mark.parametrize(
    ("kind", "settings", "step", "expected"),
    [
        ("vae", {"learning_rate": 1e-3}, 0, 10 + 3),
        ("beta_vae", {"beta": 4}, 0, 10 + 4 * 3),
        ("annealed_beta_vae", {"beta_start": 16, "beta_end": 1, "anneal_steps": 30}, 10, 10 + 33),
        ("annealed_beta_vae", {"beta_start": 16, "beta_end": 1, "anneal_steps": 30}, 99, 10 + 3),
        ("capacity_vae", {"gamma": 100, "capacity": 25, "anneal_steps": 50}, 0, 10 + 300),
        ("capacity_vae", {"gamma": 100, "capacity": 25, "anneal_steps": 50}, 10, 10 + 200),
        ("beta_tcvae", {"beta": 1}, 0, 10 + 3),
    ],
)
def test_objectives_have_their_closed_form(kind, settings, step, expected):
    stacked = {name: torch.tensor([float(value)]) for name, value in settings.items()}
    loss = OBJECTIVES[kind](_terms(10.0, [1.0, 2.0]), step, stacked)
    assert loss.item() == pytest.approx(expected)


def test_terms_are_summed_in_nats():
    logits, images = torch.zeros(1, 2, 1, 4, 4), torch.ones(1, 2, 1, 4, 4)
    bernoulli = negative_log_likelihood(logits, images, "bernoulli")
    assert bernoulli == pytest.approx(np.full((1, 2), 16 * np.log(2)))
    gaussian = negative_log_likelihood(logits, images, "gaussian")
    assert gaussian == pytest.approx(np.full((1, 2), 16 * 0.125))
    kl = gaussian_kl(torch.tensor(1.0), torch.tensor(np.log(4.0)))
    assert kl.item() == pytest.approx(0.5 * (1 + 4 - 1 - np.log(4)))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_member_of_a_pack_is_the_model_alone(architecture):
    images = torch.rand(1, 3, 1, 64, 64)
    pack = VAE((1, 64, 64), 4, architecture, seeds=[5, 6])
    alone = VAE((1, 64, 64), 4, architecture, seeds=[6])
    means = pack.encode(images.expand(2, -1, -1, -1, -1))[0]
    assert torch.allclose(means[1], alone.encode(images)[0][0], atol=1e-6)
    assert torch.allclose(pack.decode(means)[1], alone.decode(means[1:])[0], atol=1e-5)
    assert not torch.allclose(means[0], means[1])


def test_packed_training_is_training_alone(tmp_path):
    run_grid(GRID, out=tmp_path / "alone")
    assert run_grid(GRID, out=tmp_path / "packed", pack=4).failed == 0
    runs = {run.run_id: run for run in Store(tmp_path / "alone").scan()[0]}
    for packed in Store(tmp_path / "packed").scan()[0]:
        means = runs[packed.run_id].latents().means
        assert np.allclose(packed.latents().means, means, atol=1e-4)


def test_a_grid_runs_once_and_its_tables_are_reproducible(tmp_path):
    first = run_grid(GRID, out=tmp_path / "a")
    assert (first.trained, first.failed) == (4 + 2 + 2 + 1 + 1, 0)
    tables = sorted((tmp_path / "a" / "tables").iterdir())
    before = {table.name: table.read_bytes() for table in tables}
    second = run_grid(GRID, out=tmp_path / "a")
    assert (second.trained, second.already_done) == (0, 10)
    assert {table.name: table.read_bytes() for table in tables} == before
    run_grid(GRID, out=tmp_path / "b")
    for table in tables:
        assert filecmp.cmp(table, tmp_path / "b" / "tables" / table.name, shallow=False)


def test_a_damaged_run_is_set_aside_and_made_again(tmp_path):
    run_grid(GRID, out=tmp_path / "a")
    manifest = next((tmp_path / "a" / "runs").iterdir()) / "manifest.json"
    manifest.write_text(manifest.read_text().replace("ball", "bell"))
    assert run_grid(GRID, out=tmp_path / "a").trained == 1
    assert len(list((tmp_path / "a" / "damaged").iterdir())) == 1


def test_a_diverging_run_is_recorded_and_the_others_go_on(tmp_path):
    grid = {**GRID, "baselines": False, "seeds": [0], "train": {"steps": 3, "batch_size": 8}}
    grid["models"] = [{"kind": "vae"}, {"kind": "beta_vae", "beta": 1e39}]
    summary = run_grid(grid, out=tmp_path / "a", pack=2)
    assert (summary.trained, summary.failed) == (1, 1)
    assert "not finite" in (tmp_path / "a" / "tables" / "failures.csv").read_text()


def test_a_folder_that_is_not_ours_is_refused(tmp_path, capsys):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(StoreError, match="is not an output folder"):
        run_grid(GRID, out=tmp_path)
    assert main([str(tmp_path / "none.yaml")]) == 2
    assert "cannot be read" in capsys.readouterr().err
