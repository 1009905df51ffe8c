"""A report is written anew if anything is not as it was, and by no start otherwise."""

import logging
import os
import shutil

import pytest

from bench.pipeline import run_grid
from bench.store import Folder, note_report, report_is_up_to_date, report_sources, up_to_date
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


def _another(path):
    shutil.copy2(path, path.with_stem("another"))


SOURCES = (
    *("runs/*/manifest.json", "runs/*/latents.h5", "runs/*/history.csv"),
    *("scores/*.json", "scores/*/*.json", "frames/*.h5"),
)
WRITTEN = ("tables/runs.csv", "figures/*.svg", "report.html")
CHANGES = {"touch": _touch, "lengthen": _lengthen, "remove": os.unlink, "add": _another}


def test_a_second_start_writes_nothing_of_the_report(copied, caplog):
    before = contents(copied)
    with caplog.at_level(logging.INFO, "disbench"):
        second = run_grid(GRID, out=copied)
    assert (second.trained, second.already_done, second.failed) == (0, 1, 0)
    assert "the report is up to date" in caplog.messages
    written = [path for path in before if path.relative_to(copied).parts[0] in CHECKED]
    assert len(written) > 20
    assert {path: before[path] for path in written} == {
        path: content for path, content in contents(copied).items() if path in written
    }


CHECKED = ("tables", "figures", "report.html", ".report.json", "runs", "scores", "frames")


@pytest.mark.parametrize("pattern", [*SOURCES, *WRITTEN])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_any_other_file_is_noticed(copied, pattern, change):
    folder = Folder(copied)
    assert report_is_up_to_date(folder, report_sources(folder, parquet=False))
    change(_one(copied, pattern))
    assert not report_is_up_to_date(folder, report_sources(folder, parquet=False)) or (
        # A page beside the page is nobody's.
        pattern == "report.html" and change is _another
    )


def test_a_failure_the_grid_the_name_and_the_form_are_noticed(copied):
    folder = Folder(copied)
    first = report_sources(folder, parquet=False)
    found = {first, report_sources(folder, parquet=True)}
    (copied / "failures").mkdir(exist_ok=True)
    (copied / "failures" / "x.json").write_text("{}")
    found.add(report_sources(folder, parquet=False))
    (copied / "grid.json").write_text("{}")
    found.add(report_sources(folder, parquet=False))
    (copied / "grid.json").unlink()
    found.add(report_sources(folder, parquet=False))
    found.add(report_sources(Folder(copied.rename(copied.with_name("other"))), parquet=False))
    assert len(found) == 6


def test_other_code_and_other_libraries_are_noticed(copied, monkeypatch):
    folder = Folder(copied)
    found = {report_sources(folder)}
    with monkeypatch.context() as patch:
        patch.setattr(up_to_date, "versions", lambda names: dict.fromkeys(names, "0"))
        found.add(report_sources(folder))
    # As if a package had other files.
    monkeypatch.setattr(up_to_date, "_PACKAGES", ("bench", "datasets"))
    found.add(report_sources(folder))
    assert len(found) == 3


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff", b'{"made_from": "x"}'])
def test_a_damaged_note_counts_as_none(copied, content):
    folder = Folder(copied)
    (copied / ".report.json").write_bytes(content)
    assert not report_is_up_to_date(folder, report_sources(folder))
    note_report(folder, report_sources(folder))
    assert report_is_up_to_date(folder, report_sources(folder))


def test_a_note_that_is_a_link_is_refused(copied, tmp_path):
    (copied / ".report.json").unlink()
    (copied / ".report.json").symlink_to(tmp_path / "precious.txt")
    with pytest.raises(StoreError, match=r"\.report\.json"), Store(copied).lock():
        pass


@pytest.mark.parametrize("lost", ["tables/runs.csv", "figures/*.svg", "report.html"])
def test_what_is_lost_is_written_again(copied, lost):
    path = _one(copied, lost)
    content = path.read_bytes()
    path.unlink()
    assert run_grid(GRID, out=copied).failed == 0
    assert path.read_bytes() == content
