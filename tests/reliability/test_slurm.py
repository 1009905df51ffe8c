"""A grid on a real Slurm that loses a node and its driver, and is stopped by signals."""

import json
import os
import random
import shlex
import signal
import sys
import time
from functools import partial

import pandas as pd
import pytest
from ruamel.yaml import YAML

from bench import pipeline, report
from bench.store.files import is_staged
from bench.store.store import Store
from tests.reliability import driver
from tests.reliability.driver import BALL
from tests.reliability.processes import (
    HANG,
    ROOT,
    environment,
    needs_proc,
    start,
    tables,
    wait_for,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.endurance,
    pytest.mark.timeout(5 * HANG),
    pytest.mark.xdist_group("slurm"),
    needs_proc,
]
RUNS = 12


@pytest.fixture
def at_slurm(slurm, monkeypatch):
    """Let what this process starts find the Slurm of the tests, with both of its nodes."""
    for name, value in slurm.environment.items():
        monkeypatch.setenv(name, value)
    return slurm


def _grid(path, n_seeds, **train):
    grid = {
        "name": "slurm",
        "datasets": [BALL],
        "seeds": [*range(n_seeds)],
        "models": [{"kind": "vae"}],
        "train": {"steps": 1, "batch_size": 8, "n_latents": 2, **train},
        "metrics": ["mig"],
    }
    with path.open("w") as file:
        YAML().dump(grid, file)
    return path


def _start(grid, out, log, *options, **wishes):
    """Start a driver on the cluster."""
    options = ("--out", out, "--engine", "slurm", "--device", "cpu", *options)
    return start(grid, *options, **{"undrawn": True, "prompt": True, "log": str(log), **wishes})


def _committed(out):
    return {path.name for path in out.glob("runs/[!.]*")}


def _begun(log):
    return log.read_text().split() if log.exists() else []


def _at_work(log, out):
    """Return how many runs have begun and are not committed."""
    return len({*_begun(log)} - _committed(out))


def _twice(log):
    """Return how many runs were begun once more than they should."""
    return len(_begun(log)) - len(set(_begun(log)))


def test_a_node_and_then_the_driver_are_killed_and_no_run_is_lost_or_double(
    at_slurm, tmp_path, monkeypatch
):
    seed = random.SystemRandom().randrange(2**32)
    rng = random.Random(seed)  # noqa: S311 - moments, no secrets
    grid, out = _grid(tmp_path / "grid.yaml", RUNS), tmp_path / "out"
    logs = [tmp_path / "first.log", tmp_path / "second.log"]
    # Slurm itself would start jobs again that have lost their node. One run takes longer than this
    # driver lives.
    wishes = {"made": True, "seconds": 5, "faults": {str(RUNS - 1): "wait"}}
    first = _start(grid, out, logs[0], "--slurm", "no-requeue", **wishes)
    # Three at work are one of this node, at least.
    wait_for(lambda: (_committed(out) and _at_work(logs[0], out) >= 3) or first.poll() is not None)
    assert first.poll() is None, first.communicate()[1]
    at_slurm.kill("n1")
    at_node = _committed(out)
    # What the node was at begins elsewhere, when Slurm misses it.
    wait_for(lambda: _twice(logs[0]) or first.poll() is not None)
    time.sleep(rng.uniform(0, 2))
    os.kill(first.pid, signal.SIGKILL)
    errors = first.communicate(timeout=HANG)[1]
    assert "NODE_FAIL on node n1" in errors
    at_driver = _committed(out)
    assert at_node < at_driver
    assert len(at_driver) < RUNS
    # Its jobs go on without it, until the next start.
    assert at_slurm.run("squeue", "-h", "-o", "%i").split()
    at_slurm.add("n1")
    second = _start(grid, out, logs[1], made=True)
    output, errors = second.communicate(timeout=2 * HANG)
    assert second.returncode == 0, errors
    assert "cancelling the Slurm jobs that an earlier start has left" in errors
    made = len(set(_begun(logs[1])))
    assert f"{made} made, {RUNS - made} already done, 0 failed" in output
    # None is lost, and none is made again that was there.
    assert len(_committed(out)) == RUNS
    assert at_driver <= _committed(out)
    assert not at_driver & set(_begun(logs[1]))
    runs = pd.read_csv(out / "tables" / "runs.csv")
    assert len(runs) == runs["run_id"].nunique() == RUNS
    assert Store(out).damaged(_committed(out)) == []
    assert [path for path in out.rglob(".*") if is_staged(path)] == []
    assert at_slurm.run("squeue", "-h", "-o", "%i").split() == []
    twice = _twice(logs[0])
    seen = {"seed": seed, "when the node died": len(at_node), "begun twice": twice}
    print(json.dumps({**seen, "when the driver died": len(at_driver), "at the end": len(runs)}))
    # Begun twice are those that the lost node was at, no others.
    assert 1 <= twice <= 2
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "_execute", partial(driver.make, {}))
        patch.setattr(pipeline, "_decode", driver.undecoded)
        patch.setattr(report, "draw_all", lambda study: [])
        pipeline.run_grid(grid, out=tmp_path / "undisturbed")
    assert tables(out) == tables(tmp_path / "undisturbed")


