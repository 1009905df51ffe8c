"""Every engine does the same: answers, progress, failures, and the tables of a grid."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pandas as pd
import pytest

from bench import report
from bench.engines import ENGINES, EngineError, EngineOptions, machines, open_engine, stopping
from bench.engines.base import Crashed, Demand
from bench.engines.progress import progress
from bench.engines.ray import nodes as _nodes
from bench.engines.slurm import stage
from bench.errors import DeviceError
from bench.grid.packs import Execution
from bench.pipeline import run_grid
from bench.store.files import WriteError
from bench.store.store import Store
from bench.training.device import settle_device
from tests.bench.conftest import SMALL_BALL
from tests.reliability import tasks
from tests.reliability.processes import HANG, needs_proc, tables, wait_for

# On one worker of xdist, which has one cluster.
on_cluster = [
    pytest.mark.slow,
    pytest.mark.endurance,
    pytest.mark.xdist_group("ray"),
    pytest.mark.timeout(2 * HANG),
]
on_slurm = [
    pytest.mark.slow,
    pytest.mark.endurance,
    pytest.mark.xdist_group("slurm"),
    pytest.mark.timeout(3 * HANG),
]
SERIAL = pytest.param(("local", 1), id="serial")
POOL = pytest.param(("local", 2), id="pool", marks=pytest.mark.slow)
RAY = pytest.param(("ray", None), id="ray", marks=on_cluster)
# Slurm's engine with jobs that are processes of this machine, and with a real Slurm.
JOBS = pytest.param(("jobs", None), id="jobs", marks=pytest.mark.endurance)
SLURM = pytest.param(("slurm", None), id="slurm", marks=on_slurm)


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """Nodes share two cores with other tests."""
    monkeypatch.setattr(_nodes, "CHECK_SECONDS", float(HANG))
    monkeypatch.delenv("DISBENCH_CACHE", raising=False)


def _refused(capsys, tmp_path, *given):
    """Return what the command line says of options that cannot be used."""
    from bench.run import main

    grid = tmp_path / "grid.json"
    grid.write_text(
        '{"name": "a", "datasets": ["ball"], "seeds": [0], "models": [{"kind": "vae"}]}'
    )
    assert main([str(grid), "--out", str(tmp_path / "out"), "--engine", "ray", *given]) == 2
    return capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.endurance
@pytest.mark.xdist_group("ray")
@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("127.0.0.1:1", "no Ray cluster is there"),
        ("nowhere", "no Ray cluster is there"),
        ("ray://127.0.0.1:1", "the driver has to run on a node"),
        ("local", "the driver has to run on a node"),
    ],
)
def test_a_cluster_that_is_not_there_is_not_started(capsys, tmp_path, monkeypatch, address, reason):
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'disbench[ray]'")
    assert reason in _refused(capsys, tmp_path, "--address", address)
    monkeypatch.setenv("RAY_ADDRESS", address)
    assert reason in _refused(capsys, tmp_path)
    assert not ray.is_initialized()


GRID = {
    "name": "engines",
    "datasets": [SMALL_BALL],
    "seeds": [0, 1],
    # A rate of learning that no float survives.
    "models": [{"kind": "vae"}, {"kind": "beta_vae", "beta": 4, "learning_rate": 1e30}],
    "train": {"steps": 4, "batch_size": 16, "n_latents": 2},
    "metrics": ["mig"],
}


@pytest.mark.slow
@pytest.mark.endurance
@pytest.mark.xdist_group("ray")
@pytest.mark.timeout(2 * HANG)
def test_a_grid_has_the_same_tables_and_failures_on_a_cluster(cluster, tmp_path, monkeypatch):
    # That a pool has them too is in tests/reliability/test_numbers.py and test_workers.py.
    monkeypatch.setattr(report, "draw_all", lambda study: [])
    here, there = tmp_path / "here", tmp_path / "there"
    run_grid(GRID, out=here, pack=2)
    summary = run_grid(GRID, out=there, pack=2, engine="ray", workers=2, address=cluster.address)
    assert (summary.trained, summary.already_done, summary.failed) == (2, 0, 2)
    assert tables(there) == tables(here)
    failures = pd.read_csv(there / "tables" / "failures.csv")
    assert len(failures) == 2
    assert failures["reason"].str.startswith("the loss was not finite").all()
    # Packs are scheduled whole.
    runs, _ = Store(there).scan()
    names = sorted(run.run_id for run in runs)
    assert [sorted(run.manifest.execution.pack) for run in runs] == [names, names]


@pytest.fixture(scope="module")
def connected(cluster, tmp_path_factory):
    """Return a cluster's engine: one connection for all that comes after the tests above."""
    out = tmp_path_factory.mktemp("ray") / "out"
    Store(out, create=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_nodes, "CHECK_SECONDS", float(HANG))
        patch.delenv("DISBENCH_CACHE", raising=False)
        with open_engine("ray", EngineOptions(out, address=cluster.address)) as opened:
            yield opened


