"""Ours beside other training logs: the epochs' means, the settings that are compared, the page."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bench.analysis.published import COLUMNS, MODELS, epoch_mean, published_table
from bench.page.published import logs_parts

VAE, BETA, CAPACITY, TOTAL_CORRELATION, FACTOR = MODELS
# dSprites in batches of 64.
EPOCH = 11_520


def _history(epochs, model, scale=1.0, window=576):
    """Return a history whose epoch means are the published ones, times a factor."""
    length = model.epoch_steps
    ends = np.arange(window, epochs * length + 1, window)
    done = {entry.epoch: entry for entry in model.epochs}
    rows = []
    for end in ends:
        entry = done.get(-(-end // length))
        # Within an epoch everything moves about its mean.
        tilt = 1 + 0.3 * (((end - 1) % length + 1 - window / 2) / length - 0.5)
        latents = [*entry.latents, *[0.0] * (10 - len(entry.latents))] if entry else [9.0] * 10
        values = [entry.reconstruction, entry.kl] if entry else [900.0, 90.0]
        row = [scale * tilt * value for value in [*values, *latents[::-1]]]
        rows.append([end, *row])
    return pd.DataFrame(
        rows, columns=["step", "reconstruction", "kl", *[f"kl_{j}" for j in range(10)]]
    )


def _tables(model, histories, **own):
    runs = [
        {
            **model.settings,
            "dataset_options": "{}",
            "run_id": f"r{i}",
            "group_id": "g",
            "precision": "float32",
            "label": "L",
        }
        | own
        for i in range(len(histories))
    ]
    named = [history.assign(run_id=f"r{i}") for i, history in enumerate(histories)]
    return SimpleNamespace(runs=pd.DataFrame(runs), history=pd.concat(named, ignore_index=True))


def test_numbers_are_those_of_the_protocol():
    last = [(m.epochs[-1].reconstruction, m.epochs[-1].kl) for m in MODELS]
    expected = [(18.0, 25.4), (35.6, 15.35), (81.1, 25.0), (42.2, 13.6), (36.6, 21.74)]
    assert np.allclose(last, expected, atol=0.06)
    assert {m.epochs[-1].epoch * m.epoch_steps for m in MODELS} == {345_600}
    trace = {entry.epoch: entry.kl for entry in CAPACITY.epochs}
    assert [trace[epoch] for epoch in (1, 2, 3, 5)] == [1.82, 4.36, 7.20, 12.96]
    # Latents are complete: those left out have under 0.2 nat together.
    for model in MODELS:
        for entry in model.epochs:
            assert sum(entry.latents) == pytest.approx(entry.kl, abs=0.19)
            assert list(entry.latents) == sorted(entry.latents, reverse=True)


def test_the_published_schedule_is_linear_to_25_over_100_000_steps():
    # C's mean over epoch e of the published trace; KL follows it from the second epoch on.
    for entry in CAPACITY.epochs[1:4]:
        mean_c = 25 * (entry.epoch - 0.5) * EPOCH / 100_000
        assert entry.kl == pytest.approx(mean_c, abs=0.05)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
@pytest.mark.parametrize("window", [576, 144])
def test_equal_training_agrees_in_every_number(model, window):
    epochs = model.epochs[-1].epoch
    table = published_table(_tables(model, [_history(epochs, model, window=window)]))
    assert list(table.columns) == [*COLUMNS]
    assert len(table) == sum(len(entry.numbers) for entry in model.epochs)
    assert table["within_5_percent"].all()
    assert np.allclose(table["ours"], table["published"])
    assert set(table["steps"]) == {entry.epoch * model.epoch_steps for entry in model.epochs}


def test_what_differs_by_more_than_5_percent_is_said():
    for scale, agrees in ((1.049, True), (1.051, False), (0.951, True), (0.949, False)):
        table = published_table(_tables(VAE, [_history(30, VAE, scale)]))
        assert (table["within_5_percent"] == agrees).all()


def test_seeds_are_averaged_and_their_range_shown():
    table = published_table(_tables(VAE, [_history(30, VAE, scale) for scale in (0.9, 1.1)]))
    assert np.allclose(table["ours"], table["published"])
    assert np.allclose(table["low"], 0.9 * table["published"])
    assert np.allclose(table["high"], 1.1 * table["published"])
    assert (table["n_seeds"] == 2).all()


def test_a_shorter_run_is_compared_at_the_epochs_it_reached():
    table = published_table(_tables(CAPACITY, [_history(3, CAPACITY)]))
    assert sorted(set(table["epoch"])) == [1, 2, 3]
    assert set(published_table(_tables(VAE, [_history(3, VAE)]))["epoch"]) == {1, 2}
    half = _history(1, VAE).iloc[:-1]
    assert published_table(_tables(VAE, [half])).empty


@pytest.mark.parametrize(
    "other",
    [
        {"dataset": "ball"},
        {"learning_rate": 1e-4},
        {"batch_size": 128},
        {"likelihood": "gaussian"},
        {"architecture": "locatello"},
        {"n_latents": 20},
        {"initialisation": "pytorch"},
        {"kind": "vae"},
        {"beta_start": 1.0},
        {"anneal_steps": 20_000},
    ],
)
def test_other_settings_are_not_compared(other):
    assert published_table(_tables(VAE, [_history(30, VAE)], **other)).empty


@pytest.mark.parametrize("other", [{"gamma": 1000.0}, {"capacity": 50.0}, {"anneal_steps": 50_000}])
def test_another_schedule_is_not_compared(other):
    assert published_table(_tables(CAPACITY, [_history(30, CAPACITY)], **other)).empty


def test_an_epoch_of_twice_the_images_a_step_has_half_the_steps():
    assert {model.name: model.epoch_steps for model in MODELS if model.epoch_steps != EPOCH} == {
        FACTOR.name: EPOCH // 2
    }


def test_epoch_means_weigh_windows_by_their_steps_within():
    history = pd.DataFrame({"step": [10_000, 20_000, 30_000], "kl": [1.0, 2.0, 3.0]})
    first = epoch_mean(history, 1, EPOCH)["kl"]
    assert first == pytest.approx((10_000 * 1 + 1_520 * 2) / EPOCH)
    second = epoch_mean(history, 2, EPOCH)["kl"]
    assert second == pytest.approx(((20_000 - EPOCH) * 2 + (2 * EPOCH - 20_000) * 3) / EPOCH)
    assert epoch_mean(history, 3, EPOCH) is None
    assert epoch_mean(history, 3, 10_000)["kl"] == pytest.approx(3.0)


def test_the_page_says_yes_or_no_and_what_differs():
    frame = published_table(_tables(VAE, [_history(30, VAE, 1.2)]))
    parts = logs_parts(frame)
    assert [part["title"] for part in parts] == [
        f"β from 0 to 1, epoch {epoch} (step {epoch * EPOCH:,}): ours L, 1 seed"
        for epoch in (1, 2, 5, 10, 30)
    ]
    assert parts[2]["rows"][1] == {
        "quantity": "kl",
        "theirs": "26.51",
        "ours": "31.81",
        "range": "",
        "difference": "+20%",
        "agrees": "no",
    }
    assert {part["difference"] for part in parts} == {""}
    other = published_table(_tables(TOTAL_CORRELATION, [_history(30, TOTAL_CORRELATION)]))
    assert {part["difference"] for part in logs_parts(other)} == {TOTAL_CORRELATION.differs}
    none = published_table(_tables(VAE, [_history(30, VAE)], dataset="ball"))
    assert logs_parts(none) == []


def test_a_study_of_nothing_has_no_rows(small_store):
    assert published_table(SimpleNamespace(runs=pd.DataFrame(), history=pd.DataFrame())).empty
    assert not (small_store / "tables" / "published.csv").exists()


@pytest.mark.parametrize(
    "options",
    [
        '{"pad": 90, "resize": 64}',
        '{"correlated": {"pairs": [["scale", "shape"]], "strength": 0.2}}',
    ],
)
def test_dsprites_of_other_images_or_weights_are_not_compared(options):
    history = _history(30, CAPACITY)
    assert len(published_table(_tables(CAPACITY, [history])))
    assert published_table(_tables(CAPACITY, [history], dataset_options=options)).empty
