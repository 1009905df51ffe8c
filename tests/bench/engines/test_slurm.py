"""The Slurm engine without Slurm: what it asks for, and what it makes of jobs that end."""

import sys
from collections import deque
from pathlib import Path
from types import SimpleNamespace

import pytest
import submitit

from bench.engines import BRIEF, Crashed, Demand, EngineError, EngineOptions, open_engine
from bench.engines.base import SMALL
from bench.engines.slurm import stage
from bench.engines.slurm.cluster import SlurmEngine
from bench.engines.slurm.queue import Queue
from bench.grid import arguments
from bench.store.store import Store
from tests.reliability import tasks

SAID = {"node": "n1", "versions": {}, "ours": None}


class FakeQueue:
    """Jobs whose ends are known before: each takes the next, and the last is that of all others."""

    def __init__(self, *ends, workers=None, size=1_000):
        self.ends, self.workers, self._size = deque(ends), workers, size
        self.arrays, self.cancelled = [], []

    def size(self):
        return self._size

    def submit(self, folder, call, labels, given, *, demand):
        self.arrays.append(given)
        jobs = []
        for label, dealt in zip(labels, given, strict=True):
            end = self.ends.popleft() if len(self.ends) > 1 else self.ends[0]
            job = SimpleNamespace(
                job_id=f"{len(self.arrays)}_{label}",
                paths=SimpleNamespace(stdout=folder / "none"),
                get_info=lambda mode: {"NodeList": "n1"},
            )
            job.states = deque(end(call.args[0], label, dealt))
            jobs.append(job)
        return jobs

    def look(self, jobs):
        pass

    def state(self, job):
        return job.states.popleft() if len(job.states) > 1 else job.states[0]

    def cancel(self, jobs):
        self.cancelled += jobs

    def cancel_all(self):
        pass

    def wait(self, seconds):
        return True


def answers(post, label, dealt):
    post.put("begun", label, SAID)
    for position, task in dealt:
        post.put("answer", str(position), ("answer", task))
    return ["COMPLETED"]


