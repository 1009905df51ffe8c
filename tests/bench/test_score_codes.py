"""Scores of codes that were made elsewhere: from files, and from a callable."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import datasets
from bench import load_results, score
from bench.errors import CodesError, GridError
from bench.run import main as run
from bench.score import main
from bench.score_codes import SLOW_ABOVE, _affordable
from bench.specs import SPEC_ADAPTER, Evaluation, group_id, run_id
from bench.store import Store
from bench.streams import evaluation_indices
from metrics import METRICS, mig, modularity

ROOT = Path(__file__).resolve().parents[2]
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
        (["seed0.npz", "--name", "x" * 101], "must have a name of 1 to 100"),
    ],
)
def test_bad_input_is_refused_in_a_line(files, tmp_path, capsys, arguments, message, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("other.npz", **_codes(0), factors=FACTORS[::-1], factor_names=["a", "b", "c"])
    (tmp_path / "again").mkdir()
    shutil.copy("seed0.npz", "again/seed0.npz")
    assert _main(*arguments, "--out", "out") == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert error.startswith("error: ")
    assert len(error.splitlines()) == 1


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


BALL = {"image_size": 16, "shape": "disc", "radius": 3, "grid_size": 8}


def _centre(images):
    """Encode a picture of a disc by where it is."""
    weights = images[:, 0] / images.sum((1, 2, 3))[:, None, None]
    axis = np.arange(images.shape[-1])
    x, y = (weights.sum(1) * axis).sum(1), (weights.sum(2) * axis).sum(1)
    return np.stack([x, y], 1) / 8 - 1, np.full((len(images), 2), -6.0)


def test_a_callable_is_scored_without_an_output_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ball = datasets.load("ball", **BALL)
    found = score(_centre, ball, metrics=["mig", "modularity"], batch_size=7)
    values = found.scores.set_index("metric")["value"]
    means, _ = _centre(ball.images(np.arange(64)))
    expected = mig(means.astype(np.float32), ball.factors(np.arange(64)))
    assert values["mig_histogram"] == pytest.approx(expected)
    assert values["mig_histogram"] > 0.9
    assert found.report is None
    assert [*tmp_path.iterdir()] == []
    details = found.details.set_index(["metric", "detail"])
    gaps = details.loc[("mig_histogram", "per_factor")]
    assert gaps["factor"].tolist() == [*ball.factor_names]
    assert gaps["value"].mean() == pytest.approx(values["mig_histogram"])
    assert details.loc[("modularity", "per_latent"), "latent"].tolist() == ["z0", "z1"]
    assert len(details.loc[("kl_per_dimension", "per_latent")]) == 2


def test_the_images_drawn_are_those_of_a_grid_and_repetitions_are_seeds():
    seen = []

    def keep(images):
        seen.append(images)
        return _centre(images)

    found = score([keep, _centre], "ball", metrics=["udr"], evaluation=40, seed=3, name="both")
    assert found.scores["seed"].drop_duplicates().tolist() == [0, 1]
    assert found.scores.set_index("metric").loc["udr", "value"].between(0, 1).all()
    assert set(found.scores["model"]) == {"both"}
    drawn = np.concatenate(seen)
    assert drawn.shape[0] == 40
    rows = evaluation_indices(Evaluation(images=40, seed=3), 32 * 32)
    np.testing.assert_array_equal(drawn, datasets.load("ball").images(rows))


def test_codes_stand_beside_the_runs_of_a_grid(small_store, tmp_path):
    folder = shutil.copytree(small_store, tmp_path / "store")
    ball = datasets.load("ball", **BALL)
    found = score(_centre, ball, metrics=["mig"], name="centre of mass", out=folder)
    assert found.report == folder / "report.html"
    tables = load_results(folder)
    mine = tables.runs[tables.runs["kind"] == "codes"].iloc[0]
    others = tables.runs[tables.runs["kind"] == "vae"]
    # One dataset, one table.
    assert {mine["dataset_options"]} == set(others["dataset_options"])
    assert mine["mig_histogram"] > 0.9
    assert "centre of mass" in found.report.read_text()
    assert len(Store(folder).runs()) == len(Store(small_store).runs()) + 1


def test_a_dataset_of_ones_own():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (len(FACTORS), 8, 8), dtype=np.uint8)
    images[:, 0, :3] = FACTORS * 20
    data = datasets.from_arrays(images, FACTORS, factor_names=["a", "b", "c"], name="dsprites")
    found = score(lambda x: (x[:, 0, 0, :3] / 20, None), data, metrics=["mig"])
    assert found.scores.set_index("metric").loc["mig_histogram", "value"] == pytest.approx(1)
    assert set(found.details["factor"].dropna()) >= {"a", "b", "c"}


@pytest.mark.parametrize(
    ("encode", "message"),
    [
        (lambda images: images[:, 0, 0, :2], "must return a pair"),
        (lambda images: (images[:1, 0, 0, :2], None), "must return means of shape"),
        (lambda images: (images[:, 0, 0], images[:, 0, 0, 0]), "must return logvars of shape"),
        (lambda images: (images[:, 0, 0] * np.nan, None), "means: has NaN"),
        (lambda images: (np.zeros((len(images), len(images))), None), "equally many latents"),
        ([], "is an empty list"),
    ],
)
def test_what_is_no_encoder_is_refused(encode, message):
    with pytest.raises(CodesError, match=message):
        score(encode, "ball", metrics=["mig"], evaluation=10, batch_size=7)


def test_unknown_metrics_and_evaluations_are_refused():
    with pytest.raises(GridError, match="unknown metric"):
        score(_centre, "ball", metrics=["migg"])
    with pytest.raises(CodesError, match="evaluation: must be"):
        score(_centre, "ball", evaluation=0)


@pytest.mark.parametrize(
    "first", ["import bench.scoring", "import bench.score", "from bench import score", "pass"]
)
def test_score_is_the_function_whatever_was_imported_and_knows_no_torch(first):
    code = (
        f"{first}\nimport sys, bench\nfrom bench import score\n"
        "encode = lambda images: (images[:, 0, 0, :2], None)\n"
        "for call in (score, bench.score):\n"
        "    assert len(call(encode, 'ball', metrics=['active_units'], evaluation=9).scores) == 2\n"
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
