"""A copy that is passed on: an output folder like any other, and nothing in it that is not so."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from bench import load_run, run_grid
from bench.files import DamagedError
from bench.report import build
from bench.share import main, rounded, share
from bench.store import LockedError, Store, StoreError
from bench.stored import CODES
from metrics import kl_per_dimension

BASELINES = {"baseline_untrained", "baseline_random", "baseline_pca", "baseline_truth"}


@pytest.fixture
def original(small_store, tmp_path):
    """Return an output folder of one's own."""
    return shutil.copytree(small_store, tmp_path / "original")


def _tables(folder):
    return {path.name: path.read_bytes() for path in (folder / "tables").iterdir()}


def _runs(folder):
    return {run.run_id: run for run in Store(folder).runs()}


def _contents(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_an_exact_copy_has_the_same_tables_and_page_without_weights(original, tmp_path):
    before = _contents(original)
    page = share(original, tmp_path / "copy")
    copy = page.parent
    assert _tables(copy) == _tables(original)
    assert page.read_bytes() == (original / "report.html").read_bytes()
    found = {path.name for path in copy.rglob("*") if path.is_file()}
    assert not found & {"model.pt", ".lock"}
    assert {path.name for path in copy.iterdir()} == {
        *("store.json", "grid.json", "runs", "scores", "frames", "tables", "report.html")
    }
    without = {run.spec.kind for run in _runs(copy).values() if not run.has(CODES)}
    assert without == BASELINES
    # The page is built from what is there, not copied.
    page.unlink()
    build(Store(copy))
    assert page.read_bytes() == (original / "report.html").read_bytes()
    # Nothing happened to the original.
    assert _contents(original) == before
    # Nothing is left beside it.
    assert {path.name for path in tmp_path.iterdir()} == {"original", "copy"}
    for identity, run in _runs(copy).items():
        if run.spec.kind == "vae":
            theirs = _runs(original)[identity]
            np.testing.assert_array_equal(run.latents().means, theirs.latents().means)
            assert run.codes == theirs.codes
            with pytest.raises(ValueError, match="its weights were left out"):
                load_run(run.folder)
        if run.spec.kind == "baseline_pca":
            with pytest.raises(DamagedError, match="its codes were left out"):
                run.latents()


def test_scores_of_rounded_codes_are_those_of_the_codes_in_the_copy(original, tmp_path):
    copy = share(original, tmp_path / "copy", code_bits=4, history_rows=7).parent
    exact, ours = _runs(original), _runs(copy)
    assert exact.keys() == ours.keys()
    for identity, run in ours.items():
        if run.is_baseline:
            assert "shared" not in run.manifest
            continue
        assert run.manifest["shared"] == {"code_bits": 4, "history_rows": 7}
        expected = exact[identity].latents()
        np.testing.assert_allclose(run.latents().means, expected.means, rtol=2**-4)
        np.testing.assert_allclose(run.latents().logvars, expected.logvars, rtol=2**-4)
        assert (run.latents().means != expected.means).any()
        assert len(run.history()) == 6  # of 30 steps, five at a time
    rows = pd.read_csv(copy / "tables" / "runs.csv").set_index("run_id")
    theirs = pd.read_csv(original / "tables" / "runs.csv").set_index("run_id")
    trained = rows["kind"] == "vae"
    for identity in rows.index[trained]:
        codes = ours[identity].latents()
        kl = float(kl_per_dimension(codes.means, codes.logvars).sum())
        assert rows.loc[identity, "kl"] == pytest.approx(kl, rel=1e-12)
        assert theirs.loc[identity, "kl"] != rows.loc[identity, "kl"]
        assert rows.loc[identity, "kl"] == pytest.approx(theirs.loc[identity, "kl"], rel=0.2)
    # Every score that the original has, and those of baselines are the same.
    pd.testing.assert_frame_equal(rows.notna(), theirs.notna())
    free = rows["kind"].isin(BASELINES)
    pd.testing.assert_frame_equal(rows[free], theirs[free])
    text = (copy / "report.html").read_text()
    assert "4 significant bits" in text
    assert "7 rows" in text


def test_more_seeds_are_added_to_a_copy_and_no_baseline_is_made_again(
    original, tmp_path, small_grid
):
    copy = share(original, tmp_path / "copy").parent
    small_grid["seeds"] = [0, 1, 2]
    summary = run_grid(small_grid, out=copy)
    assert (summary.trained, summary.failed) == (5, 0)  # three models, two baselines with a seed
    without = [run for run in _runs(copy).values() if not run.has(CODES)]
    assert {run.spec.seed for run in without} == {0, 1}


def test_baselines_are_made_again_for_another_metric_and_score_what_they_would_have(
    original, tmp_path, small_grid
):
    copy = share(original, tmp_path / "copy").parent
    small_grid["metrics"].append("sap_score")
    run_grid(small_grid, out=original)
    summary = run_grid(small_grid, out=copy)
    assert summary.failed == 0
    assert all(run.has(CODES) for run in _runs(copy).values())
    assert _tables(copy) == _tables(original)
    # Scores that were there are still of these codes: they are the same to the last bit.
    assert {name: run.codes for name, run in _runs(copy).items()} == {
        name: run.codes for name, run in _runs(original).items()
    }


def test_a_copy_of_a_copy(original, tmp_path):
    first = share(original, tmp_path / "first", code_bits=10).parent
    second = share(first, tmp_path / "second", history_rows=7).parent
    assert {name: run.codes for name, run in _runs(second).items()} == {
        name: run.codes for name, run in _runs(first).items()
    }
    shared = [r.manifest["shared"] for r in _runs(second).values() if not r.is_baseline]
    assert all(entry == {"code_bits": 10, "history_rows": 7} for entry in shared)


def test_nothing_is_overwritten_and_nothing_half_written_is_left(original, tmp_path, capsys):
    target = tmp_path / "copy"
    target.mkdir()
    (target / "precious.txt").write_text("mine")
    assert main([str(original), str(target)]) == 2
    assert "is there already; remove it or name another folder" in capsys.readouterr().err
    assert [path.name for path in target.iterdir()] == ["precious.txt"]
    with pytest.raises(StoreError, match=r"is not an output folder"):
        share(tmp_path, tmp_path / "other")
    with Store(original).lock(), pytest.raises(LockedError):
        share(original, tmp_path / "other")
    with pytest.raises(StoreError, match="cannot be used as output: Not a directory"):
        share(original, target / "precious.txt" / "other")
    damaged = next(original.glob("runs/*/history.csv"))
    damaged.write_text(damaged.read_text().replace("1", "2", 1))
    assert main([str(original), str(tmp_path / "other")]) == 2
    assert "does not match its checksum" in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"original", "copy"}


