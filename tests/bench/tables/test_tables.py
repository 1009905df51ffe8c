"""Tables: columns, labels, statistics over seeds and differences from the VAE."""

import math
import shutil

import numpy as np
import pandas as pd
import pytest

from bench import load_results
from bench.scoring.runs import missing_scores
from bench.store.files import DamagedError
from bench.store.scores import parse_scores
from bench.store.store import Store
from bench.tables.collect import collect
from bench.tables.summary import differences, summarise

DESIGNED = (
    "run_id dataset dataset_options kind seed steps beta beta_start beta_end gamma capacity "
    "anneal_steps likelihood precision"
)


def _runs(**columns):
    """Return a table of runs: a VAE and a β-VAE, six seeds each."""
    n = 6
    rows = {
        "run_id": [f"{kind}{seed}" for kind in "vb" for seed in range(n)],
        "dataset": ["ball"] * 2 * n,
        "dataset_options": ["{}"] * 2 * n,
        "kind": ["vae"] * n + ["beta_vae"] * n,
        "seed": [*range(n), *range(n)],
        "steps": [10] * 2 * n,
        "beta": [1.0] * n + [4.0] * n,
        "gamma": [math.nan] * 2 * n,
        "precision": ["float32"] * 2 * n,
        "group_id": ["v"] * n + ["b"] * n,
        "label": ["VAE"] * n + ["β-VAE β=4"] * n,
        "kl": [10.0, 20, 30, 40, 50, 60, 9, 19, 29, 39, 49, 59],
    }
    return pd.DataFrame({**rows, **columns})


def test_columns_of_runs_are_those_of_the_design(small_store):
    runs = pd.read_csv(small_store / "tables" / "runs.csv")
    assert list(runs.columns[:14]) == DESIGNED.split()
    assert {"reconstruction", "kl", "active_units", "mig_histogram", "mig_posterior"} <= {*runs}
    by_kind = runs.groupby("kind").first()
    assert by_kind.loc["vae", "beta"] == 1
    assert by_kind.loc["capacity_vae", "gamma"] == 100
    assert runs.loc[runs["kind"] != "capacity_vae", ["gamma", "capacity"]].isna().all(axis=None)
    assert runs.loc[runs["kind"].str.startswith("baseline"), "steps"].isna().all()
    text = (small_store / "tables" / "runs.csv").read_text()
    assert ",30," in text
    assert ",30.0," not in text


def test_kl_is_the_sum_of_its_dimensions(small_store):
    tables = load_results(small_store)
    sums = tables.kl_per_dimension.groupby("run_id")["kl"].sum()
    runs = tables.runs.set_index("run_id").dropna(subset="kl")
    assert len(runs) == 6 + 2
    assert runs["kl"].to_dict() == pytest.approx(sums[runs.index].to_dict())


def test_every_latent_has_its_sigma_once_it_is_scored(small_store, tmp_path):
    folder = tmp_path / "store"
    shutil.copytree(small_store, folder)
    store = Store(folder)
    scored = collect(store, store.runs()).kl_per_dimension.set_index("run_id")
    for run in store.runs():
        logvars = run.latents().logvars
        if logvars is None:
            assert run.run_id not in scored.index
            continue
        assert scored.loc[run.run_id, "sigma"].to_numpy() == pytest.approx(
            np.exp(logvars.astype(float) / 2).mean(0)
        )
        # As a start of an earlier version left it.
        scores = store.read_scores(run.run_id, run.codes_digest)
        (key,) = [key for key in scores if "posterior_std" in key]
        others = {name: entries for name, entries in scores.items() if name != key}
        store.write_scores(run.run_id, run.codes_digest, others)
        assert [*missing_scores(store, run, [])] == [key]
    before = collect(store, store.runs()).kl_per_dimension.set_index("run_id")
    assert before["sigma"].isna().all()
    assert before["kl"].equals(scored["kl"])


@pytest.mark.parametrize("sigmas", [0.5, [0.5], [None, 0.5, 0.5, 0.5], [0.5] * 9])
def test_no_stored_sigma_takes_a_kl_away(small_store, tmp_path, sigmas):
    folder = tmp_path / "store"
    shutil.copytree(small_store, folder)
    store = Store(folder)
    expected = collect(store, store.runs()).kl_per_dimension
    for run in store.runs():
        scores = store.read_scores(run.run_id, run.codes_digest)
        for entries in scores.values():
            for entry in entries:
                if entry["column"] == "posterior_std_per_dimension" and entry["value"]:
                    entry["value"] = sigmas
        if not isinstance(sigmas, list):
            with pytest.raises(DamagedError, match="must be a list"):
                parse_scores(run.run_id, scores)
            return
        store.write_scores(run.run_id, run.codes_digest, scores)
    found = collect(store, store.runs()).kl_per_dimension
    assert found["kl"].equals(expected["kl"])
    given = [math.nan if v is None else v for v in [*sigmas, *[math.nan] * 4]][:4]
    assert found["sigma"][:4].tolist() == pytest.approx(given, nan_ok=True)


def test_summary_has_a_row_for_every_group_and_metric():
    summary = summarise(_runs(), ["kl"]).set_index("group_id")
    assert summary.loc["v", "mean"] == 35
    assert (summary["n_seeds"] == 6).all()
    # KL is not below 0.
    assert (summary["interval"] == "log95").all()
    assert (summary["low"] > 0).all()
    assert summary.loc["b", ["minimum", "maximum"]].tolist() == [9, 59]
    assert "seed" not in summary


def test_two_precisions_are_never_pooled():
    runs = _runs(precision=(["float32"] * 3 + ["bfloat16"] * 3) * 2)
    summary = summarise(runs, ["kl"])
    assert len(summary) == 4
    assert (summary["n_seeds"] == 3).all()
    assert (summary["interval"] == "range").all()


def test_a_score_that_some_seeds_lack_is_averaged_over_the_others():
    runs = _runs()
    runs.loc[[0, 1], "kl"] = math.nan
    summary = summarise(runs, ["kl"]).set_index("group_id")
    assert summary.loc["v", "n_seeds"] == 4
    assert summary.loc["v", "mean"] == 45


def test_differences_are_paired_by_seed():
    # Seeds differ by tens, the groups by exactly one: unpaired this could not be seen.
    (row,) = differences(_runs(), ["kl"], ignore=["beta"]).to_dict("records")
    assert (row["group_id"], row["reference_group_id"]) == ("b", "v")
    assert (row["n_pairs"], row["mean"], row["low"], row["high"]) == (6, -1, -1, -1)
    assert row["p_value"] == 0


def test_a_group_of_other_settings_is_compared_with_nothing():
    assert differences(_runs(steps=[10] * 6 + [20] * 6), ["kl"], ignore=["beta"]).empty
    assert differences(_runs(dataset=["a"] * 6 + ["b"] * 6), ["kl"], ignore=["beta"]).empty


def test_an_empty_folder_has_empty_tables(tmp_path):
    from bench.store.store import Store

    Store(tmp_path / "new", create=True)
    tables = load_results(tmp_path / "new")
    assert tables.runs.empty
    assert tables.metrics == []
    assert tables.summary.empty
