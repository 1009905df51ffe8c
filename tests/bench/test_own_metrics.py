"""Metrics of one's own: a changed source is a new score, and a column has those of one source."""

import json
import shutil

import pandas as pd
import pytest

from bench import load_results, run_grid
from bench.errors import GridError
from bench.grid.own_code import pinned
from bench.report import main as report
from bench.run import main as run
from bench.scoring import drop_superseded
from bench.share import main as share
from bench.store import Store
from tests.bench.own_examples import forget, write_modules

from .conftest import SMALL_BALL

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("no_figures"),
    pytest.mark.xdist_group("own_metrics"),
]
GRID = {
    "name": "measured",
    "datasets": [SMALL_BALL],
    "seeds": [0, 1],
    "models": [{"kind": "vae"}],
    "train": {"steps": 2, "batch_size": 16, "n_latents": 2},
    "metrics": [{"measure": "my_measure:measure"}, "modularity"],
    "metrics_at": 1,
}


def _write(folder, value):
    write_modules(folder, my_measure=f"def measure(means):\n    return {value}\n")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a folder with two runs that an own metric gave 1.0."""
    folder = tmp_path_factory.mktemp("measured")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.report.draw_all", lambda study: iter(()))
        patch.syspath_prepend(folder)
        _write(folder, 1.0)
        assert run_grid(GRID, out=folder / "out", allow_imports=True).failed == 0
    forget()
    return folder / "out"


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """Return a folder that has the module that the runs were scored by."""
    folder = tmp_path / "modules"
    folder.mkdir()
    _write(folder, 1.0)
    monkeypatch.syspath_prepend(folder)
    yield folder
    forget()


@pytest.fixture
def out(made, tmp_path):
    """Return a copy of the output folder."""
    return shutil.copytree(made, tmp_path / "out")


def _scores(out):
    table = pd.read_csv(out / "tables" / "scores.csv")
    return table[table["metric"] == "measure"]["value"].astype(float).tolist()


def _keys(out):
    """Return the functions by which runs are scored, as stored."""
    store = Store(out)
    keys = [key for r in store.runs() for key in store.read_scores(r.run_id, r.codes_digest)]
    return {key.rsplit('"', 2)[1] for key in keys if "my_measure" in key}


def _without_digests(out):
    """Name functions as in folders from before scores had digests."""
    store = Store(out)
    for one in store.runs():
        scores = store.read_scores(one.run_id, one.codes_digest)
        old = {
            json.dumps(["measure", {}, "my_measure:measure"]) if "my_measure" in k else k: entries
            for k, entries in scores.items()
        }
        store.write_scores(one.run_id, one.codes_digest, old)


def test_a_changed_source_is_a_new_score_in_place_of_the_old_one(
    out, modules, tmp_path, capsys, caplog
):
    (tmp_path / "grid.yaml").write_text(json.dumps(GRID))
    start = [str(tmp_path / "grid.yaml"), "--out", str(out), "--allow-imports", "--workers", "1"]
    caplog.set_level("INFO")
    assert run(start) == 0
    assert _scores(out) == [1.0, 1.0]
    for value in (2.0, 1.0):
        forget()
        _write(modules, value)
        caplog.clear()
        assert run(start) == 0
        assert "0 made, 2 already done" in capsys.readouterr().out
        assert "own metrics have changed: their old scores are dropped, of 2 runs" in caplog.text
        assert _scores(out) == [value] * 2
        assert load_results(out).runs["measure"].tolist() == [value] * 2
        assert _keys(out) == {pinned("my_measure:measure", allow_imports=True)}
    # Nothing has changed: nothing is computed.
    caplog.clear()
    assert run(start) == 0
    assert "the report is up to date" in caplog.text
    assert "own metrics" not in caplog.text


def test_a_report_imports_nothing_and_keeps_the_scores(out, modules):
    (modules / "my_measure.py").unlink()
    assert report([str(out)]) == 0
    assert _scores(out) == [1.0, 1.0]


def test_scores_from_before_there_were_digests_are_read_and_computed_again(out, modules):
    _without_digests(out)
    assert report([str(out)]) == 0
    assert _scores(out) == [1.0, 1.0]
    _write(modules, 3.0)
    assert run_grid(GRID, out=out, allow_imports=True).failed == 0
    assert _scores(out) == [3.0, 3.0]
    assert _keys(out) == {pinned("my_measure:measure", allow_imports=True)}


def test_another_function_of_the_same_name_replaces_the_first(out, modules):
    write_modules(modules, my_other="def measure(factors):\n    return 5\n")
    grid = {**GRID, "metrics": [{"measure": "my_other:measure"}]}
    assert run_grid(grid, out=out, allow_imports=True).failed == 0
    assert _scores(out) == [5.0, 5.0]


def test_no_column_has_scores_of_two_sources_when_a_part_of_the_runs_is_started(
    out, modules, caplog
):
    _write(modules, 2.0)
    assert run_grid({**GRID, "seeds": [1]}, out=out, allow_imports=True).failed == 0
    runs = load_results(out).runs.set_index("seed")["measure"]
    assert runs[1] == 2.0
    assert pd.isna(runs[0])
    assert "1 run beside those of this start lost scores by an older source" in caplog.text
    # A grid that does not name the metric leaves it.
    assert run_grid({**GRID, "metrics": ["mig"]}, out=out).failed == 0
    assert load_results(out).runs.set_index("seed")["measure"][1] == 2.0
    assert run_grid(GRID, out=out, allow_imports=True).failed == 0
    assert _scores(out) == [2.0, 2.0]


def test_a_source_that_is_changed_while_a_grid_trains_is_not_what_scores(out, modules):
    requests = [request for request in _requests() if request.function]
    _write(modules, 2.0)
    store = Store(out)
    drop_superseded(store, store.runs(), (), requests)
    assert requests[0].info.function([0]) == 1.0
    assert len(_keys(out)) == 1
    drop_superseded(store, store.runs(), (), _requests())
    assert not _keys(out)


def _requests():
    from bench.grid import metric_requests

    return metric_requests(GRID["metrics"], allow_imports=True)


def test_scores_on_the_way_are_named_by_their_source_and_never_mixed(out, modules):
    digest = pinned("my_measure:measure", allow_imports=True).partition("@")[2][:6]
    _write(modules, 2.0)
    changed = pinned("my_measure:measure", allow_imports=True).partition("@")[2][:6]
    assert run_grid({**GRID, "seeds": [0, 1, 2]}, out=out, allow_imports=True).trained == 1
    table = load_results(out).scores_during_training
    seeds = load_results(out).runs.set_index("run_id")["seed"]
    found = {
        (seeds[row.run_id], row.metric): row.value
        for row in table.itertuples()
        if row.metric != "modularity"
    }
    assert found == {
        (0, f"measure@{digest}"): 1.0,
        (1, f"measure@{digest}"): 1.0,
        (2, f"measure@{changed}"): 2.0,
    }


def test_a_pinned_name_is_that_source_alone(modules):
    reference = pinned("my_measure:measure", allow_imports=True)
    grid = {**GRID, "metrics": [{"measure": reference}]}
    forget()
    _write(modules, 2.0)
    with pytest.raises(GridError, match=r"metrics\.0: my_measure:measure was of another source"):
        run_grid(grid, allow_imports=True)


def test_a_metric_without_a_name_says_how_to_give_it_one():
    with pytest.raises(GridError, match=r"a name for its column: \{mine: my_measure:measure\}"):
        run_grid({**GRID, "metrics": ["my_measure:measure"]}, allow_imports=True)


def test_nothing_of_an_own_metric_is_kept_between_starts(out, modules, tmp_path, monkeypatch):
    monkeypatch.setenv("DISBENCH_CACHE", str(tmp_path / "cache"))
    grid = {**GRID, "seeds": [2], "metrics": GRID["metrics"][:1]}
    assert run_grid(grid, out=tmp_path / "new", allow_imports=True).failed == 0
    assert not [*tmp_path.glob("cache/bounds/*")]
    assert not [*tmp_path.glob("new/scores/levels/*")]


@pytest.mark.parametrize("bits", ["24", "8"])
def test_a_copy_has_scores_of_a_known_source(out, modules, tmp_path, capsys, bits):
    copy = tmp_path / "copy"
    options = [str(out), str(copy), "--allow-imports", "--code-bits", bits]
    _without_digests(out)
    _write(modules, 2.0)
    assert share(options) == 0
    assert _scores(copy) == [2.0, 2.0]
    assert _keys(copy) == {pinned("my_measure:measure", allow_imports=True)}
    # Its grid goes on there, and finds nothing to do.
    assert run_grid(GRID, out=copy, allow_imports=True).trained == 0
    forget()
    _write(modules, 3.0)
    assert share([str(copy), str(tmp_path / "again"), "--allow-imports"]) == 2
    assert "my_measure:measure was of another source" in capsys.readouterr().err
