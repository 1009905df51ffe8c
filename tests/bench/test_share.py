"""A copy that is passed on: an output folder like any other, and nothing in it that is not so."""

import io
import json
import shutil
from contextlib import redirect_stdout

import numpy as np
import pandas as pd
import pytest

from bench import load_run, run_grid
from bench.errors import DeviceError
from bench.grid.packs import Execution
from bench.report import build
from bench.run import main as run_main
from bench.share import main, rounded, share
from bench.store.files import DamagedError, dump_json, read_json, write_text
from bench.store.folder import LockedError, StoreError
from bench.store.frames import read_frames
from bench.store.store import Store
from bench.store.stored_run import CODES
from metrics import kl_per_dimension

BASELINES = {"baseline_untrained", "baseline_random", "baseline_pca", "baseline_truth"}


@pytest.fixture
def original(small_store, tmp_path, monkeypatch):
    """Return an output folder of one's own, whose curves have thirty rows."""
    monkeypatch.setattr("bench.share.LEAST_ROWS", 7)
    return shutil.copytree(small_store, tmp_path / "original")


@pytest.fixture
def no_page(monkeypatch):
    """Build no page, which takes seconds, where nobody looks at it."""
    monkeypatch.setattr("bench.share.build", lambda store, **_: None)


def _tables(folder):
    return {path.name: path.read_bytes() for path in (folder / "tables").iterdir()}


def _runs(folder):
    return {run.run_id: run for run in Store(folder).runs()}


