"""The Ray engine without a cluster: one that is lost, and the code that is sent to one."""

import itertools
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.engines import EngineError, EngineOptions
from bench.engines.ray import shipping as _shipping, watch as _watch
from bench.engines.ray.cluster import RayEngine
from tests.reliability import tasks


def _errors():
    """Return what Ray raises, by name."""
    base = type("RayError", (Exception,), {})
    names = ("RayTaskError", "NodeDiedError", "OutOfMemoryError", "WorkerCrashedError")
    return {"RayError": base, **{name: type(name, (base,), {}) for name in names}}


class FakeRay:
    """A cluster of one node as Ray shows it, whose head may be gone, and whose tasks are lost."""

    exceptions = SimpleNamespace(**_errors())

    def __init__(self, lost):
        self.lost, self.begun = lost, 0
        self.util = SimpleNamespace(
            scheduling_strategies=SimpleNamespace(
                NodeAffinitySchedulingStrategy=lambda *given, **options: None
            )
        )
        self.has_nodes, self.there = True, threading.Event()
        self.there.set()

    def get_runtime_context(self):
        return SimpleNamespace(gcs_address="127.0.0.1:1", get_node_id=lambda: "a")

    def nodes(self):
        self.there.wait()
        node = {"NodeID": "a", "Alive": self.has_nodes, "Resources": {"CPU": 2}}
        return [node | {"NodeManagerHostname": "a", "NodeManagerAddress": "127.0.0.1"}]

    def remote(self, what):
        def begin(*given):
            self.begun += 1
            return self.begun

        actor = SimpleNamespace(take=SimpleNamespace(remote=lambda: None))
        remote = (lambda: actor) if isinstance(what, type) else begin
        return SimpleNamespace(options=lambda **given: SimpleNamespace(remote=remote))

    def wait(self, tasks, num_returns=1, timeout=None):
        return (tasks, []) if tasks[0] is not None else ([], tasks)

    def get(self, task):
        raise self.lost

    def cancel(self, task, force=False):
        pass


LOST = [
    (FakeRay.exceptions.RayError("no environment"), EngineError, "runs no tasks: no environment"),
    (FakeRay.exceptions.NodeDiedError("it died"), None, "4 nodes were lost while they were at it"),
    (FakeRay.exceptions.WorkerCrashedError("it died"), None, "the worker died"),
]


@pytest.fixture
def fake(monkeypatch):
    """Return a function that connects an engine to a fake cluster of a loss, without waiting."""
    monkeypatch.setattr(_watch, "LOOK_SECONDS", 0.001)
    monkeypatch.setattr(_watch.Watch, "listens", lambda self: self._ray.there.is_set())
    monkeypatch.setattr("bench.engines.ray.cluster.POLL_SECONDS", 0.001)
    made = []

    def connected(lost):
        made.append(RayEngine(FakeRay(lost), EngineOptions(Path("out"))))
        return made[-1]

    yield connected
    for engine in made:
        engine._ray.there.set()
        engine.close()


@pytest.mark.parametrize(("lost", "error", "reason"), LOST)
def test_a_clusters_own_troubles_are_no_failures_of_runs(fake, lost, error, reason):
    answers = fake(lost).run_tasks(tasks.add, [1], progress=lambda *_: None)
    if error:
        with pytest.raises(error, match=reason):
            list(answers)
    else:
        ((_, answer),) = answers
        assert reason in str(answer)


@pytest.mark.parametrize("lost", [case[0] for case in LOST[:2]])
def test_a_cluster_that_is_gone_ends_the_start_and_blames_no_run(fake, monkeypatch, lost):
    monkeypatch.setattr(_watch, "GONE_SECONDS", 0.1)
    engine = fake(lost)
    engine._ray.there.clear()
    with pytest.raises(EngineError, match=r"the Ray cluster is gone: .* 127\.0\.0\.1:1 does not"):
        list(engine.run_tasks(tasks.add, [1, 2, 3], progress=lambda *_: None))


def test_a_cluster_without_nodes_is_waited_for_and_then_given_up(fake, monkeypatch, caplog):
    monkeypatch.setattr(_watch, "NODELESS_SECONDS", 0.1)
    engine = fake(LOST[0][0])
    engine._ray.has_nodes = False
    with pytest.raises(EngineError, match="no node that takes tasks for 0 s: add one"):
        any(engine.status() is None for _ in itertools.count())
    assert "no node is left; waiting" in caplog.text


def test_a_cluster_is_sent_code_and_no_data(tmp_path):
    kept = ["bench/run.py", "mine.py", "a b/[c].py"]
    gone = {
        ".venv/lib/x.py": "/.venv/",
        "environment/pyvenv.cfg": "/environment/",
        "results/g/tables/runs.csv": "/results/",
        "a b/out/store.json": r"/a\ b/out/",
        ".env": "/.env",
        "bench/__pycache__/run.pyc": "/bench/__pycache__/",
    }
    for name in [*kept, *gone]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("small")
    (tmp_path / "a b" / "[large]!.npz").write_bytes(bytes(_shipping.FILE_BYTES + 1))
    (tmp_path / "data").symlink_to("/")
    assert set(_shipping.left_out(tmp_path)) == {*gone.values(), r"/a\ b/\[large\]\!.npz", "/data"}


def test_a_checkout_that_is_too_large_is_refused_with_the_folder_to_move(tmp_path, monkeypatch):
    monkeypatch.setattr(_shipping, "TOTAL_BYTES", 10)
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "run.py").write_text("code")
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "1.txt").write_text("images")
    assert _shipping.left_out(tmp_path) == []
    (tmp_path / "images" / "2.txt").write_text("images")
    with pytest.raises(EngineError, match="images: move it out"):
        _shipping.left_out(tmp_path)


def test_the_code_of_a_submitted_job_is_not_sent_again(tmp_path, monkeypatch):
    assert _shipping.runtime_environment(tmp_path)["working_dir"] == str(tmp_path)
    job = '{"runtime_env": {"working_dir": "gcs://package.zip"}}'
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", job)
    monkeypatch.setenv("DISBENCH_CACHE", "/scratch")
    assert _shipping.runtime_environment(tmp_path).keys() == {"env_vars"}
