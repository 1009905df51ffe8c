"""A fault at every single write, fsync and rename leaves the old state or the new one."""

import errno
import itertools
import shutil
from dataclasses import fields
from functools import partial

import numpy as np
import pytest

from bench import load_results, pipeline
from bench.grid.expand import expand
from bench.grid.identity import run_id
from bench.grid.load import parse_grid
from bench.store.files import WriteError, is_staged, read_json, write_text
from bench.store.frames import Frames, write_frames
from bench.store.results import Failure
from bench.store.store import Store, StoreError
from bench.tables.csv import write_table
from bench.training.checkpoints import Checkpoints
from tests.reliability import driver
from tests.reliability.driver import BALL
from tests.reliability.faults import PowerCut, faults_at
from tests.reliability.processes import needs_proc, tables

pytestmark = needs_proc
# A disk that is full, one that is broken, one that may not be written to; and no power.
ERRORS = {"ENOSPC": errno.ENOSPC, "EIO": errno.EIO, "EROFS": errno.EROFS, "power cut": None}
GRID = {
    "name": "faults",
    "datasets": [BALL],
    "seeds": [0, 1],
    "models": [{"kind": "vae"}],
    "train": {"steps": 1, "batch_size": 8, "n_latents": 2},
    "metrics": ["mig"],
}
SPECS = expand(parse_grid(GRID))


def _left_over(folder):
    found = [path for path in folder.rglob(".*") if is_staged(path)]
    return found + list(folder.glob(".staging/*"))


def _frames():
    return Frames(**{field.name: np.arange(3) for field in fields(Frames)})


def _commit(store):
    store.commit(driver.made(SPECS[1]), driver.record(SPECS[1]))


def _fail(store):
    store.commit(Failure(SPECS[1], "new"), driver.record(SPECS[1]))


def _checkpoint(store):
    Checkpoints(store.checkpoints / "pack.ckpt").save(1, b"new" * 1000)


def _failure_reason(store):
    return [failure["reason"] for failure in store.failures()]


# What is written, and how its state is read: the state before is that of the fresh folder.
WRITES = {
    "run": (_commit, lambda s: (s.has(run_id(SPECS[1])), _failure_reason(s))),
    "failure": (_fail, _failure_reason),
    "scores": (
        lambda s: s.write_scores("a", "codes", {"mig": [{"column": "mig", "value": 0.5}]}),
        lambda s: s.read_scores("a", "codes"),
    ),
    "checkpoint": (_checkpoint, lambda s: Checkpoints(s.checkpoints / "pack.ckpt").load()),
    "text": (
        lambda s: write_text(s.folder / "grid.json", "new"),
        lambda s: (s.folder / "grid.json").read_text(),
    ),
    "frames": (
        lambda s: write_frames(s.frames_path("a"), _frames()),
        lambda s: s.frames_path("a").exists() and s.frames_path("a").read_bytes(),
    ),
}


@pytest.fixture
def prepared(tmp_path):
    """Return a store with a run, a failure, a checkpoint and a grid in it."""
    store = Store(tmp_path / "prepared", create=True)
    store.commit(driver.made(SPECS[0]), driver.record(SPECS[0]))
    store.commit(Failure(SPECS[1], "old"), driver.record(SPECS[1]))
    Checkpoints(store.checkpoints / "pack.ckpt").save(1, b"old")
    write_text(store.folder / "grid.json", "old")
    return store.folder


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
@pytest.mark.parametrize("what", WRITES)
def test_a_fault_at_every_call_leaves_the_old_or_the_new(
    what, error, prepared, tmp_path, monkeypatch
):
    write, state = WRITES[what]
    old = state(Store(prepared))
    shutil.copytree(prepared, tmp_path / "new")
    write(Store(tmp_path / "new"))
    new = state(Store(tmp_path / "new"))
    assert old != new
    for n in itertools.count(1):
        folder = tmp_path / f"at{n}"
        shutil.copytree(prepared, folder)
        raised = None
        with faults_at(n, folder, error, monkeypatch) as faults:
            try:
                write(Store(folder))
            except (WriteError, PowerCut) as caught:
                raised = caught
        if faults.hit is None:
            break
        store = Store(folder)
        assert store.damaged([run_id(spec) for spec in SPECS]) == []
        assert state(store) in (old, new), faults.hit
        if error is not None:
            assert raised is None or str(folder) in str(raised)
            assert raised is None or "cannot be written" in str(raised)
            # Only what was to be removed and could not be is still there.
            assert not _left_over(folder) or faults.hit.startswith("unlink")
        with store.lock():
            assert _left_over(folder) == []
        write(store)
        assert state(store) == new, faults.hit
    # Open, write and rename are the least, and to wait for the file and the folder, but of scores.
    assert n > (3 if what == "scores" else 5)
    print(f"{what}: {n - 1} calls")