def test_rounding_needs_the_metrics_of_the_grid(original, tmp_path, capsys):
    grid = original / "grid.json"
    body = json.loads(grid.read_text())
    grid.unlink()
    assert main([str(original), str(tmp_path / "copy"), "--code-bits", "10"]) == 2
    assert "grid.json: is missing" in capsys.readouterr().err
    assert body["grid"]["metrics"]
    assert main([str(original), str(tmp_path / "copy")]) == 0
    assert capsys.readouterr().out == f"report: {tmp_path / 'copy' / 'report.html'}\n"


@pytest.mark.parametrize(
    ("name", "value"), [("code_bits", 0), ("code_bits", 25), ("history_rows", 0)]
)
def test_numbers_out_of_range(original, tmp_path, name, value):
    with pytest.raises(ValueError, match=name):
        share(original, tmp_path / "copy", **{name: value})


@pytest.mark.parametrize("bits", [1, 4, 10, 23, 24])
def test_rounded_values_are_the_nearest_of_so_many_bits(bits):
    values = np.random.default_rng(0).normal(0, 3, 2000).astype(np.float32)
    values = np.concatenate([values, np.float32([0.0, -0.0, 1.0, 1e-38, -1e38, 2e-42])])
    found = rounded(values, bits)
    assert found.dtype == np.float32
    exponent = np.frexp(values.astype(np.float64))[1]
    # So many bits and no more, and no further away than half a unit of the last.
    scaled = np.ldexp(np.frexp(found.astype(np.float64))[0], bits)
    np.testing.assert_array_equal(scaled, np.rint(scaled))
    error = np.abs(found.astype(np.float64) - values)
    assert (error <= np.ldexp(0.5, exponent - bits)).all()
    if bits == 24:
        np.testing.assert_array_equal(found, values)
