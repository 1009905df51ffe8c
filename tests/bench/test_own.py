"""docs/own.md from beginning to end: its grid, its promises, and a folder without the source."""

import shutil
import sys

import numpy as np
import pandas as pd
import pytest

from bench import load_results, load_run, run_grid
from bench.engines import EngineOptions, open_engine
from bench.errors import GridError, OwnCodeError
from bench.export import export
from bench.grid.yaml_text import read_yaml
from bench.report import main as report
from bench.run import main as run
from bench.scoring.tasks import each
from bench.share import main as share
from bench.store import Store
from tests.bench.own_examples import EXAMPLES, forget, write_modules

STEPS = 20
GRID = EXAMPLES["own.yaml"].replace("steps: 500", f"steps: {STEPS}").replace("[3, 5]", "[3]")
# A single page's worth of figures takes longer than all else.
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_figures")]


def test_an_example_is_thirty_lines_at_most():
    assert EXAMPLES.keys() == {
        *("my_losses.py", "my_nets.py", "my_rings.py", "my_metrics.py", "my_plots.py", "own.yaml")
    }
    for name, text in EXAMPLES.items():
        assert len(text.splitlines()) <= 30, name


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a folder with the modules and the output folder of the documented grid."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "modules").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.report.draw_all", lambda study: iter(()))
        forget()
        write_modules(folder / "modules")
        patch.syspath_prepend(folder / "modules")
        (folder / "own.yaml").write_text(GRID)
        options = [str(folder / "own.yaml"), "--out", str(folder / "out")]
        assert run(options) == 2
        assert not (folder / "out").exists()
        assert run([*options, "--allow-imports", "--workers", "1"]) == 0
    forget()
    return folder


@pytest.fixture
def copy(made, tmp_path):
    """Return a copy of the output folder, in a process that has no such modules."""
    forget()
    assert not any(str(made) in entry for entry in sys.path)
    shutil.copytree(made / "out", tmp_path / "out")
    return tmp_path / "out"


@pytest.fixture
def with_modules(made, tmp_path, monkeypatch):
    """Return a folder of modules that can be imported, as the documented grid was made with."""
    shutil.copytree(made / "modules", tmp_path / "modules")
    monkeypatch.syspath_prepend(tmp_path / "modules")
    yield tmp_path / "modules"
    forget()


def _runs(folder):
    runs = load_results(folder).runs
    return runs[runs["kind"].isin(["vae", "own"])]


def test_the_documented_grid_is_trained_scored_and_shown(made):
    runs = load_results(made / "out").runs
    trained = _runs(made / "out")
    assert len(trained) == 6
    assert trained[["mig_posterior", "kl", "spread"]].notna().all(axis=None)
    assert {label.split("@")[0] for label in trained["label"]} == {"VAE", "sparse"}
    assert len(set(trained["label"])) == 3
    assert set(runs["dataset"].str.split("@").str[0]) == {"my_rings:rings"}
    assert set(trained["objective"].dropna().str.split("@").str[0]) == {"my_losses:sparse"}
    assert set(trained["objective_options"].dropna()) == {
        f'{{"strength": {strength}, "warm_up": 100.0}}' for strength in (1.0, 4.0)
    }
    assert set(runs.loc[runs["kind"] == "baseline_untrained", "architecture"]) == {
        trained["architecture"].iloc[0]
    }
    assert [path.name for path in (made / "out" / "figures").iterdir()] == [
        "own-my-plots-kl-by-model.svg"
    ]
    page = (made / "out" / "report.html").read_text()
    assert '<details class="section" id="own-figures"' in page
    assert "KL of every model<br>The mean over seeds, in nats per image." in page
    # Pictures of the models are there, but no decoder.
    assert {path.stem for path in (made / "out" / "frames").iterdir()} <= set(trained["run_id"])
    assert len([*(made / "out" / "frames").iterdir()]) == 3
    assert '"widths"' not in page


def test_a_folder_is_read_and_reported_without_the_source(copy, caplog, capsys):
    tables = {p.name: p.read_bytes() for p in (copy / "tables").iterdir()}
    with caplog.at_level("WARNING"):
        assert report([str(copy)]) == 0
    assert caplog.messages == [
        "figure my_plots:kl_by_model is left out: my_plots:kl_by_model is code from outside; it "
        "is imported with --allow-imports, from Python with allow_imports=True"
    ]
    assert {p.name: p.read_bytes() for p in (copy / "tables").iterdir()} == tables
    assert [*(copy / "figures").iterdir()] == []
    assert "own-figures" not in (copy / "report.html").read_text()
    # One of the scores is by own code.
    assert share([str(copy), str(copy.with_name("shared")), "--code-bits", "8"]) == 2
    assert "is code from outside" in capsys.readouterr().err
    assert not copy.with_name("shared").exists()
    assert not [name for name in sys.modules if name.startswith("my_")]


