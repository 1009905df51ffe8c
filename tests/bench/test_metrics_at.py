"""`metrics_at` in a grid: scores on the way from the workers to tables, figures and copies."""

import logging
import shutil

import pandas as pd
import pytest

from bench import load_results, run_grid
from bench.analysis.study import load_study
from bench.errors import GridError
from bench.grid.expand import expand
from bench.grid.identity import run_id
from bench.grid.load import parse_grid
from bench.plots import FIGURES, svg_text
from bench.report import build
from bench.share import share
from bench.store.store import Store
from bench.store.stored_run import ON_THE_WAY, WEIGHTS

from .conftest import SMALL_BALL

# One worker trains what all of these read.
pytestmark = [pytest.mark.usefixtures("no_figures"), pytest.mark.xdist_group("metrics_at")]
GRID = {
    "name": "on-the-way",
    "datasets": [SMALL_BALL],
    "seeds": [0, 1],
    "models": [{"kind": "vae"}, {"kind": "beta_vae", "beta": 4}],
    "train": {"steps": 12, "batch_size": 16, "n_latents": 4},
    "metrics": [{"name": "mig", "bootstrap": 3}, "modularity"],
    "baselines": True,
}
SCORED = {**GRID, "metrics_at": 3}
TABLE = "tables/scores_during_training.csv"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.report.draw_all", lambda study: iter(()))
        place = tmp_path_factory.mktemp("scored") / "store"
        assert run_grid(SCORED, out=place, workers=2).failed == 0
    return place


def test_a_tidy_table_has_every_model_step_and_metric(folder):
    tables = load_results(folder)
    found = tables.scores_during_training
    pd.testing.assert_frame_equal(pd.read_csv(folder / TABLE), found)
    trained = tables.runs[tables.runs["steps"].notna()]
    assert len(found) == len(trained) * 3 * 3
    assert {*found["run_id"]} == {*trained["run_id"]}
    assert {*found["step"]} == {1, 3, 12}
    # All images are evaluated here, so the last of them is the score.
    last = found[found["step"] == 12].pivot_table(index="run_id", columns="metric", values="value")
    for name in ("mig_histogram", "mig_posterior", "modularity"):
        assert last[name].to_dict() == trained.set_index("run_id")[name].to_dict()


def test_the_same_runs_are_trained_without_it_and_in_packs(folder, tmp_path):
    assert {*map(run_id, expand(parse_grid(SCORED)))} == {*map(run_id, expand(parse_grid(GRID)))}
    run_grid(GRID, out=tmp_path / "without")
    assert not (tmp_path / "without" / TABLE).exists()
    scored, without = Store(folder), Store(tmp_path / "without")
    for run in without.runs():
        other = scored.run(run.run_id)
        assert other.codes_digest == run.codes_digest
        if run.has(WEIGHTS):
            assert other.content(WEIGHTS) == run.content(WEIGHTS)
        assert run.scores_during_training() is None
    run_grid(SCORED, out=tmp_path / "packed", pack=4)
    packed = load_results(tmp_path / "packed").scores_during_training
    alone = load_results(folder).scores_during_training
    key = ["run_id", "step", "metric"]
    both = packed.merge(alone, on=key, validate="one_to_one")
    assert len(both) == len(alone) == len(packed)
    # A member of a pack has the same weights but for rounding.
    assert (both["value_x"] - both["value_y"]).abs().median() < 1e-3


def test_what_is_done_is_not_trained_again_and_it_is_said(folder, tmp_path, caplog):
    place = tmp_path / "store"
    run_grid({**GRID, "models": [{"kind": "vae"}]}, out=place)
    caplog.clear()
    caplog.set_level(logging.WARNING, "disbench")
    summary = run_grid(SCORED, out=place)
    assert (summary.trained, summary.failed) == (2, 0)
    assert "metrics_at: 2 of the runs that are done were trained without it" in caplog.text
    found = load_results(place)
    kinds = found.runs.set_index("run_id")["kind"]
    assert {*found.scores_during_training["run_id"].map(kinds)} == {"beta_vae"}
    caplog.clear()
    shutil.copytree(folder, tmp_path / "again")
    assert run_grid(SCORED, out=tmp_path / "again").trained == 0
    assert "metrics_at" not in caplog.text


def test_a_copy_has_them_and_a_damaged_file_is_not_believed(folder, tmp_path):
    share(folder, tmp_path / "copy")
    copied = load_results(tmp_path / "copy").scores_during_training
    pd.testing.assert_frame_equal(copied, load_results(folder).scores_during_training)
    shutil.copytree(folder, tmp_path / "damaged")
    file = next((tmp_path / "damaged" / "runs").glob(f"*/{ON_THE_WAY}"))
    file.write_text(file.read_text().replace("modularity", "modularitx", 1))
    (place,) = Store(tmp_path / "damaged").damaged([file.parent.name])
    assert place == file.parent
    assert run_grid(SCORED, out=tmp_path / "damaged").trained == 1


def test_a_table_of_earlier_runs_is_taken_away_with_them(folder, tmp_path):
    place = shutil.copytree(folder, tmp_path / "store")
    for path in (place / "runs").glob(f"*/{ON_THE_WAY}"):
        shutil.rmtree(path.parent)
    build(Store(place))
    assert not (place / TABLE).exists()


def test_the_figure_has_a_panel_for_every_metric_and_a_line_for_every_model(folder):
    study = load_study(Store(folder))
    (drawn,) = FIGURES["scores-during-training"].draw(study)
    assert drawn.alt.startswith("3 metrics against training step, mean over seeds, for 2 models on")
    panels = drawn.figure.axes[:3]
    titles = [axes.get_title() for axes in panels]
    assert titles == ["MIG (histogram)", "MIG (posterior)", "modularity"]
    scores = study.tables.scores_during_training
    runs = study.tables.runs
    for axes, metric in zip(panels, ("mig_histogram", "mig_posterior", "modularity"), strict=True):
        assert axes.get_xscale() == "log"
        assert len(axes.get_lines()) == 2
        for line, kind in zip(axes.get_lines(), ("vae", "beta_vae"), strict=True):
            members = runs.loc[runs["kind"] == kind, "run_id"]
            mine = scores[scores["run_id"].isin(members) & (scores["metric"] == metric)]
            assert [*line.get_xdata()] == [1, 3, 12]
            assert [*line.get_ydata()] == pytest.approx(
                [*mine.groupby("step")["value"].mean()], abs=1e-12
            )
    assert [text.get_text() for text in drawn.figure.axes[3].texts] == ["VAE", "β-VAE β=4"]
    assert svg_text(drawn.figure) == svg_text(drawn.figure)


@pytest.mark.parametrize("value", [0, -1, 101, 2.5, True, "8", [8]])
def test_what_is_no_number_of_steps_is_refused(value):
    with pytest.raises(GridError, match=r"^grid: metrics_at: must be") as caught:
        parse_grid({**GRID, "metrics_at": value})
    assert len(str(caught.value).splitlines()) == 1


def test_without_a_metric_to_compute_it_is_refused():
    for metrics in ([], ["udr"], ["kl_per_dimension"]):
        with pytest.raises(GridError, match=r"^grid: metrics_at: .* name a metric"):
            parse_grid({**SCORED, "metrics": metrics})