def _contents(folder):
    """Return all that is there, but for who held its lock last."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {path: path.read_bytes() for path in files}


def test_the_lowest_seed_of_a_model_may_keep_its_weights_in_half_precision(
    original, tmp_path, no_page
):
    share(original, tmp_path / "copy", weights=True)
    runs = _runs(tmp_path / "copy")
    trained = [run for run in runs.values() if run.spec.kind not in BASELINES]
    kept = {run.run_id for run in trained if run.has("model.pt")}
    lowest = {}
    for run in trained:
        lowest[run.group_id] = min(lowest.get(run.group_id, run), run, key=lambda r: r.spec.seed)
    assert kept == {run.run_id for run in lowest.values()}
    assert len(kept) < len(trained)
    for run_id in kept:
        exact, half = (load_run(f / "runs" / run_id) for f in (original, tmp_path / "copy"))
        size = (original / "runs" / run_id / "model.pt").stat().st_size
        assert (tmp_path / "copy" / "runs" / run_id / "model.pt").stat().st_size < 0.7 * size
        codes = exact.run.latents().means[:5]
        assert np.abs(exact.decode(codes) - half.decode(codes)).max() < 0.01
    # A copy of the copy has the same.
    share(tmp_path / "copy", tmp_path / "again", weights=True)
    assert {i for i, run in _runs(tmp_path / "again").items() if run.has("model.pt")} == kept


def test_an_exact_copy_has_the_same_tables_and_page_without_weights(original, tmp_path):
    before = _contents(original)
    page = share(original, tmp_path / "copy")
    copy = page.parent
    assert _tables(copy) == _tables(original)
    # All that a decoder has no part in.
    ours, theirs = (
        (folder / "report.html").read_text(encoding="utf-8") for folder in (copy, original)
    )
    assert ('id="decoder-' in ours, 'id="decoder-' in theirs) == (False, True)
    for start, end in (("claims", "models"), ("runs", None)):
        cut = [
            page.partition(f'class="section" id="{start}"')[2].partition(
                f'class="section" id="{end}"' if end else "</main>"
            )
            for page in (ours, theirs)
        ]
        assert cut[0][:2] == cut[1][:2]
        assert all(cut[0])
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
    assert page.read_text(encoding="utf-8") == ours
    # Nothing happened to the original.
    assert _contents(original) == before
    # Nothing is left beside it.
    assert {path.name for path in tmp_path.iterdir()} == {"original", "copy"}
    for identity, run in _runs(copy).items():
        if run.spec.kind == "vae":
            theirs = _runs(original)[identity]
            np.testing.assert_array_equal(run.latents().means, theirs.latents().means)
            assert run.codes_digest == theirs.codes_digest
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
            assert "shared" not in run.manifest.model_fields_set
            continue
        assert run.manifest.shared.model_dump(exclude_none=True) == {
            "code_bits": 4,
            "history_rows": 7,
        }
        expected = exact[identity].latents()
        np.testing.assert_allclose(run.latents().means, expected.means, rtol=2**-4)
        np.testing.assert_allclose(run.latents().logvars, expected.logvars, rtol=2**-4)
        assert (run.latents().means != expected.means).any()
        assert len(run.history()) == 6  # of 30 steps, five at a time
    for path in (copy / "frames").iterdir():
        found, whole = read_frames(path), read_frames(original / "frames" / path.name)
        assert np.array_equal(found.codes, rounded(whole.codes, 4))
        assert (found.codes != whole.codes).any()
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
    # And what else goes by their names.
    variants = [
        pd.read_csv(folder / "tables" / "variants.csv")[["run_id", "metric", "label"]]
        for folder in (copy, original)
    ]
    pd.testing.assert_frame_equal(*variants)
    text = (copy / "report.html").read_text()
    assert "4 significant bits" in text
    assert "7 rows at most" in text


def test_more_seeds_are_added_to_a_copy_and_no_baseline_is_made_again(
    original, tmp_path, small_grid
):
    copy = share(original, tmp_path / "copy", history_rows=7).parent
    small_grid["seeds"] = [0, 1, 2]
    # Its page has means of curves of seven and of thirty rows.
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
    assert {name: run.codes_digest for name, run in _runs(copy).items()} == {
        name: run.codes_digest for name, run in _runs(original).items()
    }


@pytest.mark.usefixtures("no_page")
def test_a_start_that_is_refused_loses_no_baseline(original, tmp_path, small_grid):
    copy = share(original, tmp_path / "copy").parent
    small_grid["metrics"].append("sap_score")
    before = _contents(copy / "runs")
    with pytest.raises(DeviceError):
        run_grid(small_grid, out=copy, execution=Execution(device="cuda"))
    assert _contents(copy / "runs") == before


@pytest.mark.usefixtures("no_page")
def test_baselines_are_made_again_as_they_were(original, tmp_path, small_grid):
    copy = share(original, tmp_path / "copy").parent
    small_grid["metrics"] = ["mig", "sap_score"]
    path = tmp_path / "grid.json"
    path.write_text(json.dumps(small_grid))
    listed = io.StringIO()
    with redirect_stdout(listed):
        assert run_main([str(path), "--out", str(copy), "--dry-run"]) == 0
    assert "12 runs: 6 done, 6 to do" in listed.getvalue()
    run_grid(small_grid, out=copy, execution=Execution(precision="bfloat16"))
    made = [run.precision for run in _runs(copy).values()]
    assert made == ["float32"] * 12


@pytest.mark.usefixtures("no_page")
def test_a_copy_of_a_copy_says_what_it_has(original, tmp_path):
    first = share(original, tmp_path / "first", code_bits=10).parent
    second = share(first, tmp_path / "second", code_bits=20, history_rows=7).parent
    assert {name: run.codes_digest for name, run in _runs(second).items()} == {
        name: run.codes_digest for name, run in _runs(first).items()
    }
    for run in _runs(second).values():
        lost = run.manifest.shared.model_dump(exclude_none=True)
        assert lost == ({} if run.is_baseline else {"code_bits": 10, "history_rows": 7})


@pytest.mark.usefixtures("no_page")
def test_a_copy_of_a_copy_keeps_baselines_that_lack_codes_and_a_score(original, tmp_path):
    first = share(original, tmp_path / "first").parent
    # As in a copy from before there was one of the scores that every run has.
    for run in _runs(first).values():
        path = first / "scores" / f"{run.run_id}.json"
        body = read_json(path)
        key = json.dumps(["posterior_std_per_dimension", {}])
        del body["scores"][key]
        write_text(path, dump_json(body))
    second = share(first, tmp_path / "second").parent
    assert _runs(second).keys() == _runs(first).keys()
    assert not Store(second).scan()[1]


def test_every_score_that_is_stored_is_computed_again(original, tmp_path, small_grid):
    # The last start asked for less than those before it, and nothing depends on its grid.
    small_grid["metrics"] = ["mig"]
    run_grid(small_grid, out=original)
    (original / "grid.json").unlink()
    copy = share(original, tmp_path / "copy", code_bits=12).parent
    ours, theirs = (
        pd.read_csv(folder / "tables" / "runs.csv").set_index("run_id")
        for folder in (copy, original)
    )
    assert {"udr", "modularity"} < set(theirs)
    pd.testing.assert_frame_equal(ours.notna(), theirs.notna())


@pytest.mark.usefixtures("no_page")
def test_codes_of_baselines_are_left_out_only_where_they_are_scored(original, tmp_path):
    runs = _runs(original)
    pca = next(run for run in runs.values() if run.spec.kind == "baseline_pca")
    (original / "scores" / f"{pca.run_id}.json").unlink()
    copy = share(original, tmp_path / "copy").parent
    assert [run.run_id for run in _runs(copy).values() if run.is_baseline and run.has(CODES)] == [
        pca.run_id
    ]


def test_pictures_that_nobody_could_make_again_are_asked_for(original, tmp_path):
    path = next((original / "frames").iterdir())
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(StoreError, match=f"no pictures of run {path.stem} yet"):
        share(original, tmp_path / "copy")
    assert [path.name for path in tmp_path.iterdir()] == ["original"]


@pytest.mark.usefixtures("no_page")
def test_nothing_from_outside_of_the_folder_is_copied(original, tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key.json").write_text(dump_json({"of": "mine", "scores": {}}))
    (original / "scores" / "groups" / "link.json").symlink_to(secret / "key.json")
    (original / "scores" / "note.txt").write_text("mine")
    (original / "failures").mkdir(exist_ok=True)
    (original / "failures" / "home").symlink_to(secret)
    copy = share(original, tmp_path / "copy").parent
    names = {path.name for path in copy.rglob("*")}
    assert not names & {"link.json", "note.txt", "home", "key.json"}


@pytest.mark.usefixtures("no_page")
def test_what_a_killed_copy_left_behind_is_cleared(original, tmp_path):
    left = Store(tmp_path / ".copy.unfinished", create=True)
    (left.folder / ".unfinished").touch()
    (left.folder / "runs" / "half").mkdir(parents=True)
    (left.folder / "grid.json").write_text("{")
    with left.lock(), pytest.raises(LockedError, match="unfinished: is in use"):
        share(original, tmp_path / "copy")
    assert left.folder.exists()
    share(original, tmp_path / "copy")
    assert {path.name for path in tmp_path.iterdir()} == {"original", "copy"}
    assert not (tmp_path / "copy" / "runs" / "half").exists()


@pytest.mark.usefixtures("no_page")
def test_an_output_folder_that_has_the_name_of_an_unfinished_copy_is_not_cleared(
    original, tmp_path
):
    other = tmp_path / ".copy.unfinished"
    shutil.copytree(original, other)
    names = {*other.rglob("*")}
    with pytest.raises(StoreError, match=r"unfinished: was not left behind by a copy; move it"):
        share(original, tmp_path / "copy")
    # Nor is the original, where it lies in there.
    shutil.copytree(original, other / "inner")
    (other / ".unfinished").touch()
    with pytest.raises(StoreError, match=r"inner: lies where the copy is made"):
        share(other / "inner", tmp_path / "copy")
    assert names <= {*other.rglob("*")}


def test_nothing_is_overwritten_and_nothing_half_written_is_left(original, tmp_path, capsys):
    target = tmp_path / "copy"
    target.mkdir()
    (target / "precious.txt").write_text("mine")
    assert main([str(original), str(target)]) == 2
    assert "is there already; remove it or name another folder" in capsys.readouterr().err
    assert [path.name for path in target.iterdir()] == ["precious.txt"]
    for inside in (original / "copy", original / "scores" / "copy"):
        with pytest.raises(StoreError, match="is inside of an output folder"):
            share(original, inside)
    with pytest.raises(StoreError, match=r"is not an output folder"):
        share(tmp_path, tmp_path / "other")
    with Store(original).lock(), pytest.raises(LockedError):
        share(original, tmp_path / "other")
    with pytest.raises(StoreError, match="cannot be used as output: Not a directory"):
        share(original, target / "precious.txt" / "other")
    with pytest.raises(SystemExit):
        main([str(original), str(tmp_path / "other"), "--workers", "0"])
    damaged = next(original.glob("runs/*/history.csv"))
    damaged.write_text(damaged.read_text().replace("1", "2", 1))
    assert main([str(original), str(tmp_path / "other")]) == 2
    assert "does not match its checksum" in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"original", "copy"}


@pytest.mark.parametrize(
    ("name", "value"), [("code_bits", 0), ("code_bits", 25), ("history_rows", 6)]
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
