"""Many runs: what a start reads, and what it keeps in memory, grows with the runs and no faster.

`benchmarks/load.py` takes the time of ten thousand; here is what must hold on any machine.
"""

import os
import tracemalloc
from collections import Counter

import pandas as pd
import pytest

from bench import store as store_module
from bench.config import expand, parse_grid
from bench.pipeline import run_grid
from bench.report import build
from bench.store import Store
from benchmarks.load import grid

RUNS = 500
MEBIBYTE = 2**20


def test_ten_thousand_specs_take_little_memory():
    # What is loaded at the first use of anything is no part of it.
    expand(parse_grid(grid(4)))
    tracemalloc.start()
    try:
        specs = expand(parse_grid(grid(10_000)))
        used = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(specs) == 10_000
    assert used < 50 * MEBIBYTE


@pytest.mark.slow
def test_a_second_start_reads_every_run_once(tmp_path, monkeypatch):
    folder = tmp_path / "store"
    with monkeypatch.context() as patch:
        # Nothing here is about what a disk has.
        patch.setattr(os, "fsync", lambda file: None)
        first = run_grid(grid(RUNS), out=folder)
    made = len(expand(parse_grid(grid(RUNS))))
    assert (first.trained, first.failed) == (made, 0)
    assert made > 0.9 * RUNS
    tables = {path.name: path.read_bytes() for path in (folder / "tables").iterdir()}
    read = Counter()
    real = store_module.read_run

    def counting(place):
        read[place] += 1
        return real(place)

    monkeypatch.setattr(store_module, "read_run", counting)
    second = run_grid(grid(RUNS), out=folder)
    assert (second.trained, second.already_done, second.failed) == (0, made, 0)
    assert set(read.values()) == {1}
    assert len(read) == made
    assert {path.name: path.read_bytes() for path in (folder / "tables").iterdir()} == tables
    assert len(pd.read_csv(folder / "tables" / "runs.csv")) == made
    read.clear()
    build(Store(folder))
    assert set(read.values()) == {1}
    assert (folder / "report.html").stat().st_size < 2 * MEBIBYTE
