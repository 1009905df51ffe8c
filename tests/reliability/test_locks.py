"""One driver an output folder; of many commits of one run the first counts."""

import os
import signal
import socket
import subprocess
import sys

import pytest
from ruamel.yaml import YAML

from bench.grid.expand import expand
from bench.grid.identity import run_id
from bench.grid.load import parse_grid
from bench.store.store import Store
from tests.reliability.driver import BALL
from tests.reliability.processes import HANG, ROOT, environment, start, wait_for

GRID = {
    "name": "locks",
    "datasets": [BALL],
    "seeds": [0, 1],
    "models": [{"kind": "vae"}],
    "train": {"steps": 1, "batch_size": 8, "n_latents": 2},
    "metrics": ["mig"],
}


@pytest.fixture
def grid(tmp_path):
    """Return the path of the grid."""
    with (tmp_path / "grid.yaml").open("w") as file:
        YAML().dump(GRID, file)
    return tmp_path / "grid.yaml"


@pytest.mark.slow
@pytest.mark.timeout(3 * HANG)
def test_a_second_driver_is_refused_until_the_first_is_gone(grid, tmp_path):
    out, log = tmp_path / "out", tmp_path / "log"
    options = (grid, "--out", out, "--workers", 1, "--device", "cpu")
    first = start(*options, made=True, faults={"0": "wait"}, log=str(log))
    wait_for(lambda: log.exists() or first.poll() is not None)
    second = start(*options, made=True)
    errors = second.communicate(timeout=HANG)[1]
    assert second.returncode == 2
    assert errors == (
        f"error: {out}: is in use by process {first.pid} on {socket.gethostname()}; "
        f"wait for it or name another --out\n"
    )
    os.kill(first.pid, signal.SIGKILL)
    first.communicate(timeout=HANG)
    # At once: no lock has to be removed or to grow old.
    with Store(out).lock():
        pass
    third = start(*options, made=True)
    errors = third.communicate(timeout=HANG)[1]
    assert third.returncode == 0, errors


def _at_once(what, *arguments, **wishes):
    answer = subprocess.run(
        [sys.executable, "-m", "tests.reliability.at_once", what, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=HANG,
        env=environment(made=True, **wishes),
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.split(), answer.stderr


@pytest.mark.slow
@pytest.mark.timeout(3 * HANG)
def test_of_eight_starts_at_once_one_proceeds(grid, tmp_path):
    wishes = {"faults": {"0": "wait"}, "release": str(tmp_path / "release")}
    codes, errors = _at_once("starts", 8, grid, tmp_path / "out", **wishes)
    assert sorted(codes) == ["0"] + 7 * ["2"], errors
    assert errors.count("is in use by") == 7
    assert len(Store(tmp_path / "out").scan()[0]) == 2


@pytest.mark.slow
@pytest.mark.timeout(3 * HANG)
def test_a_run_that_is_committed_ten_times_at_once_is_there_once(grid, tmp_path):
    out = tmp_path / "out"
    Store(out, create=True)
    codes, errors = _at_once("commits", 10, grid, out)
    assert codes == 10 * ["0"], errors
    runs, damaged = Store(out).scan()
    specs = expand(parse_grid(GRID))
    assert [run.run_id for run in runs] == sorted(run_id(spec) for spec in specs)
    assert damaged == {}
    assert Store(out).damaged(run.run_id for run in runs) == []
    # The losers leave nothing behind.
    assert [*out.glob(".staging/*")] == []
    assert {path.name for path in out.iterdir()} <= {"store.json", "runs", ".staging"}
