"""Frames: the images that show a model, and its position-tuning maps."""

import shutil
from dataclasses import fields, replace

import numpy as np
import pytest

import datasets
from bench import load_run
from bench.grid.streams import generator
from bench.models.decode import (
    N_ORIGINALS,
    information,
    known_factors,
    position_overlap,
    seed_images,
    tuning_maps,
)
from bench.models.overlap import overlap_curve
from bench.pipeline import run_grid
from bench.report import build
from bench.store.files import DamagedError
from bench.store.frames import has_frames, read_frames, write_frames
from bench.store.selection import shown_runs, stored_frames
from bench.store.store import Store
from bench.store.stored_run import Latents
from metrics import mutual_information_matrix
from tests.bench.conftest import SMALL_GRID


def test_the_lowest_seed_of_every_trained_group_is_shown(small_store):
    store = Store(small_store)
    shown = shown_runs(store, store.runs())
    assert sorted(run.spec.kind for run in shown) == ["beta_vae", "capacity_vae", "vae"]
    assert {run.spec.seed for run in shown} == {0}
    assert {name for name, _ in stored_frames(store, store.runs())} == {run.run_id for run in shown}


def test_frames_are_the_models_own(small_store):
    store = Store(small_store)
    run = shown_runs(store, store.runs())[0]
    frames = read_frames(store.frames_path(run.run_id))
    assert (np.diff(frames.kl) <= 0).all()
    assert sorted(frames.latents) == [0, 1, 2, 3]
    loaded = load_run(run.folder)
    codes = loaded.encode(frames.originals)[0]
    assert np.array_equal(frames.codes, codes[:, frames.latents])
    decoded = np.round(loaded.decode(codes) * 255)
    assert np.array_equal(decoded.astype(np.uint8), frames.reconstructions)
    # Row 1, value 0: the first original's code with the second strongest latent at −3.
    moved = codes[:1].copy()
    moved[0, frames.latents[1]] = -3
    expected = np.round(loaded.decode(moved)[0] * 255)
    assert np.abs(expected - frames.traversals[1, 0].astype(float)).max() <= 1
    assert frames.values[[0, -1]].tolist() == [-3, 3]


def test_curves_and_matrices_are_of_all_codes(small_store):
    store = Store(small_store)
    run = shown_runs(store, store.runs())[0]
    frames, latents = read_frames(store.frames_path(run.run_id)), run.latents()
    positions = np.indices((8, 8)).reshape(2, -1).T[latents.indices]
    assert np.array_equal(frames.overlap, overlap_curve(latents.means, latents.logvars, positions))
    matrix = mutual_information_matrix(
        latents.means, positions, estimator="posterior", logvars=latents.logvars
    )
    assert np.array_equal(frames.information, matrix[frames.latents])
    assert frames.entropies == pytest.approx(np.log([8, 8]))
    assert frames.factors.tolist() == [b"position_x", b"position_y"]


def test_frames_are_read_as_they_were_written(small_store, tmp_path):
    store = Store(small_store)
    (_, frames), *_ = stored_frames(store, store.runs())
    empty = replace(
        frames,
        overlap=np.zeros((0, 6)),
        tuning_maps=frames.tuning_maps[:, :0, :0],
        factors=np.char.encode(["größe", "x"], "utf-8"),
    )
    for name, written in (("full", frames), ("empty", empty)):
        write_frames(tmp_path / name, written)
        found = read_frames(tmp_path / name)
        for field in fields(frames):
            before, after = getattr(written, field.name), getattr(found, field.name)
            assert before.dtype == after.dtype
            assert np.array_equal(before, after)
    assert np.char.decode(found.factors, "utf-8").tolist() == ["größe", "x"]


def test_channels_of_random_colours_are_known_in_quantile_bins():
    data = datasets.load("color_dsprites", random_color=True, low=0)
    chosen = np.arange(0, len(data), 20_011)
    names, labels = known_factors(data, chosen)
    assert names == [*data.factor_names, "red", "green", "blue"]
    assert np.array_equal(labels[:, :5], data.factors(chosen))
    assert labels[:, 5:].max(0).tolist() == [19] * 3
    channels = np.stack([*data.extra_factors(chosen).values()], axis=1)
    for channel, bins in zip(channels.T, labels[:, 5:].T, strict=True):
        assert (np.diff(bins[np.argsort(channel, kind="stable")]) >= 0).all()
        counts = np.bincount(bins)
        assert counts.min() > 0.5 * len(chosen) / 20
        assert counts.max() < 2 * len(chosen) / 20
    ball = datasets.load("ball")
    assert known_factors(ball, np.arange(3))[0] == ["position_x", "position_y"]


def test_chance_is_the_information_of_factors_that_tell_nothing(small_store):
    store = Store(small_store)
    run = next(run for run in shown_runs(store, store.runs()) if run.spec.kind == "vae")
    frames, latents = read_frames(store.frames_path(run.run_id)), run.latents()
    order = generator(0, "sample", 2).permutation(64)
    positions = np.indices((8, 8)).reshape(2, -1).T[latents.indices][order]
    matrix = mutual_information_matrix(
        latents.means, positions, estimator="posterior", logvars=latents.logvars
    )
    assert np.array_equal(frames.chance, matrix[frames.latents])