def ends(*states, after=0, begun=True, answered=0):
    """Return the end of a job that was so far with the first task that it did not answer."""

    def end(post, label, dealt):
        if begun:
            answers(post, label, dealt[:answered])
        if after:
            post.put("progress", str(dealt[answered][0]), (after, 0.5))
        return states

    return end


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that runs tasks on a fake queue."""
    for name in ("POLL", "STATE", "GRACE"):
        monkeypatch.setattr(stage, f"{name}_SECONDS", 0.0)
    Store(tmp_path / "out", create=True)

    def ran(queue, n_tasks, demand=SMALL):
        engine = SlurmEngine(queue, tmp_path / "out")
        given = [f"t{number}" for number in range(n_tasks)]
        found = dict(engine.run_tasks(tasks.die, given, progress=lambda *_: None, demand=demand))
        assert found.keys() == set(range(n_tasks))
        return found

    return ran


@pytest.mark.parametrize("state", ["NODE_FAIL", "TIMEOUT", "PREEMPTED", "FAILED", "COMPLETED"])
def test_a_job_that_ends_without_its_answer_is_submitted_again(run, caplog, state):
    queue = FakeQueue(ends("RUNNING", state), answers)
    assert run(queue, 2) == {0: "t0", 1: "t1"}
    assert [len(array) for array in queue.arrays] == [2, 1]
    assert queue.arrays[1] == [[(0, "t0")]]
    # Slurm may be about to start it again by itself.
    assert [job.job_id for job in queue.cancelled] == ["1_0"]
    assert f"submitted again: job 1_0 ended as {state} on node n1" in caplog.text


def test_a_job_that_waits_or_was_suspended_is_waited_for(run):
    queue = FakeQueue(
        lambda *given: [*answers(*given), "PENDING", "SUSPENDED", "UNKNOWN", "REQUEUED"]
    )
    assert run(queue, 1) == {0: "t0"}
    assert len(queue.arrays) == 1


def test_a_task_may_run_into_its_time_limit_as_often_as_it_gets_further(run):
    limits = [ends("TIMEOUT", after=10 * number) for number in range(1, 11)]
    queue = FakeQueue(*limits, answers)
    assert run(queue, 1) == {0: "t0"}
    assert len(queue.arrays) == 11


def test_a_task_that_gets_no_further_is_given_up_with_its_reason(run, tmp_path):
    queue = FakeQueue(ends("OUT_OF_MEMORY", after=5))
    (answer,) = run(queue, 1).values()
    assert isinstance(answer, Crashed)
    assert "the worker died: job 4_3 ended as OUT_OF_MEMORY on node n1" in str(answer)
    assert len(queue.arrays) == 1 + stage.TRIES
    # Its logs are still there to be read.
    assert [*(tmp_path / "out" / ".staging").iterdir()]


def test_a_cancelled_job_is_not_submitted_again(run):
    queue = FakeQueue(ends("CANCELLED"), answers)
    found = run(queue, 2)
    assert "the worker was cancelled: job 1_0" in str(found[0])
    assert found[1] == "t1"
    assert len(queue.arrays) == 1


def test_jobs_that_never_begin_end_the_start_and_blame_no_run(run):
    with pytest.raises(EngineError, match=r"runs no jobs of ours: job .* has no log in .* do all"):
        run(FakeQueue(ends("FAILED", begun=False)), 3)


def test_a_node_with_another_version_is_refused_and_other_libraries_are_named(run, caplog):
    def other(said):
        return lambda post, label, dealt: post.put("begun", label, SAID | said) or ["RUNNING"]

    for said, reason in {
        "ours": ("0.0.1", "node n1 has disbench 0.0.1"),
        "blind": ("does not see it", "out: node n1 does not see it: name a folder"),
        "lacks": ("No module", r"node n1 cannot import .*'disbench\[slurm\]'"),
    }.items():
        with pytest.raises(EngineError, match=reason[1]):
            run(FakeQueue(other({said: reason[0]})), 1)

    def older(post, label, dealt):
        answers(post, label, dealt)
        post.put("begun", label, SAID | {"versions": {"numpy": "1.0"}})
        return ["RUNNING"]

    run(FakeQueue(older), 3)
    assert caplog.text.count("node n1 has numpy 1.0") == 1


def test_what_a_job_has_answered_before_it_ended_is_not_asked_again(run):
    queue = FakeQueue(ends("NODE_FAIL", answered=2), answers, size=2)
    assert run(queue, 8) == {number: f"t{number}" for number in range(8)}
    assert [len(array) for array in queue.arrays] == [2, 1]
    assert queue.arrays[1] == [[(2, "t2"), (3, "t3")]]


class Restarted(FakeQueue):
    """A queue whose controller is away for the second submission and those after it."""

    def __init__(self, *ends, refusals):
        super().__init__(*ends)
        self.refusals = refusals

    def submit(self, *given, **named):
        if self.arrays and self.refusals:
            self.refusals -= 1
            raise EngineError("Slurm takes no jobs: nobody is there")
        return super().submit(*given, **named)


def test_what_slurm_does_not_take_again_now_is_submitted_later(run, monkeypatch, caplog):
    queue = Restarted(ends("NODE_FAIL"), answers, refusals=3)
    assert run(queue, 2) == {0: "t0", 1: "t1"}
    assert caplog.text.count("nobody is there; trying again") == 3
    monkeypatch.setattr(stage, "REFUSED_SECONDS", 0.0)
    with pytest.raises(EngineError, match="nobody is there"):
        run(Restarted(ends("NODE_FAIL"), answers, refusals=3), 2)


def test_whoever_stops_has_the_jobs_cancelled_and_nothing_left(run, tmp_path, caplog):
    queue, cancelled = FakeQueue(answers, ends("RUNNING")), []
    queue.cancel_all = lambda: cancelled.append(True)
    engine = SlurmEngine(queue, tmp_path / "out")
    found = engine.run_tasks(tasks.die, ["a", "b", "c"], progress=lambda *_: None)
    assert next(found) == (0, "a")
    assert engine.status() == ""
    found.close()
    assert cancelled == [True]
    assert "cancelling 2 Slurm jobs" in caplog.text
    assert [*(tmp_path / "out" / ".staging").iterdir()] == []


def test_an_answer_that_is_seen_late_counts_and_its_task_is_not_lost(run, monkeypatch):
    # The second job finds the answer, and gives none.
    queue, late = FakeQueue(ends("COMPLETED"), answers, ends("COMPLETED")), []
    submit = stage.Stage._submit_again

    def seen_now(self):
        # After its job has been given up, and before it has another.
        if self._again and not late:
            late.append(self._again[0])
            self._post.put("answer", "0", ("answer", "late"))
        submit(self)

    monkeypatch.setattr(stage.Stage, "_submit_again", seen_now)
    assert run(queue, 2) == {0: "late", 1: "t1"}
    assert late == [[0]]


def test_packs_are_a_job_each_and_many_brief_tasks_share_some(run):
    for n_tasks, demand, dealt, options in [
        (40, Demand(), 40 * [1], {}),
        (25, Demand(), 8 * [3] + [1], {"size": 10}),
        (40, BRIEF, 5 * [8], {}),
        (160, BRIEF, 16 * [10], {}),
        (40, BRIEF, 2 * [20], {"workers": 2}),
    ]:
        queue = FakeQueue(answers, **options)
        run(queue, n_tasks, demand)
        assert [[len(job) for job in array] for array in queue.arrays] == [dealt]


@pytest.mark.slow
def test_a_few_brief_tasks_wait_in_no_queue(run):
    queue = FakeQueue(answers)
    assert run(queue, 2, BRIEF) == {0: "t0", 1: "t1"}
    assert queue.arrays == []


def _queue(**options):
    return Queue(
        SimpleNamespace(), Path("/shared/out"), EngineOptions(Path("/shared/out"), **options)
    )


def test_a_pack_asks_for_its_cores_and_one_gpu():
    asked = _queue(workers=3).parameters(Demand(threads=2, gpu=True), jobs=8)
    assert asked["cpus_per_task"] == 2
    assert asked["srun_args"] == ["--cpus-per-task=2"]
    assert asked["array_parallelism"] == 3
    assert asked["additional_parameters"] == {"gres": "gpu:1", "signal": "USR2@60"}
    assert _queue().parameters(Demand(), jobs=8)["array_parallelism"] == 8
    two = _queue(gpus_per_run=2.0).parameters(Demand(gpu=True), jobs=1)
    assert two["additional_parameters"]["gres"] == "gpu:2"


def test_options_of_sbatch_go_to_all_jobs_and_those_of_gpus_only_to_jobs_with_one():
    given = {"partition": "long", "time": "4:00:00", "exclusive": True, "gres": "gpu:a100:1"}
    given |= {"mem-per-gpu": "8G", "signal": "USR2@60"}
    queue = _queue(slurm=given)
    assert queue.parameters(Demand(gpu=True), 1)["additional_parameters"] == given
    for name, count in {"gpus-per-node": "2", "gpus": "2", "mem-per-gpu": "8G"}.items():
        asked = _queue(slurm={name: count}).parameters(Demand(gpu=True), 1)["additional_parameters"]
        assert ("gres" in asked) == (name == "mem-per-gpu")
    without = {key: given[key] for key in ("partition", "time", "exclusive", "signal")}
    assert queue.parameters(BRIEF, 1)["additional_parameters"] == without


def test_sbatch_is_given_what_was_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(submitit.SlurmExecutor, "affinity", classmethod(lambda cls: 1))
    monkeypatch.setenv("DISBENCH_CACHE", "/fast/my cache")
    options = EngineOptions(tmp_path, workers=3, slurm={"partition": "a100", "exclusive": True})
    queue = Queue(submitit, tmp_path, options)
    executor = queue.executor(tmp_path / "jobs", Demand(threads=2, gpu=True), 8)
    text = executor._make_submission_file_text("true", "x")
    lines = text.splitlines()
    for flag in (
        *("partition=a100", "exclusive", "gres=gpu:1", "cpus-per-task=2", "nodes=1"),
        *("signal=USR2@60", f"job-name={queue._name}"),
    ):
        assert f"#SBATCH --{flag}" in lines
    # The partition's own limit.
    assert "--time" not in text
    assert "export DISBENCH_CACHE='/fast/my cache'" in lines
    assert any(line.startswith("export PYTHONPATH=") and str(Path.cwd()) in line for line in lines)


def test_jobs_have_the_name_of_their_output_folder():
    names = {
        Queue(SimpleNamespace(), Path(name), EngineOptions(Path(name)))._name for name in "aab"
    }
    assert len(names) == 2


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("--partition=gpu", "without its dashes"),
        ("partition gpu", "without its dashes"),
        ("partition=", "without its dashes"),
        ("a=b\n#SBATCH --wrap=c", "without its dashes"),
        ("array=1-3", "the engine sets it"),
        ("cpus-per-task=2", "--threads says it"),
    ],
)
def test_what_is_no_option_of_sbatch_is_refused(given, reason):
    with pytest.raises(ValueError, match=reason):
        arguments.sbatch_option(given)
    with pytest.raises(ValueError, match="slurm must be a mapping"):
        arguments.check(slurm=given)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"address": "127.0.0.1:1"}, "--address .* goes with --engine ray"),
        ({"gpus_per_run": 0.5}, r"--gpus-per-run 0\.5: Slurm gives whole GPUs; .*--pack"),
    ],
)
def test_options_of_ray_are_refused(given, reason):
    with (
        pytest.raises(EngineError, match=reason),
        open_engine("slurm", EngineOptions(Path("out"), **given)),
    ):
        pass


def test_without_submitit_or_slurm_the_remedy_is_named(tmp_path, monkeypatch):
    def refused(reason):
        with (
            pytest.raises(EngineError, match=reason),
            open_engine("slurm", EngineOptions(tmp_path)),
        ):
            pass

    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "submitit", None)
        refused(r"pip install 'disbench\[slurm\]'")
    monkeypatch.setenv("PATH", str(tmp_path))
    refused("sbatch is not found here: start on a machine that jobs are submitted from")
    for name in ("sbatch", "scancel", "squeue", "sinfo", "sacct"):
        (tmp_path / name).write_text("#!/bin/sh\necho nobody is there >&2\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    refused("Slurm does not answer: sinfo failed: nobody is there")
    (tmp_path / "sinfo").write_text("#!/bin/sh\n")
    refused("sacct failed: nobody is there; states of jobs are read from the accounting")
