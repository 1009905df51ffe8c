"""Scores in runs: every output, its interval, chance and ceiling, groups, metrics from outside."""

import io
import json
import math
import shutil

import numpy as np
import pandas as pd
import pytest

import datasets
from bench import load_results, run_grid
from bench.errors import GridError
from bench.grid.load import parse_grid
from bench.scoring.bounds import chance_codes, perfect_codes
from bench.scoring.keys import request_key
from bench.store.store import Store
from metrics import METRICS, mig, udr

pytestmark = pytest.mark.usefixtures("no_figures")


def _entries(folder):
    """Return {column: entry} of every run of a store."""
    store = Store(folder)
    runs = store.scan()[0]
    scores = {run.run_id: store.read_scores(run.run_id, run.codes_digest) for run in runs}
    return {
        run_id: {entry["column"]: entry for part in parts.values() for entry in part}
        for run_id, parts in scores.items()
    }


def test_every_output_of_a_metric_is_a_column(small_store):
    runs = load_results(small_store).runs
    for column in ("infomec_infom", "infomec_infoe", "infomec_infoc", "modularity"):
        assert runs[column].between(0, 1).all()
    # 64 codes of 2 latents at least: nothing here is missing.
    assert runs["mig_histogram"].notna().all()


def test_an_entry_says_how_it_came_about(small_store):
    for entries in _entries(small_store).values():
        entry = entries["mig_histogram"]
        assert entry["options"] == {"bootstrap": 4}
        assert entry["low"] <= entry["value"] <= entry["high"]
        assert len(entry["detail"]["per_factor"]) == 2
        assert np.mean(entry["detail"]["per_factor"]) == pytest.approx(entry["value"])
        assert entry["seconds"] >= 0
        assert set(entry["versions"]) == {"numpy", "scipy", "scikit-learn"}


def test_factors_are_excluded_by_name(small_store):
    for entries in _entries(small_store).values():
        alone = entries["mig_histogram_exclude_position_x"]["value"]
        # Of two factors the mean without the first is the second's.
        assert alone == pytest.approx(entries["mig_histogram"]["detail"]["per_factor"][1])


def test_chance_and_ceiling_are_those_of_codes_made_for_the_factors(small_store):
    ball = datasets.load("ball", image_size=16, shape="disc", radius=3, grid_size=8)
    factors = ball.factors(np.arange(64))
    scores = load_results(small_store).scores.set_index(["run_id", "metric"])
    runs = load_results(small_store).runs.set_index("run_id")
    for run_id, kind in runs["kind"].items():
        n_latents = 2 if kind == "baseline_truth" else 4
        entry = scores.loc[(run_id, "mig_histogram")]
        chance = mig(chance_codes(factors, n_latents)["means"], factors)
        ceiling = mig(perfect_codes(factors)["means"], factors)
        assert entry["chance"] == pytest.approx(chance)
        assert entry["ceiling"] == pytest.approx(ceiling) == pytest.approx(1)
    assert scores["chance"].xs("kl_per_dimension", level="metric").isna().all()


def test_the_ceiling_of_twenty_bins_is_below_one():
    factors = np.indices((32, 40)).reshape(2, -1).T
    codes = perfect_codes(factors)
    assert codes["means"].shape == (32 * 40, 2)
    assert mig(codes["means"], factors) < 0.9
    posterior = mig(codes["means"], factors, estimator="posterior", logvars=codes["logvars"])
    assert posterior == pytest.approx(1, abs=1e-3)


def test_summary_keeps_the_spread_of_seeds_and_of_resampling_apart(small_store):
    tables = load_results(small_store)
    rows = tables.summary[tables.summary["metric"] == "mig_histogram"]
    trained = rows[rows["kind"] == "vae"].iloc[0]
    of_runs = tables.scores.merge(tables.runs[["run_id", "group_id"]], on="run_id")
    chosen = of_runs[
        (of_runs["group_id"] == trained["group_id"]) & (of_runs["metric"] == "mig_histogram")
    ]
    expected = math.sqrt((chosen["resampling_std"].astype(float) ** 2).mean())
    assert trained["resampling_std"] == pytest.approx(expected)
    assert trained["std"] == pytest.approx(chosen["value"].astype(float).std(ddof=1))
    written = pd.read_csv(small_store / "tables" / "summary.csv")
    assert {"std", "resampling_std", "chance", "ceiling"} <= {*written}


