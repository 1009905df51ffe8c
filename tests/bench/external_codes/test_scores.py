"""Scores of codes that were made elsewhere: from files, and from a callable."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench import load_results, score
from bench.errors import CodesError
from bench.external_codes.scores import SLOW_ABOVE, _affordable
from bench.grid.identity import group_id, run_id
from bench.grid.specs import SPEC_ADAPTER
from bench.run import main as run
from bench.score import main
from metrics import METRICS, mig, modularity

ROOT = Path(__file__).resolve().parents[3]
FACTORS = np.indices((6, 8, 5)).reshape(3, -1).T
FAST = "mig,modularity,udr"


def _codes(seed):
    """Return near-perfect codes of three factors, and a latent of noise."""
    noise = np.random.default_rng(seed).standard_normal((len(FACTORS), 4))
    means = (
        np.hstack([FACTORS / FACTORS.max(0) * 2 - 1, np.zeros((len(FACTORS), 1))]) + 0.01 * noise
    )
    return {"means": means.astype(np.float32), "logvars": np.full(means.shape, -5, np.float32)}


@pytest.fixture
def files(tmp_path):
    """Return the paths of three files of codes, seeds of one model."""
    paths = [tmp_path / f"seed{seed}.npz" for seed in range(3)]
    for seed, path in enumerate(paths):
        np.savez(path, **_codes(seed), factors=FACTORS, factor_names=["a", "b", "c"])
    return paths


def _main(*arguments):
    return main([str(argument) for argument in arguments])


def test_files_are_seeds_of_one_model_with_the_values_of_the_metrics(files, tmp_path, capsys):
    out = tmp_path / "out"
    assert _main(*files, "--name", "mine_β", "--out", out, "--metrics", FAST) == 0
    assert f"report: {out / 'report.html'}" in capsys.readouterr().out
    tables = load_results(out)
    runs = tables.runs
    assert runs["label"].tolist() == ["mine_β"] * 3
    assert runs["seed"].tolist() == [0, 1, 2]
    assert runs["group_id"].nunique() == 1
    for seed, row in runs.set_index("seed").iterrows():
        codes = _codes(seed)
        assert row["mig_histogram"] == pytest.approx(mig(codes["means"], FACTORS))
        assert row["modularity"] == pytest.approx(modularity(codes["means"], FACTORS))
    # Group level: several seeds of one model.
    assert runs["udr"].between(0, 1).all()
    summary = tables.summary.set_index("metric")
    assert summary.loc["mig_histogram", "n_seeds"] == 3
    assert summary.loc["mig_histogram", "ceiling"] == pytest.approx(1)
    page = (out / "report.html").read_text()
    assert "mine_β" in page
    assert "Codes from elsewhere" in page
    assert "mine\\_$\\beta$" in next((out / "tables").glob("*.tex")).read_text()


def test_a_file_is_a_model_of_its_own_without_a_name(files, tmp_path):
    out = tmp_path / "out"
    assert _main(*files[:2], "--out", out, "--metrics", FAST) == 0
    tables = load_results(out)
    assert tables.runs["label"].tolist() == ["seed0", "seed1"]
    assert tables.runs["seed"].tolist() == [0, 0]
    lonely = tables.scores[tables.scores["metric"] == "udr"]
    assert lonely["value"].isna().all()
    assert lonely["reason"].str.contains("several seeds of one model").all()


def test_a_second_start_scores_what_is_new_and_forgets_old_reasons(files, tmp_path):
    out = tmp_path / "out"
    common = ("--name", "mine", "--out", out)
    assert _main(files[0], *common, "--metrics", FAST) == 0
    (first,) = (out / "runs").iterdir()
    written = (first / "manifest.json").stat().st_mtime_ns
    assert _main(*files, *common, "--metrics", FAST) == 0
    assert (first / "manifest.json").stat().st_mtime_ns == written
    tables = load_results(out)
    assert tables.runs["udr"].notna().all()
    assert not tables.scores.duplicated(["run_id", "metric"]).any()


def test_what_data_do_not_allow_has_a_reason(tmp_path):
    codes = _codes(0)
    np.savez(tmp_path / "points.npz", means=codes["means"], factors=FACTORS)
    np.savez(tmp_path / "unlabelled.npz", **codes)
    out = tmp_path / "out"
    paths = tmp_path / "points.npz", tmp_path / "unlabelled.npz"
    assert _main(*paths, "--out", out, "--metrics", "mig,gaussian_total_correlation") == 0
    tables = load_results(out)
    joined = tables.scores.merge(tables.runs[["run_id", "label"]], on="run_id")
    found = joined.set_index(["label", "metric"])
    assert found.loc[("points", "mig_posterior"), "reason"] == "the run has no logvars"
    assert found.loc[("points", "kl_per_dimension"), "reason"] == "the run has no logvars"
    assert found.loc[("points", "mig_histogram"), "value"] > 0.8
    assert found.loc[("unlabelled", "mig_histogram"), "reason"] == "the run has no factors"
    assert found.loc[("unlabelled", "gaussian_total_correlation"), "value"] >= 0
    # Other factors, other data: no table has both.
    assert tables.runs["dataset_options"].nunique() == 2


def test_seeds_without_logvars_have_no_group_score(tmp_path):
    paths = [tmp_path / f"{seed}.npz" for seed in range(2)]
    for seed, path in enumerate(paths):
        np.savez(path, means=_codes(seed)["means"], factors=FACTORS)
    assert _main(*paths, "--name", "m", "--out", tmp_path / "out", "--metrics", "udr") == 0
    scores = load_results(tmp_path / "out").scores.set_index("metric")
    assert (scores.loc["udr", "reason"] == "the run has no logvars").all()


def test_slow_metrics_are_left_out_of_many_images_unless_they_are_named():
    wanted, reasons = _affordable(None, max(SLOW_ABOVE.values()) + 1)
    assert {request.name for request in wanted} == METRICS.keys() - SLOW_ABOVE.keys()
    assert reasons.keys() == SLOW_ABOVE.keys()
    assert "more than 50,000 images" in reasons["dci"]
    wanted, reasons = _affordable(None, 1_000)
    assert {request.name for request in wanted} == METRICS.keys()
    assert not reasons


def test_other_codes_of_a_name_and_seed_are_refused(files, tmp_path, capsys):
    common = ("--name", "mine", "--out", tmp_path / "out", "--metrics", "mig")
    assert _main(files[0], *common) == 0
    assert _main(files[1], *common) == 2
    message = capsys.readouterr().err
    assert "has other codes of 'mine', seed 0" in message
    assert "--name" in message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.npz"], "nothing.npz: is not there"),
        (["seed0.npz", "--metrics", "migg"], "--metrics: metrics.0: unknown metric 'migg'"),
        (["seed0.npz", "other.npz", "--name", "m"], "other.npz: factors: must be those of"),
        (["seed0.npz", "again/seed0.npz"], "another file is called seed0"),
        (
            ["seed0.npz", "less.npz", "--name", "m"],
            "less.npz: means: has 2 latents, seed0.npz has 4",
        ),
        (["continuous.npz"], "column 'factor_0' has 240 different values in 240 images"),
        *[
            (
                ["seed0.npz", option, name],
                f"must have a name of 1 to 100 printable letters ({option}",
            )
            for option in ("--name", "--dataset")
            for name in ("", " ", "x" * 101, "β" * 300, "a\nb", "\udcff", "a\x1b")
        ],
    ],
)
def test_bad_input_is_refused_in_a_line(files, tmp_path, capsys, arguments, message, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("less.npz", means=_codes(0)["means"][:, :2], factors=FACTORS)
    np.savez("continuous.npz", **_codes(0), factors=np.arange(len(FACTORS)) / 7)
    np.savez("other.npz", **_codes(0), factors=FACTORS[::-1], factor_names=["a", "b", "c"])
    (tmp_path / "again").mkdir()
    shutil.copy("seed0.npz", "again/seed0.npz")
    assert _main(*arguments, "--out", "out") == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert error.startswith("error: ")
    assert len(error.splitlines()) == 1
    # Refused before anything is stored.
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "name",
    [
        *("../../x", "..", ".", "/abs", "a/b", "a\\b", ".hidden", "-option", "~root", "x.", "x "),
        *("CON", "nul.txt", "com1", "a:b", "a?", "𝔅" * 64),
    ],
)
def test_without_out_nothing_is_written_outside_of_results(
    name, files, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    before = {*tmp_path.rglob("*")}
    assert _main("seed0.npz", f"--name={name}") == 2
    assert (
        "cannot be the name of a folder in results; name one with --out" in capsys.readouterr().err
    )
    assert {*tmp_path.rglob("*")} == before


@pytest.mark.parametrize("stem", ["con", "-x", "a b:c", os.fsdecode(b"x\xff")])
def test_the_name_of_a_file_is_no_folder_of_any_name_either(
    stem, files, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    shutil.copy("seed0.npz", f"{stem}.npz")
    assert _main("--", f"{stem}.npz") == 2
    assert "name" in capsys.readouterr().err
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("option", ["--workers", "--factor-bins"])
@pytest.mark.parametrize("value", ["0", "-1", "1.5", "x", "99999999999999999999"])
def test_numbers_out_of_range_are_refused_as_they_are_read(option, value, files, capsys):
    with pytest.raises(SystemExit) as caught:
        _main(files[0], f"{option}={value}")
    assert caught.value.code == 2
    assert f"argument {option}: must be a whole number" in capsys.readouterr().err


def test_paths_have_homes(files, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    # Names of metrics may have blanks between them.
    assert _main("~/seed0.npz", "--out", "~/out", "--metrics", "active_units, modularity") == 0
    assert (tmp_path / "out" / "report.html").exists()
    for arguments in (["~nosuchuser/x.npz"], [files[0], "--out", "~nosuchuser/x"]):
        with pytest.raises(SystemExit):
            _main(*arguments)
        assert "there is no user of that name" in capsys.readouterr().err
    with pytest.raises(CodesError, match="out: must be a path"):
        score(len, "ball", out="~nosuchuser/x")


def test_continuous_factors_are_scored_in_bins(tmp_path):
    rng = np.random.default_rng(0)
    factors = rng.uniform(-1, 1, (2000, 2))
    path = tmp_path / "angles.npz"
    np.savez(path, means=factors + 0.001 * rng.standard_normal((2000, 2)), factors=factors)
    common = ("--metrics", "mig", "--out", tmp_path / "out")
    assert _main(path, "--factor-bins", 20, *common) == 0
    scores = load_results(tmp_path / "out").scores.set_index("metric")
    # With a label of its own for every image it is 0.0003.
    assert scores.loc["mig_histogram", "value"] > 0.8


def test_what_is_said_of_collapsed_codes_is_so(tmp_path, capsys):
    factors = np.indices((3, 4, 5)).reshape(3, -1).T
    dead = np.zeros((60, 3))
    np.savez(tmp_path / "dead.npz", means=dead, logvars=dead, factors=factors)
    names = "smoothness,trustworthiness,irs,mig,kl_per_dimension,factor_regression"
    assert _main(tmp_path / "dead.npz", "--out", tmp_path / "out", "--metrics", names) == 0
    lines = capsys.readouterr().out.splitlines()
    said = dict(line.split(": ", 1) for line in lines)
    assert said["smoothness"].startswith("collapsed: no latent has more than 0.1 nat")
    assert said["trustworthiness"].startswith("all latents are constant")
    # Only these have a number for each latent.
    assert {name for name, text in said.items() if "kl_per_dimension.csv" in text} == {
        "kl_per_dimension",
        "posterior_std_per_dimension",
    }
    assert said["mig_histogram"] == "0.0000"
    assert "warning: all latents are constant: the score is 0 (irs)" in lines


def test_the_seed_and_the_content_are_no_part_of_a_group():
    values = {
        "kind": "codes",
        "dataset": {"name": "codes", "options": {"factors": "00"}},
        "name": "mine",
        "content": "0" * 64,
    }
    one = SPEC_ADAPTER.validate_python(values)
    other = SPEC_ADAPTER.validate_python({**values, "seed": 1, "content": "1" * 64})
    named = SPEC_ADAPTER.validate_python({**values, "name": "yours"})
    assert group_id(one) == group_id(other) != group_id(named)
    assert len({run_id(one), run_id(other), run_id(named)}) == 3


def test_a_grid_has_no_codes(tmp_path, capsys):
    path = tmp_path / "grid.yaml"
    path.write_text("name: g\ndatasets: [ball]\nseeds: [0]\nmodels: [{kind: codes}]\n")
    assert run([str(path), "--out", str(tmp_path / "out")]) == 2
    assert "models.0.kind" in capsys.readouterr().err


@pytest.mark.parametrize(
    "first", ["import bench.scoring.runs", "import bench.score", "from bench import score", "pass"]
)
def test_score_is_the_function_whatever_was_imported_and_knows_no_torch(first):
    code = (
        f"{first}\nimport sys, bench\nfrom bench import score\n"
        "encode = lambda images: (images[:, 0, 0, :2], None)\n"
        "for call in (score, bench.score):\n"
        "    assert len(call(encode, 'ball', metrics=['active_units'], evaluation=9).scores) == 3\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_the_command_knows_no_torch(files, tmp_path):
    code = (
        "import sys; from bench.score import main; "
        f"code = main(['{files[0]}', '--out', '{tmp_path / 'out'}', '--metrics', 'mig']); "
        "sys.exit(code or 'torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)