@pytest.fixture(scope="module")
def queued(slurm, tmp_path_factory):
    """Return Slurm's engine, which looks at its jobs more often than it would elsewhere."""
    out = tmp_path_factory.mktemp("slurm") / "out"
    Store(out, create=True)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in slurm.environment.items():
            patch.setenv(name, value)
        for name, seconds in {"POLL": 0.1, "REPORT": 0.2, "STATE": 1.0}.items():
            patch.setattr(stage, f"{name}_SECONDS", seconds)
        with open_engine("slurm", EngineOptions(out)) as opened:
            yield opened


@pytest.fixture(scope="class", params=[SERIAL, POOL, RAY, JOBS, SLURM])
def engine(request, tmp_path_factory):
    """Return an engine of each kind."""
    name, workers = request.param
    if name in ("ray", "slurm"):
        yield request.getfixturevalue("connected" if name == "ray" else "queued")
        return
    folder = tmp_path_factory.mktemp("engine")
    if name == "jobs":
        from tests.bench.engines.jobs_here import slurm_here

        with slurm_here(folder / "out") as opened:
            yield opened
        return
    with open_engine(name, EngineOptions(folder, workers)) as opened:
        yield opened


def silent(position, told):
    """Take progress that nobody looks at."""


class TestEveryEngine:
    def test_each_task_is_answered_once_at_its_position(self, engine):
        answers = list(engine.run_tasks(tasks.add, [*range(40)], progress=silent))
        assert sorted(answers) == [(position, position + 1) for position in range(40)]

    def test_no_tasks_have_no_answers(self, engine):
        assert list(engine.run_tasks(tasks.add, [], progress=silent)) == []

    def test_progress_comes_in_order_with_the_position_of_its_task(self, engine, tmp_path):
        seen = {0: [], 1: []}

        def take(position, told):
            seen[position].append(told)
            if len(seen[position]) == 2:
                (tmp_path / str(position)).touch()

        given = [(10, str(tmp_path / "0")), (11, str(tmp_path / "1"))]
        counted = dict(engine.run_tasks(tasks.count, given, progress=take))
        for position, told in seen.items():
            numbers = [number for number, _ in told]
            assert len(numbers) >= 2
            assert numbers == sorted(set(numbers))
            assert 0 < numbers[0] <= numbers[-1] <= counted[position]
            assert {task for _, task in told} == {10 + position}

    def test_what_a_task_raises_ends_the_rest_with_the_same_error(self, engine):
        given = ["a", "refuse", *"bcdefgh"]
        with pytest.raises(WriteError, match=r"^no: cannot be written$"):
            list(engine.run_tasks(tasks.refuse, given, progress=silent))
        # What was under way is over: nobody answers for it later.
        answers = list(engine.run_tasks(tasks.add, [1, 2], progress=silent))
        assert sorted(answers) == [(0, 2), (1, 3)]

    def test_an_error_that_cannot_be_sent_is_told_all_the_same(self, engine):
        with pytest.raises(Exception, match="one, and two"):
            list(engine.run_tasks(tasks.raise_odd, [1], progress=silent))

    def test_whoever_needs_no_more_answers_can_stop(self, engine):
        # The others are at work, or have not begun, when the first has ended.
        answers = engine.run_tasks(tasks.sleep, [0.1, *[HANG] * 39], progress=silent)
        assert next(answers) == (0, 0.1)
        answers.close()
        assert dict(engine.run_tasks(tasks.add, [5], progress=silent)) == {0: 6}

    def test_a_dead_worker_costs_its_own_task_and_no_other(self, engine, request):
        if request.node.callspec.id == "serial":
            # There the worker is the driver, as docs/reliability.md says.
            assert engine.status() == ""
            return
        given = ["a", "die", "b", "c", "die", "d"]
        answers = dict(engine.run_tasks(tasks.die, given, progress=silent))
        dead = [position for position, answer in answers.items() if isinstance(answer, Crashed)]
        assert sorted(dead) == [1, 4]
        assert all(str(answers[position]).startswith("the worker ") for position in dead)
        assert {answers[position] for position in (0, 2, 3, 5)} == set("abcd")