@pytest.mark.parametrize("later", ["chance", "codes"])
def test_older_frames_are_read_and_decoded_again_where_that_can_be(small_store, tmp_path, later):
    folder = tmp_path / "store"
    shutil.copytree(small_store, folder)
    store = Store(folder)
    shown = shown_runs(store, store.runs())
    assert all(has_frames(store, run) for run in shown)
    new = {run.run_id: read_frames(store.frames_path(run.run_id)) for run in shown}
    for name, frames in new.items():
        write_frames(store.frames_path(name), replace(frames, **{later: None}))
        assert getattr(read_frames(store.frames_path(name)), later) is None
    assert not any(has_frames(store, run) for run in shown)
    assert not has_frames(Store(tmp_path / "none", create=True), shown[0])
    without_weights = shown[0]
    (without_weights.folder / "model.pt").unlink()
    assert run_grid(SMALL_GRID, out=folder).failed == 0
    assert [has_frames(store, run) for run in shown] == [False, True, True]
    assert read_frames(store.frames_path(without_weights.run_id)) is not None
    for run in shown[1:]:
        found = read_frames(store.frames_path(run.run_id))
        assert np.array_equal(getattr(found, later), getattr(new[run.run_id], later))


def test_without_positions_there_is_no_map_and_no_curve():
    images = np.zeros((4, 1, 16, 16), np.uint8)
    data = datasets.from_arrays(images, [[0], [1], [2], [3]], factor_names=["scale"])
    codes = np.ones((4, 2), np.float32)
    latents = Latents(np.arange(4), codes, codes)
    assert tuning_maps(latents, data).shape == (2, 0, 0)
    assert position_overlap(latents, data).shape == (0, 6)


def test_tuning_maps_of_known_codes():
    ball = datasets.load("dsprites")
    chosen = np.random.default_rng(0).choice(len(ball), 20_000, replace=False)
    factors = ball.factors(chosen)
    means = np.stack([factors[:, 3], factors[:, 4] + factors[:, 0] - 1.0], 1).astype(np.float32)
    maps = tuning_maps(Latents(chosen, means, None), ball)
    x, y = np.meshgrid(np.arange(32), np.arange(32))
    assert np.allclose(maps[0], x)
    # About 20 images a cell, whose shape adds −1, 0 or 1.
    assert np.abs(maps[1] - y).mean() < 0.3


def test_a_position_without_an_image_has_no_value():
    ball = datasets.load("ball")
    maps = tuning_maps(Latents(np.array([0]), np.ones((1, 2), np.float32), None), ball)
    assert np.isfinite(maps).sum() == 2


def test_seed_images_start_at_the_centre_and_never_change():
    ball = datasets.load("ball")
    indices = seed_images(ball)
    assert ball.factors(indices[:1]).tolist() == [[16, 16]]
    assert len(indices) == N_ORIGINALS
    assert np.array_equal(indices, seed_images(ball))


@pytest.mark.parametrize("content", [b"", b"not hdf5"])
def test_frames_that_cannot_be_trusted_are_none(tmp_path, content):
    (tmp_path / "frames.h5").write_bytes(content)
    assert read_frames(tmp_path / "frames.h5") is None
    assert read_frames(tmp_path / "absent.h5") is None


def test_loading_refuses_what_has_no_model_or_other_shapes(small_store, tmp_path):
    runs = {run.spec.kind: run for run in Store(small_store).scan()[0]}
    with pytest.raises(ValueError, match="has no model: it is a run of kind baseline_pca"):
        load_run(runs["baseline_pca"].folder)
    with pytest.raises(DamagedError):
        load_run(tmp_path)
    loaded = load_run(runs["vae"].folder)
    with pytest.raises(ValueError, match=r"images must be uint8 of shape \(n, 1, 16, 16\)"):
        loaded.encode(np.zeros((2, 16, 16), np.uint8))
    with pytest.raises(ValueError, match=r"codes must have shape \(n, 4\)"):
        loaded.decode(np.zeros((2, 5)))


def test_weights_may_be_left_out_of_a_folder_that_is_passed_on(small_store, tmp_path):
    folder = tmp_path / "store"
    shutil.copytree(small_store, folder)
    tables = {path.name: path.read_bytes() for path in (folder / "tables").iterdir()}
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.count('id="decoder-') == 3
    for path in folder.glob("runs/*/model.pt"):
        path.unlink()
    store = Store(folder)
    runs, damaged = store.scan()
    assert not damaged
    assert not store.damaged([run.run_id for run in runs])
    build(store)
    assert {path.name: path.read_bytes() for path in (folder / "tables").iterdir()} == tables
    without = (folder / "report.html").read_text(encoding="utf-8")
    # What needs a decoder is gone, in three blocks and on the first screen, and nothing else.
    assert 'id="decoder-' not in without
    assert without.count("data-still") == page.count("data-still") + 4
    parts = [text[text.index('id="runs"') : text.index("</main>")] for text in (page, without)]
    assert parts[0] == parts[1]
    trained = next(run for run in runs if run.spec.kind == "vae")
    with pytest.raises(ValueError, match="its weights were left out"):
        load_run(trained.folder)
    # Codes may not be left out.
    (trained.folder / "latents.h5").unlink()
    assert trained.folder in store.scan()[1]


def test_a_latent_that_is_narrower_than_images_lie_apart_shows_what_it_knows():
    rng = np.random.default_rng(0)
    positions = rng.integers(0, 8, (2_000, 2))
    means = np.c_[positions[:, 0] - 3.5 + rng.uniform(-0.4, 0.4, 2_000), rng.normal(size=2_000)]
    latents = Latents(np.arange(2_000), means, np.full((2_000, 2), 2 * np.log(1e-5)))
    found = information(latents, positions)
    chance = information(latents, positions[rng.permutation(2_000)])
    above = found - chance
    assert above[0, 0] > 0.8 * np.log(8)
    assert np.abs([above[0, 1], *above[1]]).max() < 0.05
    # One that is as wide as others is read as it is.
    wide = replace(latents, logvars=np.full((2_000, 2), 2 * np.log(0.1)))
    matrix = mutual_information_matrix(
        means, positions, estimator="posterior", logvars=wide.logvars
    )
    assert np.array_equal(information(wide, positions), matrix)
