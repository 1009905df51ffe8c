"""Many runs: what a start reads, and what it keeps in memory, grows with the runs and no faster.

`benchmarks/load.py` takes the time of ten thousand; here is what must hold on any machine.
"""

import os
import tracemalloc
from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bench.analysis.study import Study, load_study
from bench.grid.expand import expand
from bench.grid.load import parse_grid
from bench.page.render import render
from bench.pipeline import run_grid
from bench.plots import Drawn
from bench.report import build
from bench.store import store as store_module
from bench.store.store import Store
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


def _many(study, n_runs):
    """Return a study of so many runs with 25 metrics, all told of by each, a hundred of them shown.

    Nothing of it compresses: numbers differ from run to run, and pictures are noise.
    """
    rng = np.random.default_rng(0)
    tables = study.tables
    (shown,) = [name for name, frames in study.frames.items() if frames.traversals.size][:1]
    run = tables.runs[tables.runs["run_id"] == shown]
    names = [f"{i:016x}" for i in range(n_runs)]
    metrics = {f"a_metric_by_name_{i}": rng.random(n_runs) for i in range(25)}
    # Models of ten seeds.
    groups = [f"g{i // 10}" for i in range(n_runs)]
    settings = {"beta": rng.random(n_runs), "seed": range(n_runs), "run_id": names}
    settings |= {"group_id": groups, "label": groups}
    runs = run.loc[run.index.repeat(n_runs)].reset_index(drop=True)
    runs = pd.concat([runs.assign(**settings), pd.DataFrame(metrics)], axis=1)
    latents = [f"z{i}" for i in range(10)]
    kl = pd.DataFrame(
        {
            "run_id": np.repeat(names, len(latents)),
            "latent": np.tile(latents, n_runs),
            "kl": rng.random(n_runs * len(latents)),
        }
    )
    scores = tables.scores.iloc[:1]
    scores = scores.loc[scores.index.repeat(n_runs)].assign(
        run_id=names, value=np.nan, reason="the codes are not what this metric is for"
    )
    frames = study.frames[shown]
    noise = rng.integers(0, 256, (4, 11, 3, 32, 32), dtype=np.uint8)
    frames = replace(frames, traversals=noise)
    tables = replace(tables, runs=runs, kl_per_dimension=kl, scores=scores)
    return Study(tables, dict.fromkeys(names[::10][:100], frames))


@pytest.mark.slow
def test_a_page_of_ten_thousand_runs_stays_below_20_megabytes(tiny_store):
    study = _many(load_study(Store(tiny_store)), 10_000)
    drawings = [
        (
            "traversals",
            Drawn(
                name=f"t{i}", title="title", alt="words", figure=None, dataset="ball", run_id=name
            ),
            f"<svg >{'x' * 150_000}</svg>",
        )
        for i, name in enumerate([*study.frames])
    ]
    text = render(study, {"name": "many"}, drawings)
    assert 10_000_000 < len(text.encode()) < 20_000_000
    # All runs are there; of pictures, what there is room for, and the page says how many are not.
    assert text.count('<tr data-kind="') >= 10_000
    # One of them is on the first screen too.
    shown = text.count('<img class="sheet"') - 1
    assert 10 < shown < 100
    assert f"{100 - shown} of the models have nothing to move here" in text
    figures = text.count("<figure role")
    assert 10 < figures < 100
    assert text.count("1 more in <code>figures/</code>") == 100 - figures
    assert "900 further models are in the tables" in text