def test_a_folder_is_passed_on_with_the_source_of_its_metric_alone(copy, with_modules):
    for path in with_modules.glob("my_*.py"):
        if path.name != "my_metrics.py":
            path.unlink()
    target = copy.with_name("shared")
    # Codes are rounded, so all scores are computed again: the factors are in the folder.
    assert share([str(copy), str(target), "--code-bits", "8", "--allow-imports"]) == 0
    assert _runs(target)[["mig_posterior", "spread"]].notna().all(axis=None)


def test_figures_come_back_with_permission(copy, with_modules):
    assert report([str(copy), "--allow-imports"]) == 0
    assert [path.name for path in (copy / "figures").iterdir()] == ["own-my-plots-kl-by-model.svg"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("raise SystemExit(1)", "SystemExit: 1"),
        ("return 3", "it must return a matplotlib Figure or None, not int"),
        ("return study.nothing", "AttributeError: 'Study' object has no attribute 'nothing'"),
    ],
)
def test_a_figure_that_fails_is_left_out(copy, with_modules, caplog, body, reason):
    write_modules(with_modules, my_plots=f"def kl_by_model(study):\n    {body}\n")
    with caplog.at_level("WARNING"):
        assert report([str(copy), "--allow-imports"]) == 0
    assert caplog.messages == [f"figure my_plots:kl_by_model is left out: {reason}"]


def test_a_figure_of_no_finished_run_is_left_out_with_that_reason(copy, with_modules, caplog):
    shutil.rmtree(copy / "runs")
    (copy / "runs").mkdir()
    with caplog.at_level("WARNING"):
        assert report([str(copy), "--allow-imports"]) == 0
    assert caplog.messages == ["figure my_plots:kl_by_model is left out: no run has finished"]


def test_a_score_is_not_shared_without_its_source_and_says_where_it_may_lie(copy, capsys):
    options = ["--code-bits", "8", "--allow-imports"]
    assert share([str(copy), str(copy.with_name("shared")), *options]) == 2
    assert (
        capsys.readouterr()
        .err.strip()
        .endswith(
            "metrics.0: my_metrics:spread cannot be imported: there is no module "
            "my_metrics; it has to be installed, in a folder of PYTHONPATH, or in the folder where "
            "you are"
        )
    )


def test_a_figure_changes_nothing_but_itself(copy, with_modules):
    page = (copy / "report.html").read_text()
    changes = "study.tables.runs.drop(columns='kl', inplace=True)"
    body = (
        f"    {changes}\n    study.tables.summary['label'] = 'forged'\n    study.frames.clear()\n"
    )
    write_modules(with_modules, my_plots=f"def kl_by_model(study):\n{body}")
    assert report([str(copy), "--allow-imports"]) == 0
    without = (copy / "report.html").read_text()
    assert "forged" not in without
    assert without.count('<div class="explorer') == page.count('<div class="explorer') > 0


def test_a_model_of_an_own_architecture_is_not_exported_and_the_message_says_what_to_do(
    copy, with_modules, tmp_path
):
    run = copy / "runs" / _runs(copy)["run_id"].iloc[0]
    with pytest.raises(OwnCodeError, match=r"cannot be exported: .*\.model\.members\[0\]"):
        export(run, tmp_path / "exported")
    assert not (tmp_path / "exported").exists()


def test_own_code_that_exits_fails_where_it_is_timed_and_says_why(
    copy, with_modules, tmp_path, capsys
):
    leave = "raise SystemExit('no')\n    "
    text = EXAMPLES["my_nets.py"].replace("channels, side, _", f"{leave}channels, side, _")
    write_modules(with_modules, my_nets=text)
    (tmp_path / "own.yaml").write_text(GRID)
    options = ["--allow-imports", "--dry-run", "--workers", "2", "--out", str(tmp_path / "new")]
    assert run([str(tmp_path / "own.yaml"), *options]) == 2
    said = capsys.readouterr().err
    assert "cannot time a step of vae on my_rings:rings@" in said
    assert said.endswith(": SystemExit: no\n")