def test_a_group_scores_its_members_by_one_another(small_store):
    store = Store(small_store)
    tables = load_results(small_store)
    trained = tables.runs[tables.runs["kind"] == "vae"].sort_values("seed")
    runs = {run.run_id: run.latents() for run in store.scan()[0]}
    codes = [runs[name] for name in trained["run_id"]]
    expected = udr([c.means for c in codes], [c.logvars for c in codes])
    assert trained["udr"].to_numpy() == pytest.approx(expected)
    baselines = tables.runs[tables.runs["kind"].str.startswith("baseline")]
    assert baselines["udr"].isna().all()


def test_variants_of_a_name_stand_side_by_side(small_store):
    variants = load_results(small_store).variants
    of_mig = variants[variants["metric"] == "mig"]
    shown = load_results(small_store).runs.query("seed == 0 and kind == 'vae'")["run_id"].iloc[0]
    labels = of_mig[of_mig["run_id"] == shown].set_index("label")["value"]
    assert len(labels) == len(METRICS["mig"].alternatives)
    assert len(set(labels)) > 1
    page = (small_store / "report.html").read_text()
    assert "One name, several definitions" in page
    assert all(label in page for label in labels.index)


def test_a_new_metric_trains_nothing_and_keeps_the_other_scores(small_store, small_grid, tmp_path):
    folder = tmp_path / "store"
    shutil.copytree(small_store, folder)
    before = _entries(folder)
    weights = {path: path.stat().st_mtime_ns for path in folder.glob("runs/*/*")}
    grid = {**small_grid, "metrics": [*small_grid["metrics"], "irs"]}
    summary = run_grid(grid, out=folder)
    assert (summary.trained, summary.failed) == (0, 0)
    assert {path: path.stat().st_mtime_ns for path in folder.glob("runs/*/*")} == weights
    after = _entries(folder)
    for run_id, entries in after.items():
        assert entries.pop("irs")["value"] is not None
        assert entries == before[run_id]


def test_a_score_that_cannot_be_says_why(small_store):
    entries = _entries(small_store)
    runs = load_results(small_store).runs.set_index("run_id")
    truth = next(run_id for run_id, kind in runs["kind"].items() if kind == "baseline_truth")
    assert entries[truth]["mig_posterior"]["value"] is None
    assert entries[truth]["mig_posterior"]["reason"] == "the run has no logvars"


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """Put a module of somebody else's on the path."""
    (tmp_path / "elsewhere.py").write_text(
        'def spread(means, factors):\n    """Say how far codes reach."""\n'
        "    assert len(means) == len(factors)\n    return float(abs(means).max())\n"
        "def nothing(x):\n    return 0\n"
        "def picky(means, other):\n    return 0\n"
        "def failing(means):\n    raise AssertionError('no')\n"
    )
    (tmp_path / "broken.py").write_text("this is no Python\n")
    (tmp_path / "script.py").write_text("import sys\nsys.exit(0)\n")
    # Workers are processes of their own.
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    return {"spread": "elsewhere:spread"}


@pytest.mark.usefixtures("no_figures")
def test_a_metric_from_outside_needs_permission(outside, small_grid, tmp_path):
    grid = {**small_grid, "metrics": outside}
    with pytest.raises(GridError, match=r"metrics\.0: elsewhere:spread is code .* --allow-imports"):
        parse_grid(grid)
    grid = {**grid, "models": [{"kind": "vae"}]}
    assert run_grid(grid, out=tmp_path / "out", allow_imports=True, workers=2).failed == 0
    runs = load_results(tmp_path / "out").runs.set_index("run_id")
    for run in Store(tmp_path / "out").scan()[0]:
        assert runs.loc[run.run_id, "spread"] == pytest.approx(np.abs(run.latents().means).max())


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"absent": "elsewhere:absent"}, "cannot be imported: elsewhere has no absent"),
        ({"nothing": "elsewhere:nothing"}, "takes none of means, logvars, factors"),
        ({"mig": "elsewhere:spread"}, "that nothing else has"),
        ({"a,b": "elsewhere:spread"}, "must be a name of letters"),
        ({"seed": "elsewhere:spread"}, "that nothing else has"),
        ({"mig_mine": "elsewhere:spread"}, "that nothing else has"),
        ({"picky": "elsewhere:picky"}, r"cannot be called with \('means',\) alone"),
        ({"broken": "broken:anything"}, "cannot be imported: SyntaxError"),
        ({"script": "script:main"}, "cannot be imported: SystemExit: 0"),
        ({"name": "mig", "bootstrap": 1}, "bootstrap must be a whole number"),
        ({"name": "udr", "kl_threshold": math.inf}, "kl_threshold must be a number"),
        ({"name": "mig", "exclude": ["shpae"]}, "no dataset has the factor 'shpae'"),
        ({"name": "mig", "exclude": [1.5]}, "exclude must be a list"),
    ],
)
def test_bad_metrics_are_refused(outside, small_grid, entry, reason):
    with pytest.raises(GridError, match=reason):
        parse_grid({**small_grid, "metrics": [entry]}, allow_imports=True)