class TestRay:
    pytestmark = on_cluster

    def test_nodes_have_the_code_and_nothing_of_what_lies_beside_it(self, connected):
        names = dict(connected.run_tasks(tasks.folder, [0], progress=silent))[0]
        tops = {Path(name).parts[0] for name in names}
        assert {"bench", "metrics", "datasets", "tests"} <= tops
        assert not {top for top in tops if top.startswith(".") or top in ("results", "docs")}
        # The commit is known all the same.
        assert dict(connected.run_tasks(tasks.commit, [0], progress=silent)) == {
            0: tasks.commit(0, None)
        }

    def test_a_data_set_is_drawn_once_on_each_node(self, connected, cluster, tmp_path):
        given = 4 * [str(tmp_path)]
        answers = dict(connected.run_tasks(tasks.draw, given, progress=silent))
        caches = {cache for cache, _ in answers.values()}
        assert caches == {str(cluster.cache(node)) for node in cluster.nodes}
        # Two processes of each node had it from one file.
        assert len(set(answers.values())) == 4
        for cache in caches:
            assert len((Path(cache) / "drawn").read_text().split()) == 1

    def test_what_no_node_has_is_refused(self, connected):
        assert connected.has_gpu() is False
        assert settle_device(Execution("auto"), connected).device == "cpu"
        with pytest.raises(DeviceError, match="no node of the cluster has a GPU"):
            settle_device(Execution("cuda"), connected)
        for demand in (Demand(threads=64), Demand(gpu=True)):
            with pytest.raises(EngineError, match=r"no node has the .*2 CPUs, 0 GPUs"):
                list(connected.run_tasks(tasks.add, [1], progress=silent, demand=demand))
        assert connected.status() == "2 nodes, 0 in flight"

    @needs_proc
    def test_an_output_folder_that_nodes_do_not_share_is_refused(
        self, connected, tmp_path, monkeypatch
    ):
        # This path leads to the working folder of whoever uses it: a disk of its own.
        here = Path("/proc/self/cwd/unshared")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(machines, "SEEN_SECONDS", 1.0)
        Store(here, create=True)
        self._refused(here, r"/unshared: node .* does not see it: name a folder .* with --out")
        # Now nodes have an output folder of that path too, but another one.
        list(connected.run_tasks(tasks.make_store, 8 * ["unshared"], progress=silent))
        self._refused(here, r"/unshared: what node .* writes there is not seen here")
        assert {path.name for path in here.iterdir()} == {"store.json"}
        names = dict(connected.run_tasks(tasks.folder, [0], progress=silent))[0]
        assert [name for name in names if "unshared" in name] == [
            "unshared",
            "unshared/store.json",
        ]

    def test_a_node_without_the_package_is_named(self, connected, tmp_path, monkeypatch):
        monkeypatch.setattr(_nodes, "__package__", "elsewhere.bench.engines")
        self._refused(tmp_path, r"node .* No module named 'elsewhere'.*: install")

    @needs_proc
    def test_a_node_that_does_not_answer_is_named(self, connected, cluster, tmp_path, monkeypatch):
        Store(tmp_path / "out", create=True)
        monkeypatch.setattr(_nodes, "CHECK_SECONDS", 2.0)
        asleep = cluster.processes(cluster.nodes[0])
        for pid in asleep:
            os.kill(pid, signal.SIGSTOP)
        try:
            self._refused(tmp_path / "out", r"node .* has not answered within 2 s")
        finally:
            for pid in asleep:
                os.kill(pid, signal.SIGCONT)

    def test_a_second_connection_is_refused(self, connected, tmp_path):
        with (
            pytest.raises(EngineError, match="connected to Ray already"),
            open_engine("ray", EngineOptions(tmp_path)),
        ):
            pass

    def _refused(self, folder, reason):
        import ray

        with pytest.raises(EngineError, match=reason):
            _nodes.check_nodes(ray, _nodes.working_nodes(ray), folder)


