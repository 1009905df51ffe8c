"""A report is written anew if anything is not as it was, and by no start otherwise."""

import logging
import os
import shutil

import pandas as pd
import pytest

from bench import pipeline
from bench.pipeline import run_grid
from bench.store import digest_of_sources, note_report, report_is_up_to_date, up_to_date
from bench.store.folder import StoreError
from bench.store.store import Store
from tests.bench.folders import contents
from tests.reliability.driver import BALL

GRID = {
    "name": "again",
    "datasets": [BALL],
    "seeds": [0],
    "models": [{"kind": "vae"}],
    "train": {"steps": 2, "batch_size": 16, "n_latents": 2},
    "metrics": [{"name": "mig", "n_bins": 4}],
    "evaluation": {"images": 32},
}


UP_TO_DATE = "the report is up to date"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return an output folder of which no start has anything left to do."""
    folder = tmp_path_factory.mktemp("again") / "store"
    assert run_grid(GRID, out=folder).failed == 0
    return folder


@pytest.fixture
def copied(made, tmp_path):
    """Return a copy of it, with the times of its files, to be changed at will."""
    return shutil.copytree(made, tmp_path / "store")


def _one(folder, pattern):
    return sorted(folder.glob(pattern))[0]


def _touch(path):
    """Give a file another time, as whoever writes it does; its content stays."""
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))


def _lengthen(path):
    """Change a file and keep its time."""
    status = path.stat()
    path.write_bytes(path.read_bytes() + b" ")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _flip(path):
    """Change a bit of a file and keep its time, as a disk may."""
    status = path.stat()
    content = path.read_bytes()
    path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _another(path):
    shutil.copy2(path, path.with_stem("another"))


STORED = (
    *("runs/*/manifest.json", "runs/*/latents.h5", "runs/*/history.csv"),
    *("scores/*.json", "scores/*/*.json", "frames/*.h5"),
)
WRITTEN = ("tables/runs.csv", "figures/*.svg")
PAGE = ("report.html",)
CHANGES = {"lengthened": _lengthen, "removed": os.unlink, "added": _another}
CASES = [
    *((pattern, change) for pattern in STORED for change in ("touched", *CHANGES)),
    *((pattern, change) for pattern in WRITTEN for change in ("flipped", *CHANGES)),
    *((pattern, change) for pattern in PAGE for change in ("flipped", "lengthened", "removed")),
]
CHANGES |= {"touched": _touch, "flipped": _flip}


def _sources(folder, **options):
    store = Store(folder)
    return digest_of_sources(store, store.runs(), **options)


def test_a_second_start_writes_nothing_of_the_report(copied, caplog):
    before = contents(copied)
    with caplog.at_level(logging.INFO, "disbench"):
        second = run_grid(GRID, out=copied)
    assert (second.trained, second.already_done, second.failed) == (0, 1, 0)
    assert UP_TO_DATE in caplog.messages
    after = contents(copied)
    files = {path for path in before if path.is_file()}
    assert len(files) > 20
    # The holder of the lock, and the grid of the last start.
    assert {path.name for path in files if before[path] != after[path]} <= {".lock", "grid.json"}


@pytest.mark.parametrize(("pattern", "change"), CASES)
def test_any_other_file_is_noticed(copied, pattern, change):
    store = Store(copied)
    runs = store.runs()
    assert report_is_up_to_date(store, digest_of_sources(store, runs))
    CHANGES[change](_one(copied, pattern))
    assert not report_is_up_to_date(store, digest_of_sources(store, runs))


def test_a_failure_the_grid_and_the_form_are_noticed(copied):
    store = Store(copied)
    runs = store.runs()
    found = {digest_of_sources(store, runs), digest_of_sources(store, [])}
    (copied / "failures").mkdir(exist_ok=True)
    (copied / "failures" / "x.json").write_text("{}")
    found.add(digest_of_sources(store, runs))
    (copied / "grid.json").write_text("{}")
    found.add(digest_of_sources(store, runs))
    (copied / "grid.json").unlink()
    found.add(digest_of_sources(store, runs))
    assert len(found) == 5


def test_other_code_and_other_libraries_are_noticed(copied, monkeypatch):
    found = {_sources(copied)}
    with monkeypatch.context() as patch:
        patch.setattr(up_to_date, "versions", lambda names: dict.fromkeys(names, "0"))
        found.add(_sources(copied))
    monkeypatch.setattr(up_to_date, "_CODE", "of another version")
    found.add(_sources(copied))
    assert len(found) == 3


def test_where_the_folder_lies_changes_nothing(copied, tmp_path, monkeypatch):
    expected = _sources(copied)
    moved = copied.rename(tmp_path / "moved")
    assert _sources(moved) == expected
    monkeypatch.chdir(moved)
    assert _sources(".") == expected


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff", b'{"made_from": "x"}'])
def test_a_damaged_note_counts_as_none(copied, content):
    store, made_from = Store(copied), _sources(copied)
    (copied / ".made_from.json").write_bytes(content)
    assert not report_is_up_to_date(store, made_from)
    note_report(store, made_from)
    assert report_is_up_to_date(store, made_from)


def test_a_note_that_is_a_link_is_refused(copied, tmp_path):
    (copied / ".made_from.json").unlink()
    (copied / ".made_from.json").symlink_to(tmp_path / "precious.txt")
    with pytest.raises(StoreError, match=r"\.made_from\.json"), Store(copied).lock():
        pass


@pytest.mark.parametrize("lost", ["tables/runs.csv", "figures/*.svg", "report.html"])
def test_what_is_lost_is_written_again(copied, lost):
    path = _one(copied, lost)
    content = path.read_bytes()
    path.unlink()
    assert run_grid(GRID, out=copied).failed == 0
    assert path.read_bytes() == content


def test_a_run_that_comes_in_while_a_start_is_at_work_is_in_the_next_report(
    copied, tmp_path, monkeypatch, no_figures
):
    other = tmp_path / "other"
    run_grid({**GRID, "seeds": [1]}, out=other)
    real = pipeline._decode_shown

    def copying(*given):
        shutil.copytree(other / "runs", copied / "runs", dirs_exist_ok=True)
        return real(*given)

    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "_decode_shown", copying)
        run_grid(GRID, out=copied)
    assert len(pd.read_csv(copied / "tables" / "runs.csv")) == 1
    run_grid(GRID, out=copied)
    assert len(pd.read_csv(copied / "tables" / "runs.csv")) == 2


def test_what_is_warned_of_is_said_at_every_start(copied, caplog, no_figures):
    (copied / "failures").mkdir(exist_ok=True)
    (copied / "failures" / "x.json").write_text("{}")
    for _ in range(2):
        caplog.clear()
        run_grid(GRID, out=copied)
        assert "is left out" in caplog.text
        assert UP_TO_DATE not in caplog.messages


def test_scores_that_are_the_same_keep_their_file(copied):
    store = Store(copied)
    (run,) = store.runs()
    scores = store.read_scores(run.run_id, run.codes_digest)
    before = contents(copied / "scores")
    store.write_scores(run.run_id, run.codes_digest, scores)
    assert contents(copied / "scores") == before
    store.write_scores(run.run_id, run.codes_digest, {})
    assert store.read_scores(run.run_id, run.codes_digest) == {}
