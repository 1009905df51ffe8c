"""What is to be done for a grid: one plan for a start and for a dry run."""

import shutil

from bench.grid.expand import expand
from bench.grid.identity import run_id
from bench.grid.load import parse_grid
from bench.grid.metric_requests import metric_requests
from bench.plan import plan
from bench.store.store import Store
from bench.store.stored_run import CURVES


def test_a_plan_tells_what_is_done_and_changes_nothing(small_grid, small_store, tmp_path):
    grid = parse_grid(small_grid)
    specs, requests = expand(grid), metric_requests(grid.metrics)
    nothing = plan(None, specs, requests)
    assert [*nothing.specs] == [run_id(spec) for spec in nothing.pending]
    assert nothing.done == set()

    copy = tmp_path / "copy"
    shutil.copytree(small_store, copy)
    store = Store(copy)
    whole = plan(store, specs, requests)
    assert (whole.done, whole.pending) == ({*whole.specs}, [])
    assert (whole.damaged, whole.outdated, whole.again) == ({}, {}, {})

    trained = next(run for run in whole.runs if run.spec.kind == "vae")
    (trained.folder / CURVES).write_bytes(b"no curves")
    torn = plan(store, specs, requests)
    assert [*torn.damaged] == [trained.folder]
    assert [run_id(spec) for spec in torn.pending] == [trained.run_id]
    assert trained.run_id not in {run.run_id for run in torn.runs}
    assert trained.folder.exists()
