"""Scores as they are read: typed, once as long as their file is the same, never what is stale."""

import numpy as np
import pytest

from bench.external_codes.arrays import check_codes
from bench.external_codes.commit import ExternalCodes, commit_codes, dataset_entry
from bench.grid.specs import DatasetSpec
from bench.store import Store, files

GRID = np.stack(np.meshgrid(np.arange(4), np.arange(3)), -1).reshape(-1, 2)
KL = {"column": "kl_per_dimension", "value": [0.5, 2.0]}
COUNT = {"column": "active_units", "value": 2, "chance": 0, "retry": True}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store", create=True)


@pytest.fixture
def run(store):
    codes = check_codes("x", GRID.astype(np.float32), None, GRID)
    reference = DatasetSpec(name="codes", options={"factors": codes.labels_digest})
    model = ExternalCodes("x", 0, codes, reference, dataset_entry(codes))
    return store.run(commit_codes(store, model, {}))


@pytest.fixture
def read(monkeypatch):
    """Return the names of the files whose JSON was read."""
    names = []

    def counted(path, *rest):
        names.append(path.name)
        return files.read_json(path, *rest)

    monkeypatch.setattr("bench.store.store.read_json", counted)
    return names


def test_scores_are_read_once_as_long_as_their_file_is_the_same(store, run, read):
    assert (store.scored(run).done, store.scored(run).kl) == (frozenset(), None)
    store.write_scores(run.run_id, run.codes_digest, {"kl": [KL], "count": [COUNT]})
    first = [store.scored(run) for _ in range(3)]
    assert {(scored.done, scored.kl) for scored in first} == {(frozenset({"kl"}), 2.5)}
    assert len(read) == 1
    # Another process has a store of its own.
    Store(store.folder).write_scores(run.run_id, run.codes_digest, {"kl": [{**KL, "value": [4.0]}]})
    read.clear()
    assert store.scored(run).kl == store.scored(run).kl == 4.0
    assert len(read) == 1
    (store.folder / "scores" / f"{run.run_id}.json").unlink()
    assert store.scored(run).kl is None


def test_scores_of_other_codes_are_none(store, run):
    store.write_scores(run.run_id, "other codes", {"kl": [KL]})
    assert store.scored(run).done == frozenset()
    assert store.entries(run.run_id, run.codes_digest) == {}


def test_a_count_is_read_as_the_integer_that_was_written(store, run):
    store.write_scores(run.run_id, run.codes_digest, {"count": [COUNT], "kl": [KL]})
    entries = store.entries(run.run_id, run.codes_digest)
    (count,), (kl,) = entries["count"], entries["kl"]
    assert [type(value) for value in (count.value, count.chance)] == [int, int]
    assert (kl.value, kl.warnings, kl.retry, count.retry) == ([0.5, 2.0], None, False, True)