def test_keys_tell_options_apart(small_grid):
    from bench.grid.metric_requests import metric_requests

    keys = {request_key(request) for request in metric_requests(small_grid["metrics"])}
    assert len(keys) == len(small_grid["metrics"])
    assert all(json.loads(key) for key in keys)


def test_entries_that_would_share_a_column_are_refused(small_grid):
    metrics = ["mig", {"name": "mig", "bootstrap": 5}]
    with pytest.raises(GridError, match=r"metrics\.1: another entry makes the column 'mig' too"):
        parse_grid({**small_grid, "metrics": metrics})


def test_a_failing_function_from_outside_costs_nobody_else_a_score(outside, small_grid, tmp_path):
    grid = {**small_grid, "models": [{"kind": "vae"}], "seeds": [0], "baselines": False}
    grid["metrics"] = [{"failing": "elsewhere:failing"}, "modularity"]
    assert run_grid(grid, out=tmp_path / "out", allow_imports=True).failed == 0
    ((entries),) = _entries(tmp_path / "out").values()
    assert entries["modularity"]["value"] is not None
    assert entries["failing"]["value"] is None
    assert entries["failing"]["reason"] == "elsewhere:failing: AssertionError: no"


def test_scores_of_other_codes_are_not_believed(small_store, tmp_path):
    store = Store(small_store)
    run = store.scan()[0][0]
    assert store.read_scores(run.run_id, run.codes_digest)
    assert store.read_scores(run.run_id, "other codes") == {}


def test_groups_are_those_of_the_store_not_of_the_grid(small_store, small_grid, tmp_path):
    folder = tmp_path / "store"
    shutil.copytree(small_store, folder)
    shutil.rmtree(folder / "scores" / "groups")
    assert run_grid({**small_grid, "seeds": [0]}, out=folder).trained == 0
    runs = load_results(folder).runs
    assert runs.loc[runs["kind"] == "vae", "udr"].notna().all()


def _flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["latents.h5", "history.csv"])
def test_a_flipped_bit_sets_the_run_aside_and_the_next_start_makes_it_again(
    small_store, small_grid, tmp_path, name
):
    folder = tmp_path / "store"
    shutil.copytree(small_store, folder)
    expected = (folder / "tables" / "runs.csv").read_bytes()
    runs = load_results(folder).runs
    lowest = runs[(runs["kind"] == "vae") & (runs["seed"] == 0)]["run_id"].iloc[0]
    _flip(folder / "runs" / lowest / name)
    grid = {**small_grid, "metrics": [*small_grid["metrics"], "irs"]}
    summary = run_grid(grid, out=folder)
    if name == "latents.h5":
        # Codes are read, and so found damaged, when a score of them is missing.
        assert (summary.trained, summary.failed) == (0, 1)
        assert not (folder / "runs" / lowest).exists()
        summary = run_grid(grid, out=folder)
    assert (summary.trained, summary.failed) == (1, 0)
    assert len(list((folder / "damaged").iterdir())) == 1
    again = pd.read_csv(folder / "tables" / "runs.csv").drop(columns="irs")
    assert again.to_csv(index=False) == pd.read_csv(io.BytesIO(expected)).to_csv(index=False)