@pytest.mark.parametrize("how", ["time limit", "preemption"])
def test_a_run_goes_on_where_slurm_has_ended_its_job(at_slurm, tmp_path, monkeypatch, how):
    grid, out, log = (
        _grid(tmp_path / "grid.yaml", 1, steps=600),
        tmp_path / "out",
        tmp_path / "log",
    )
    process = _start(grid, out, log, "--checkpoint-seconds", "1")
    checkpoints = out / "checkpoints"
    wait_for(lambda: [*checkpoints.glob("*.ckpt")] or process.poll() is not None)
    assert process.poll() is None, process.communicate()[1]
    (job,) = at_slurm.run("squeue", "-h", "-o", "%i").split()
    if how == "time limit":
        # What Slurm does a minute ahead of it.
        at_slurm.run("scancel", "--signal=USR2", job)
    else:
        at_slurm.run("scontrol", "requeue", job)
        # Slurm would let it wait for two minutes.
        wait_for(lambda: at_slurm.run("squeue", "-h", "-t", "PENDING", "-o", "%i"))
        assert at_slurm.run("scontrol", "update", f"JobId={job}", "StartTime=now") is not None
    output, errors = process.communicate(timeout=2 * HANG)
    assert process.returncode == 0, errors
    assert "1 made, 0 already done, 0 failed" in output
    assert ("submitted again: " in errors) == (how == "time limit")
    assert ("stopped by SIGUSR2" in errors) == (how == "time limit")
    assert len(_begun(log)) == 2
    monkeypatch.setattr(report, "draw_all", lambda study: [])
    pipeline.run_grid(grid, out=tmp_path / "undisturbed")
    assert tables(out) == tables(tmp_path / "undisturbed")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_driver_and_its_jobs(at_slurm, tmp_path, number):
    grid, out, log = _grid(tmp_path / "grid.yaml", 6), tmp_path / "out", tmp_path / "log"
    waiting = dict.fromkeys("012345", "wait")
    process = _start(grid, out, log, "--workers", "2", made=True, faults=waiting)
    wait_for(lambda: len(_begun(log)) == 2 or process.poll() is not None)
    assert process.poll() is None, process.communicate()[1]
    # No more than asked for are at work, whatever there is room for.
    states = at_slurm.run("squeue", "-h", "-r", "-o", "%t").split()
    assert sorted(states) == 4 * ["PD"] + 2 * ["R"]
    process.send_signal(number)
    sent = time.monotonic()
    errors = process.communicate(timeout=HANG)[1]
    assert time.monotonic() - sent < 10
    assert process.returncode == 128 + number, errors
    assert "cancelling 6 Slurm jobs" in errors
    assert "resumes from here" in errors
    assert "Traceback" not in errors
    wait_for(lambda: not at_slurm.run("squeue", "-h", "-o", "%i").split(), "jobs are left")
    assert _committed(out) == set()
    assert Store(out).failures() == []


def test_what_slurm_refuses_is_said_in_its_words(at_slurm, tmp_path):
    grid, out, log = _grid(tmp_path / "grid.yaml", 1), tmp_path / "out", tmp_path / "log"
    process = _start(grid, out, log, "--slurm", "partition=nowhere", made=True)
    errors = process.communicate(timeout=HANG)[1]
    assert process.returncode == 2
    assert "error: Slurm takes no jobs: " in errors
    assert "invalid partition" in errors.lower()
    assert _committed(out) == set()


def test_a_driver_may_be_a_job_itself(at_slurm, tmp_path, monkeypatch):
    grid, out, log = _grid(tmp_path / "grid.yaml", 2), tmp_path / "out", tmp_path / "log"
    told = tmp_path / "told"
    command = [sys.executable, "-m", "tests.reliability.driver", grid, "--out", out]
    command += ["--engine", "slurm", "--device", "cpu"]
    wishes = environment(made=True, undrawn=True, prompt=True, log=str(log))
    monkeypatch.setenv("DISBENCH_TEST", wishes["DISBENCH_TEST"])
    monkeypatch.chdir(ROOT)
    # A job of two tasks: what it starts inherits that, unless it is hidden.
    own = ("sbatch", "--wait", "--ntasks=2", "--nodes=1", "--output", str(told))
    at_slurm.run(*own, "--wrap", shlex.join(map(str, command)))
    assert "2 made, 0 already done, 0 failed" in told.read_text()
    assert len(_begun(log)) == 2