@pytest.mark.slow
@pytest.mark.endurance
@pytest.mark.xdist_group("ray")
@pytest.mark.timeout(2 * HANG)
@needs_proc
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_ray_waits_ends_the_tasks(connected, cluster, tmp_path, number):
    begun = []

    def take(position, told):
        begun.append(position)
        if len(begun) == 1:
            threading.Timer(0.5, os.kill, (os.getpid(), number)).start()

    given = 2 * [(1, str(tmp_path / "never"))]
    with stopping.kept():
        stopping.install()
        with pytest.raises(stopping.Stopped) as stopped:
            list(connected.run_tasks(tasks.count, given, progress=take))
        stopping.install()  # no signal waits any more
    assert stopped.value.number == number
    wait_for(lambda: not cluster.at_work(), "tasks are left")


def test_the_registry_has_the_engines_of_the_command_line():
    assert list(ENGINES) == ["local", "ray", "slurm"]
    with pytest.raises(EngineError, match="unknown engine 'dask'; known are: local, ray, slurm"):
        open_engine("dask", EngineOptions(Path("out")))


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"address": "127.0.0.1:1"}, "--address .* goes with --engine ray"),
        ({"gpus_per_run": 0.5}, "--gpus-per-run goes with a cluster"),
        ({"slurm": {"partition": "gpu"}}, "--slurm goes with --engine slurm"),
    ],
)
def test_options_of_a_cluster_are_refused_on_one_machine(given, reason):
    with (
        pytest.raises(EngineError, match=reason),
        open_engine("local", EngineOptions(Path("out"), **given)),
    ):
        pass


def test_without_ray_the_remedy_is_named(capsys, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert "pip install 'disbench[ray]'" in _refused(capsys, tmp_path)


def test_a_line_of_progress_says_how_the_runs_and_the_nodes_are_doing(caplog):
    caplog.set_level("INFO", logger="disbench")
    with progress(
        "train", ["a", "b", "c", "d"], [1, 1, 1, 1], lambda: "2 nodes, 3 in flight"
    ) as line:
        line.end(0, "it diverged")
        line.end(1, "it diverged too")
    # Nothing is done, so nothing is known of the time that is left.
    said = "train 2/4 (2 failed): b: FAILED: it diverged too; 2 nodes, 3 in flight"
    assert caplog.messages[-1] == said


def test_nobody_loads_ray_or_submitit_who_does_not_use_it():
    code = "import sys, bench.run, bench.pipeline; print({'ray', 'submitit'} & sys.modules.keys())"
    root = Path(__file__).resolve().parents[3]
    answer = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert answer.stdout.strip() == "set()", answer.stderr
