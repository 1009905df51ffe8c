"""Signals at every stage, and a driver that is gone: exit codes, no orphans, and going on."""

import os
import signal

import pytest
from ruamel.yaml import YAML

from tests.reliability.driver import BALL
from tests.reliability.processes import HANG, members, needs_proc, start, wait_for

pytestmark = [pytest.mark.endurance, pytest.mark.timeout(2 * HANG), needs_proc]
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
OPTIONS = ("--workers", 2, "--device", "cpu", "--checkpoint-seconds", 1e6)


def _grid(path, **changes):
    grid = {
        "name": "signals",
        "datasets": [BALL],
        "seeds": [0, 1],
        "models": [{"kind": "vae"}],
        "train": {"steps": 2, "batch_size": 8, "n_latents": 2},
        "metrics": ["mig"],
        **changes,
    }
    with path.open("w") as file:
        YAML().dump(grid, file)
    return path


def _stop(process, number, code):
    """Send a signal, wait for the end and for that of all workers, and return what was said."""
    process.send_signal(number)
    errors = process.communicate(timeout=HANG)[1]
    assert process.returncode == code, errors
    assert "Traceback" not in errors
    wait_for(lambda: not members(process.pid), "workers are left")
    return errors


@pytest.mark.parametrize("number", CODES)
def test_a_signal_while_a_trained_pack_is_encoded_loses_no_training(tmp_path, number):
    # Two steps, then 16,384 images of 64 pixels: whoever has a checkpoint is at its images.
    large = {"name": "ball", "grid_size": 128}
    grid, out = _grid(tmp_path / "grid.yaml", datasets=[large]), tmp_path / "out"
    process = start(grid, "--out", out, *OPTIONS)
    wait_for(lambda: [*out.glob("checkpoints/*.ckpt")] or process.poll() is not None)
    assert "resumes from here" in _stop(process, number, CODES[number])
    kept = [*out.glob("checkpoints/*.ckpt")]
    assert len(kept) + len([*out.glob("runs/*")]) >= 1
    assert kept, "it was over before the signal came"
    assert not [*out.glob(".staging/*")]


@pytest.mark.parametrize("number", CODES)
def test_a_signal_while_runs_are_scored_ends_the_driver_and_its_workers(tmp_path, number):
    metrics = {"slow": "tests.reliability.slow_metric:wait"}
    grid, out = _grid(tmp_path / "grid.yaml", metrics=metrics), tmp_path / "out"
    marker = tmp_path / "marker"
    process = start(grid, "--out", out, *OPTIONS, "--allow-imports", made=True, marker=str(marker))
    wait_for(lambda: marker.exists() or process.poll() is not None)
    assert "resumes from here" in _stop(process, number, CODES[number])
    assert len([*out.glob("runs/*")]) == 2


def test_workers_end_with_a_driver_that_was_killed(tmp_path):
    # They sleep, so they tell nothing and would not notice a closed pipe for ten minutes.
    grid, out, log = _grid(tmp_path / "grid.yaml"), tmp_path / "out", tmp_path / "log"
    faults = {"0": "wait", "1": "wait"}
    process = start(grid, "--out", out, *OPTIONS, made=True, faults=faults, log=str(log))
    wait_for(lambda: (log.exists() and log.read_text().count("\n") == 2) or process.poll())
    assert len(members(process.pid)) >= 3
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=HANG)
    wait_for(lambda: not members(process.pid), "workers are left")
    # The folder is free, and the next start has nothing to be told of.
    again = start(grid, "--out", out, *OPTIONS, made=True)
    output, errors = again.communicate(timeout=HANG)
    assert again.returncode == 0, errors
    assert "2 made, 0 already done, 0 failed" in output
