"""A worker that dies costs the run it was at, and nothing else."""

import json
import signal
import subprocess
import sys
from types import FunctionType, ModuleType

import pandas as pd
import pytest
from ruamel.yaml import YAML

from bench.engines import EngineError, local
from bench.engines.local import Crashed, run_tasks
from bench.errors import GridError
from bench.pipeline import run_grid
from bench.run import main
from bench.store.store import Store
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


@pytest.mark.endurance
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
    given = ["a", "die", "b", "c", "end", "d"]
    answers = dict(run_tasks(tasks.die, given, workers=2, progress=silent))
    lived = {position: task for position, task in enumerate(given) if len(task) == 1}
    assert answers == {**lived, 1: Crashed(7), 4: Crashed(-signal.SIGTERM)}


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


def test_workers_do_not_import_the_script_that_starts_them(tmp_path, monkeypatch):
    script = tmp_path / "script.py"
    script.write_text(f"open({str(tmp_path / 'again')!r}, 'w')")
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
    monkeypatch.setattr(sys.modules["__main__"], "__file__", str(script), raising=False)
    answers = dict(run_tasks(tasks.add, [1, 2], workers=2, progress=silent))
    assert answers == {0: 2, 1: 3}
    assert not (tmp_path / "again").exists()


def _failing(monkeypatch, times):
    """Let so many workers end before they can serve; return the list of all starts."""
    starts = []
    really = local.start

    def start(pipe, lifeline):
        starts.append(pipe)
        if len(starts) > times:
            return really(pipe, lifeline)
        return subprocess.Popen(["bash", "-c", "exit 5"])

    monkeypatch.setattr(local, "start", start)
    return starts


def test_workers_that_die_before_they_served_are_started_again_and_cost_no_task(monkeypatch):
    starts = _failing(monkeypatch, 3)
    answers = dict(run_tasks(tasks.add, [1, 2], workers=2, progress=silent))
    assert answers == {0: 2, 1: 3}
    assert 4 <= len(starts) <= 5


def test_work_goes_on_with_the_workers_that_can_start(monkeypatch, caplog):
    monkeypatch.setattr(local, "START_TRIES", 1)
    _failing(monkeypatch, 1)
    answers = dict(run_tasks(tasks.add, [*range(5)], workers=2, progress=silent))
    assert answers == {position: position + 1 for position in range(5)}
    assert "a worker cannot start: the worker ended with exit code 5 before" in caplog.text


def test_a_start_whose_workers_cannot_start_says_why_and_blames_no_run(
    tmp_path, monkeypatch, capsys
):
    starts = _failing(monkeypatch, 1000)
    grid = tmp_path / "grid.json"
    dataset = json.dumps(BALL)
    grid.write_text(
        f'{{"name": "a", "datasets": [{dataset}], "seeds": [0, 1], "models": [{{"kind": "vae"}}]}}'
    )
    assert main([str(grid), "--out", str(tmp_path / "out"), "--workers", "2"]) == 2
    said = capsys.readouterr().err
    reason = "error: workers cannot start: the worker ended with exit code 5 before it could serve"
    assert said.splitlines()[-1] == reason
    assert len(starts) == 2 * local.START_TRIES
    assert Store(tmp_path / "out").failures() == []


@pytest.mark.parametrize(
    ("module", "reason"),
    [("nowhere", "ModuleNotFoundError: No module named 'nowhere'"), (None, "AttributeError: ")],
)
def test_what_a_worker_cannot_import_is_said(monkeypatch, module, reason):
    monkeypatch.setattr(local, "START_TRIES", 1)
    call = tasks.add
    if module is not None:
        monkeypatch.setattr(local, "place", lambda: ([*sys.path], module))
    else:
        # A function of the main module, which is another one there.
        call = FunctionType(tasks.add.__code__, {}, "of_the_script")
        call.__module__, call.__qualname__ = "__main__", "of_the_script"
        monkeypatch.setattr(sys.modules["__main__"], "of_the_script", call, raising=False)
    with pytest.raises(EngineError, match=f"workers cannot start: {reason}"):
        list(run_tasks(call, [1, 2], workers=2, progress=silent))


def test_a_metric_of_the_script_itself_is_refused(monkeypatch):
    monkeypatch.setattr(sys.modules["__main__"], "mine", lambda means: 0.0, raising=False)
    grid = {"name": "a", "datasets": [BALL], "seeds": [0], "models": [{"kind": "vae"}]}
    grid["metrics"] = {"mine": "__main__:mine"}
    with pytest.raises(GridError, match=r"metrics\.0: __main__:mine is in the script"):
        run_grid(grid, allow_imports=True)


def silent(position, told):
    """Take progress that nobody looks at."""