@pytest.mark.slow
@pytest.mark.endurance
@pytest.mark.parametrize("error", [errno.ENOSPC, None], ids=["ENOSPC", "power cut"])
def test_a_fault_at_every_call_of_a_whole_start_costs_nothing_but_that_start(
    error, tmp_path, monkeypatch
):
    monkeypatch.setattr(pipeline, "_execute", partial(driver.make, {}))
    monkeypatch.setattr(pipeline, "_decode", driver.undecoded)

    # One derived file stands for all: they are written by the same function.
    def build(store, runs, **options):
        write_table(store, "runs", load_results(store.folder).runs)

    monkeypatch.setattr("bench.report.build", build)
    assert pipeline.run_grid(GRID, out=tmp_path / "whole").failed == 0
    expected = tables(tmp_path / "whole")
    # Grids grow: one run was there before.
    pipeline.run_grid({**GRID, "seeds": [0]}, out=tmp_path / "prepared")
    (before,) = (tmp_path / "prepared" / "runs").iterdir()
    for n in itertools.count(1):
        folder = tmp_path / "out"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(tmp_path / "prepared", folder)
        raised = None
        with faults_at(n, folder, error, monkeypatch) as faults:
            try:
                pipeline.run_grid(GRID, out=folder)
            except (WriteError, StoreError, PowerCut) as caught:
                raised = caught
        assert error is None or raised is None or str(folder) in str(raised)
        if faults.hit is None:
            break
        store = Store(folder)
        assert store.damaged([before.name]) == []
        assert store.has(before.name)
        assert len(store.scan()[0]) in (1, 2)
        assert store.scan()[1] == {}
        summary = pipeline.run_grid(GRID, out=folder)
        assert summary.failed == 0, (faults.hit, raised)
        assert tables(folder) == expected, faults.hit
        assert _left_over(folder) == [], faults.hit
    assert n > 50
    print(f"a start: {n - 1} calls")


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
def test_a_first_start_that_fails_leaves_a_folder_that_can_be_used(error, tmp_path, monkeypatch):
    for n in itertools.count(1):
        folder = tmp_path / f"at{n}"
        raised = None
        with faults_at(n, folder, error, monkeypatch) as faults:
            try:
                Store(folder, create=True)
            except (StoreError, PowerCut) as caught:
                raised = caught
        assert error is None or raised is None or str(folder) in str(raised)
        if faults.hit is None:
            break
        with Store(folder, create=True).lock():
            assert _left_over(folder) == []
        assert read_json(folder / "store.json")["format"] == 1
    assert n > 4


def test_what_a_writer_left_is_nobody_elses_folder(tmp_path):
    # The least that says somebody's own: nothing of it is touched.
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / ".hidden").write_text("mine")
    with pytest.raises(StoreError, match="is not an output folder"):
        Store(tmp_path / "mine", create=True)
    assert (tmp_path / "mine" / ".hidden").read_text() == "mine"