def test_own_code_that_exits_while_pictures_are_made_costs_these_alone(copy):
    def leave(store, runs):
        raise SystemExit("no")

    store = Store(copy)
    runs = store.runs()[:2]
    with open_engine("local", EngineOptions(copy, 1)) as engine:
        failed = each(store, "decode", leave, [(run,) for run in runs], engine)
    assert failed == {run.run_id for run in runs}


def test_a_model_is_loaded_with_its_source_alone(copy, with_modules):
    folder = copy / "runs" / _runs(copy)["run_id"].iloc[0]
    with pytest.raises(OwnCodeError, match=r"is code from outside; .*allow_imports=True"):
        load_run(folder)
    loaded = load_run(folder, allow_imports=True)
    codes = loaded.run.latents()
    images = loaded.run.spec.dataset.load(allow_imports=True).images(codes.indices)
    means, logvars = loaded.encode(images)
    np.testing.assert_allclose(means, codes.means, atol=1e-5)
    np.testing.assert_allclose(logvars, codes.logvars, atol=1e-5)
    assert loaded.decode(means[:3]).shape == (3, 1, 32, 32)

    forget()
    write_modules(with_modules, my_nets=EXAMPLES["my_nets.py"].replace("16", "8"))
    with pytest.raises(OwnCodeError, match=rf"^{folder}: .* was of another source"):
        load_run(folder, allow_imports=True)
    (with_modules / "my_nets.py").unlink()
    with pytest.raises(OwnCodeError, match=rf"^{folder}: .* there is no module my_nets"):
        load_run(folder, allow_imports=True)


def test_what_is_done_is_done_and_a_changed_source_is_another_run(copy, with_modules):
    grid = read_yaml(GRID, "own.yaml")
    summary = run_grid(grid, out=copy, allow_imports=True)
    assert (summary.trained, summary.failed) == (0, 0)
    before = _runs(copy)
    write_modules(with_modules, my_losses=EXAMPLES["my_losses.py"] + "# Better.\n")
    summary = run_grid({**grid, "seeds": [0]}, out=copy, allow_imports=True)
    # Two strengths of one seed.
    assert (summary.trained, summary.failed) == (2, 0)
    after = _runs(copy)
    assert set(before["run_id"]) < set(after["run_id"])
    assert len(set(after["label"])) == 5
    # A grid that names none of it imports none of it, whatever the folder has.
    forget()
    (with_modules / "my_rings.py").unlink()
    plain = {**grid, "datasets": [], "models": [{"kind": "vae"}], "figures": [], "metrics": ["mig"]}
    plain |= {"train": {**grid["train"], "architecture": "burgess", "steps": 2}, "baselines": False}
    ball = {"name": "ball", "image_size": 16, "shape": "disc", "radius": 3, "grid_size": 8}
    assert run_grid({**plain, "datasets": [ball], "seeds": [0]}, out=copy).failed == 0
    assert not [name for name in sys.modules if name.startswith("my_")]


def test_what_fails_fails_alone_and_says_why(with_modules, tmp_path):
    head = "from bench.training.objective import Objective\nimport sys\n"
    losses = {"my_exit": "sys.exit(3)", "my_zero": "{}['a']"}
    bodies = {
        name: f"{head}own = Objective('c', lambda t, s: 0 * s['steps'], lambda t, c, s: {body})\n"
        for name, body in losses.items()
    }
    write_modules(with_modules, **bodies, my_net="def own(shape, n):\n    raise OSError('no')\n")
    own = [{"kind": "own", "objective": f"{name}:own"} for name in bodies]
    grid = read_yaml(GRID, "own.yaml")
    models = [*own, {"kind": "vae", "architecture": "my_net:own"}, {"kind": "vae"}]
    parts = {"models": models, "seeds": [0], "baselines": False, "figures": []}
    summary = run_grid({**grid, **parts}, out=tmp_path / "out", allow_imports=True)
    assert (summary.trained, summary.failed) == (1, 3)
    failures = pd.read_csv(tmp_path / "out" / "tables" / "failures.csv")
    assert set(failures["reason"]) == {"SystemExit: 3", "KeyError: 'a'", "OSError: no"}


def test_what_the_script_itself_defines_is_refused(with_modules, tmp_path):
    grid = {**read_yaml(GRID, "own.yaml"), "models": [{"kind": "own", "objective": "__main__:own"}]}
    with pytest.raises(GridError, match=r"models\.0\.objective: __main__:own is in the script"):
        run_grid(grid, out=tmp_path / "out", allow_imports=True)
