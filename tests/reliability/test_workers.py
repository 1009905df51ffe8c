"""A worker that dies costs the run it was at, and nothing else."""

import pandas as pd
import pytest
from ruamel.yaml import YAML

from bench.engines.local import Crashed, run_tasks
from bench.store import Store
from tests.reliability import tasks
from tests.reliability.driver import BALL
from tests.reliability.processes import HANG, start

FAULTS = {"3": "raise", "8": "exit", "12": "segfault", "15": "nan"}
REASONS = {
    3: "RuntimeError: as the test wished",
    8: "the worker ended with exit code 7",
    12: "the worker was killed by signal 11 (SIGSEGV)",
    15: "the loss was not finite by step 1",
}


@pytest.mark.slow
@pytest.mark.timeout(3 * HANG)
def test_sixteen_of_twenty_runs_survive_four_faults_and_the_four_are_tried_again(tmp_path):
    grid = {
        "name": "faulty",
        "datasets": [BALL],
        "seeds": [*range(20)],
        "models": [{"kind": "vae"}],
        "train": {"steps": 3, "batch_size": 8, "n_latents": 2},
        "metrics": ["mig"],
    }
    path, out = tmp_path / "grid.yaml", tmp_path / "out"
    with path.open("w") as file:
        YAML().dump(grid, file)

    def run(**wishes):
        process = start(path, "--out", out, "--workers", 2, "--device", "cpu", **wishes)
        output, errors = process.communicate(timeout=HANG)
        assert process.returncode in (0, 1), errors
        failures = pd.read_csv(out / "tables" / "failures.csv")
        reasons = dict(zip(failures["seed"], failures["reason"], strict=True))
        return process.returncode, output + errors, reasons

    code, output, reasons = run(faults=FAULTS)
    assert code == 1, output
    assert "16 made, 0 already done, 4 failed" in output
    assert reasons == REASONS
    page = (out / "report.html").read_text()
    for reason in REASONS.values():
        assert reason in output
        assert reason in page
    assert len(Store(out).scan()[0]) == 16
    code, output, reasons = run()
    assert code == 0, output
    assert "4 made, 16 already done, 0 failed" in output
    assert reasons == {}
    assert len(pd.read_csv(out / "tables" / "runs.csv")) == 20


@pytest.mark.slow
@pytest.mark.timeout(3 * HANG)
def test_a_dead_worker_costs_its_own_task_and_no_other():
    given = ["a", "die", "b", "c", "die", "d"]
    answers = dict(run_tasks(tasks.die, given, workers=2, progress=lambda position, told: None))
    lived = {position: task for position, task in enumerate(given) if task != "die"}
    assert answers == {**lived, 1: Crashed(7), 4: Crashed(7)}


@pytest.mark.slow
@pytest.mark.timeout(3 * HANG)
def test_a_task_that_had_not_begun_is_given_to_another_worker_once(tmp_path):
    given = [
        tasks.Unreadable(str(tmp_path / "once"), always=False),
        tasks.Unreadable(str(tmp_path / "twice"), always=True),
    ]
    answers = dict(run_tasks(tasks.name, given, workers=2, progress=lambda position, told: None))
    # One that no worker can take is given up, or the grid would never end.
    assert answers == {0: "once", 1: Crashed(9)}
