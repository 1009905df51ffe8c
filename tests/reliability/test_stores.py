"""Stores of every version so far open in this one, with the tables that they had; others do not."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from bench import load_results
from bench.analysis.study import load_study
from bench.models.vae import VAE
from bench.report import main
from bench.store.files import DamagedError, dump_json, read_json
from bench.store.frames import read_frames
from bench.store.store import Store, StoreError
from bench.store.stored_run import read_run
from bench.tables.csv import write_tables

STORES = sorted(path for path in (Path(__file__).parent / "stores").glob("v*"))
SIZE_LIMIT = 200_000


@pytest.fixture(params=STORES, ids=lambda path: path.name)
def kept(request):
    return request.param


@pytest.fixture
def store(kept, tmp_path):
    """Return a copy: what opens a store may write to it."""
    shutil.copytree(kept / "store", tmp_path / "store")
    return Store(tmp_path / "store")


def _cells(path):
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def test_an_old_store_has_the_tables_that_it_had(kept, store):
    study = load_study(store)
    write_tables(store, study.tables)
    golden = sorted((kept / "tables").glob("*.csv"))
    assert golden
    for path in golden:
        expected, found = _cells(path), _cells(store.folder / "tables" / path.name)
        # A later version may know more columns; the old ones have the same text in every cell.
        assert found[list(expected)].equals(expected), path.name
    assert set(study.frames) == {path.stem for path in (kept / "store" / "frames").iterdir()}


def test_an_old_store_is_whole(store):
    runs = store.runs()
    assert len(runs) == len(store.run_folders())
    assert store.damaged(run.run_id for run in runs) == []
    assert len(store.failures()) == 1
    for run in runs:
        codes = run.latents()
        assert codes.means.shape == (len(codes.indices), len(run.latent_names))
    assert all(read_frames(path) is not None for path in (store.folder / "frames").iterdir())


def test_weights_of_an_old_store_still_fit(kept):
    shapes = json.loads((kept / "weights.json").read_text())
    model = VAE((1, 16, 16), 2, "burgess", [0])
    model.load_state_dict({name: torch.zeros(shape) for name, shape in shapes.items()})


def test_an_old_store_has_a_report(store):
    assert main([str(store.folder)]) == 0
    assert "Too short to compare methods: 4 of 4 runs" in (store.folder / "report.html").read_text()


def test_kept_stores_are_small(kept):
    sizes = [path.stat().st_size for path in kept.rglob("*") if path.is_file()]
    assert np.sum(sizes) < SIZE_LIMIT


def test_a_store_of_an_unknown_format_is_refused_by_name(store, capsys):
    marker = store.folder / "store.json"
    marker.write_text(dump_json({"software": "disbench", "format": 99}))
    for create in (True, False):
        with pytest.raises(StoreError, match=r"has store format 99, this version reads 1: use the"):
            Store(store.folder, create=create)
    assert main([str(store.folder)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {store.folder}: has store format 99")
    assert json.loads(marker.read_text())["format"] == 99


def test_a_run_of_an_unknown_format_is_refused_by_name(store):
    folder = store.run_folders()[0]
    manifest = read_json(folder / "manifest.json")
    (folder / "manifest.json").write_text(dump_json({**manifest, "format": 99}))
    with pytest.raises(DamagedError, match="has format 99, not 1"):
        read_run(folder)


def test_a_damaged_run_is_left_out_aloud(store, caplog):
    folder = store.run_folders()[0]
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"seed": 0', '"seed": 1', 1))
    runs = load_results(store.folder).runs
    assert folder.name not in set(runs["run_id"])
    assert f"left out: {folder}: is not a readable run" in caplog.text
    assert main([str(store.folder)]) == 0
    assert caplog.text.count(f"left out: {folder}") == 2
