"""The scored models of YannDubs/disentangling-vae, and which of ours stand below them."""

import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from bench.analysis.published import MODELS
from bench.analysis.published_models import (
    MEASURED,
    SOURCE,
    published_models,
)
from bench.analysis.study import Study, load_study
from bench.page.published import models_table
from bench.page.render import render
from bench.store.store import Store
from bench.tables.numbers import number

ROOT = Path(__file__).parents[3]
# Their settings as columns of `Tables.summary`, trained as long as they were.
SHARED = {
    "dataset": "dsprites",
    "dataset_options": "{}",
    "architecture": "burgess",
    "likelihood": "bernoulli",
    "n_latents": 10,
    "steps": 300_000,
    "batch_size": 64,
    "precision": "float32",
    "interval": "range",
}
ANNEALED = {"kind": "annealed_beta_vae", "beta_start": 0.0, "anneal_steps": 10_000}
CAPACITY = {"kind": "capacity_vae", "gamma": 1000.0, "capacity": 25.0, "anneal_steps": 100_000}
EMPTY = dict.fromkeys(("beta", "beta_start", "beta_end", "gamma", "capacity", "anneal_steps"))


class _Tables:
    def __init__(self, *groups):
        rows = [
            {**SHARED, **EMPTY, **group, "group_id": f"g{i}", "label": f"ours {i}", "n_seeds": 2,
             "metric": metric, "mean": mean, "low": mean - 0.01, "high": mean + 0.01}
            for i, group in enumerate(groups)
            for metric, mean in (("mig_posterior", 0.25), ("kl", 20.0 + i))
        ]  # fmt: skip
        self.summary = pd.DataFrame(rows).astype(dict.fromkeys(EMPTY, float) | {"kind": object})
        self.runs = self.summary.drop_duplicates("group_id")


def _below(*groups):
    """Return the labels of ours, by the model that they stand below."""
    below = {}
    for row in models_table(_Tables(*groups)).rows:
        if row.kind == SOURCE:
            above = row.label
            below[above] = []
        else:
            below[above].append(row.label)
    return below


def test_scores_agree_with_the_means_that_their_logs_print():
    # The drawn images and this suite's evaluation, against what another code saw in training.
    models = published_models().set_index("model")
    assert len(models) == 5
    for name in ("reconstruction", "kl"):
        trained = models[f"{name}_in_training"]
        assert (models[name] / trained).to_list() == pytest.approx([1] * 5, abs=0.045)
    for model, name in zip(MODELS, models.index, strict=True):
        last = models.loc[name]
        assert model.epochs[-1].epoch * model.epoch_steps == last["steps"]
        assert model.settings["learning_rate"] == last["learning_rate"]
        assert model.images_a_step == last["batch_size"]
        found = (last["reconstruction_in_training"], last["kl_in_training"])
        assert found == pytest.approx(
            (model.epochs[-1].reconstruction, model.epochs[-1].kl), abs=0.006
        )


def test_every_score_is_there():
    models = published_models()
    assert models[[*MEASURED]].notna().all(axis=None)
    shares = models[[name for name in MEASURED if name not in ("reconstruction", "kl")]]
    assert (shares.drop(columns="active_units").abs() <= 1).all(axis=None)
    assert models["active_units"].between(1, 10).all()


def test_the_readme_has_their_scores():
    table = (ROOT / "README.md").read_text().split("scored\nby this suite")[1]
    stated = dict(re.findall(r"^\| ([^|]+?) \| (.+) \|$", table, re.MULTILINE))
    columns = (
        "reconstruction", "kl", "active_units", "beta_vae_score", "factor_vae_score",
        "mig_histogram", "mig_posterior", "sap_score", "modularity",
    )  # fmt: skip
    for model in published_models().to_dict("records"):
        assert stated[model["model"]].split(" | ") == [number(model[name]) for name in columns]


def test_ours_stand_below_theirs_of_the_same_objective():
    below = _below(
        {"kind": "vae", "beta": 1.0},
        {**ANNEALED, "beta_end": 1.0},
        {"kind": "beta_vae", "beta": 4.0},
        {**ANNEALED, "beta_end": 4.0},
        CAPACITY,
        {"kind": "beta_tcvae", "beta": 6.4},
        {"kind": "factor_vae", "gamma": 6.4},
    )
    assert below == {
        "VAE": ["ours 0", "ours 1"],
        "β-VAE β=4": ["ours 2", "ours 3"],
        "capacity γ=100 C=25": ["ours 4"],
        "β-TCVAE β=6.4": ["ours 5"],
        "FactorVAE γ=6.4": ["ours 6"],
    }


@pytest.mark.parametrize(
    "other",
    [
        {"kind": "vae", "steps": 19_999},
        {"kind": "vae", "dataset": "ball"},
        {"kind": "vae", "likelihood": "gaussian"},
        {"kind": "vae", "architecture": "locatello"},
        {"kind": "vae", "n_latents": 20},
        {"kind": "beta_vae", "beta": 16.0},
        {**ANNEALED, "beta_start": 16.0, "beta_end": 1.0},
        {**CAPACITY, "capacity": 20.0},
        # C has not reached 25 nats.
        {**CAPACITY, "steps": 99_999},
    ],
)
def test_others_do_not(other):
    assert not any(_below({"kind": "beta_vae", "beta": 2.0}, other).values())


def test_ours_are_means_over_seeds_in_the_same_columns():
    table = models_table(_Tables(CAPACITY))
    assert table.columns == ("steps", "batch_size", "seeds", *MEASURED)
    assert {len(row.cells) for row in table.rows} == {len(table.columns)}
    (ours,) = (row for row in table.rows if row.kind != SOURCE)
    cells = dict(zip(table.columns, ours.cells, strict=True))
    assert [cells[name].text for name in ("steps", "batch_size", "seeds")] == ["300,000", "64", "2"]
    assert (cells["mig_posterior"].text, cells["mig_posterior"].detail) == (
        "0.250",
        "range 0.240 to 0.260",
    )
    assert cells["modularity"].text == "–"


def test_they_are_on_the_page_where_dsprites_was_trained(small_store):
    study = load_study(Store(small_store))
    title = "Trained models of others"
    assert title not in render(study, None, [])
    own = {"dataset": "dsprites", "dataset_options": "{}", "n_latents": 10}
    tables = replace(
        study.tables,
        runs=study.tables.runs.assign(**own),
        summary=study.tables.summary.assign(**own, steps=50_000),
    )
    text = render(Study(tables, study.frames), None, [])
    section = text[text.index('<details id="implementations"') :].split("</details>")[0]
    assert title in section
    for model in published_models()["model"]:
        assert f'<th scope="row">{model}<small>{SOURCE}</small>' in section
    assert section.count("<small>ours</small>") == 2


def test_a_study_of_nothing_has_no_table(small_store):
    empty = _Tables(CAPACITY)
    empty.runs = empty.summary = pd.DataFrame()
    assert models_table(empty) is None
    # Codes that were made elsewhere are no training.
    codes = _Tables({"kind": "codes", "steps": float("nan")})
    assert models_table(codes) is None
