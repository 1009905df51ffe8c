"""A grid on a Ray cluster that loses a node and its driver, and is stopped by signals."""

import json
import os
import random
import signal
import time
from functools import partial

import pandas as pd
import pytest
from ruamel.yaml import YAML

from bench import pipeline, report
from bench.store.files import is_staged
from bench.store.store import Store
from tests.cluster import Cluster
from tests.reliability import driver
from tests.reliability.driver import BALL
from tests.reliability.processes import HANG, needs_proc, start, tables, wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.endurance,
    pytest.mark.timeout(5 * HANG),
    pytest.mark.xdist_group("ray"),
    needs_proc,
]
RUNS = 40


def _grid(path, n_seeds):
    grid = {
        "name": "cluster",
        "datasets": [BALL],
        "seeds": [*range(n_seeds)],
        "models": [{"kind": "vae"}, {"kind": "beta_vae", "beta": 4}],
        "train": {"steps": 1, "batch_size": 8, "n_latents": 2},
        "metrics": ["mig"],
    }
    with path.open("w") as file:
        YAML().dump(grid, file)
    return path


def _start(cluster, grid, out, log, **wishes):
    """Start a driver on the cluster."""
    options = ("--out", out, "--engine", "ray", "--address", cluster.address, "--device", "cpu")
    wishes = {"made": True, "undrawn": True, "patient": True, "log": str(log), **wishes}
    return start(grid, *options, **wishes)


def _committed(out):
    return {path.name for path in out.glob("runs/[!.]*")}


def _begun(log):
    return log.read_text().split() if log.exists() else []


def test_a_node_and_then_the_driver_are_killed_and_no_run_is_lost_or_double(
    cluster, tmp_path, monkeypatch
):
    seed = random.SystemRandom().randrange(2**32)
    rng = random.Random(seed)  # noqa: S311 - moments, no secrets
    grid, out = _grid(tmp_path / "grid.yaml", RUNS // 2), tmp_path / "out"
    logs = [tmp_path / "first.log", tmp_path / "second.log"]
    first = _start(cluster, grid, out, logs[0], seconds=0.3)

    def more_than(count):
        wait_for(lambda: len(_committed(out)) > count or first.poll() is not None)
        assert first.poll() is None, first.communicate()[1]
        time.sleep(rng.uniform(0, 0.3))

    more_than(rng.randrange(3, 8))
    cluster.kill(cluster.nodes[-1])
    at_node = _committed(out)
    more_than(len(at_node) + rng.randrange(4, 10))
    os.kill(first.pid, signal.SIGKILL)
    errors = first.communicate(timeout=HANG)[1]
    at_driver = _committed(out)
    assert at_node < at_driver
    assert len(at_driver) < RUNS
    assert "handed out again: " in errors
    # The cluster takes the tasks of a dead driver from its workers by itself.
    wait_for(lambda: not cluster.at_work(), "tasks are left")
    at_driver = _committed(out)
    second = _start(cluster, grid, out, logs[1])
    output, errors = second.communicate(timeout=HANG)
    assert second.returncode == 0, errors
    assert f"{RUNS - len(at_driver)} made, {len(at_driver)} already done, 0 failed" in output
    # None is lost, and none is made again that was there.
    assert len(_committed(out)) == RUNS
    assert at_driver <= _committed(out)
    assert sorted(_begun(logs[1])) == sorted(_committed(out) - at_driver)
    runs = pd.read_csv(out / "tables" / "runs.csv")
    assert len(runs) == runs["run_id"].nunique() == RUNS
    assert Store(out).damaged(_committed(out)) == []
    assert [path for path in out.rglob(".*") if is_staged(path)] == []
    # Begun twice are those that the lost node was at, no others.
    twice = len(_begun(logs[0])) - len(set(_begun(logs[0])))
    seen = {"seed": seed, "when the node died": len(at_node), "begun twice": twice}
    print(json.dumps({**seen, "when the driver died": len(at_driver), "at the end": len(runs)}))
    assert twice <= 2
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "_execute", partial(driver.make, {}))
        patch.setattr(pipeline, "_decode", driver.undecoded)
        patch.setattr(report, "draw_all", lambda study: [])
        pipeline.run_grid(grid, out=tmp_path / "undisturbed")
    assert tables(out) == tables(tmp_path / "undisturbed")
    cluster.add()


# That SIGINT ends the tasks too is in tests/bench/engines/test_engines.py: a driver costs ten
# seconds.
def test_a_signal_ends_the_driver_and_its_tasks_within_ten_seconds(cluster, tmp_path):
    grid, out, log = _grid(tmp_path / "grid.yaml", 1), tmp_path / "out", tmp_path / "log"
    process = _start(cluster, grid, out, log, faults={"0": "wait"})
    wait_for(lambda: len(_begun(log)) == 2 or process.poll() is not None)
    assert len(cluster.at_work()) == 2
    process.send_signal(signal.SIGTERM)
    sent = time.monotonic()
    errors = process.communicate(timeout=HANG)[1]
    assert time.monotonic() - sent < 10
    assert process.returncode == 143, errors
    assert "resumes from here" in errors
    assert "Traceback" not in errors
    wait_for(lambda: not cluster.at_work(), "tasks are left")
    assert _committed(out) == set()


def test_a_cluster_that_is_gone_is_said_and_no_run_is_blamed(tmp_path):
    lost = Cluster()
    try:
        lost.add(1)
        grid, out, log = _grid(tmp_path / "grid.yaml", 3), tmp_path / "out", tmp_path / "log"
        process = _start(lost, grid, out, log, faults=dict.fromkeys("012", "wait"))
        wait_for(lambda: len(_begun(log)) == 2 or process.poll() is not None)
    finally:
        lost.stop()
    errors = process.communicate(timeout=HANG)[1]
    assert process.returncode == 2, errors
    assert "\nerror: the Ray cluster is gone: its head node at " in errors
    assert "Traceback" not in errors
    assert Store(out).failures() == []
