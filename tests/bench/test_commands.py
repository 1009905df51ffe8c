"""All commands: what is printed to nobody, numbers and paths that nobody can mean, signals."""

import json
import logging
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bench import errors, export, load_grid, load_results, load_run, report, run, score, share
from bench.engines import cpus as _cpus, stopping
from bench.pipeline import run_grid
from datasets.__main__ import main as datasets_main

ROOT = Path(__file__).resolve().parents[2]
GRID = {"name": "a", "datasets": ["ball"], "seeds": [0], "models": [{"kind": "vae"}]}

# Every command in every state of its streams, one process for all: work is done, and printed.
STREAMS = """
import io, json, os, sys
from pathlib import Path
from types import SimpleNamespace
import pandas as pd
from bench import export, report, run, score, share
from datasets import __main__ as data

folder = Path(sys.argv[1])
(folder / "codes.npz").write_bytes(b"")
grid = folder / "grid.json"
grid.write_text(json.dumps(
    {"name": "a", "datasets": ["ball"], "seeds": [0], "models": [{"kind": "vae"}]}
))
done = []
named = folder / "\\u03b2\\udcff" / "report.html"
frame = pd.DataFrame({"model": ["\\u03b2"], "seed": 0, "metric": "m", "value": 1.0, "reason": None})
summary = SimpleNamespace(trained=1, already_done=0, failed=0, report=named)
found = SimpleNamespace(scores=frame, report=named, failed=0)


def work(answer):
    def works(*arguments, **options):
        done.append(1)
        return answer
    return works


run.run_grid, share.share, export.export = work(summary), work(named), work(named)
report.build = work(named)
report.Store = lambda path: SimpleNamespace(lock=lambda: open(os.devnull))
sys.modules["bench.score"]._read = lambda *given: [SimpleNamespace(name="a")]
sys.modules["bench.score"].score_models = work(found)
data.load = work(SimpleNamespace(packed_bits=lambda: None, fingerprint="\\u03b2\\udcff"))
mains = {
    "run": (run.main, [str(grid)]),
    "list": (run.main, [str(grid), "--dry-run"]),
    "report": (report.main, ["."]),
    "score": (sys.modules["bench.score"].main, ["codes.npz"]),
    "share": (share.main, ["a", "b"]),
    "export": (export.main, ["a", "b"]),
    "datasets": (data.main, ["draw", "dsprites"]),
}
run.estimate_seconds = work(1.0)
reader, unread = os.pipe()
os.close(reader)
full = os.open("/dev/full", os.O_WRONLY)
nowhere = os.open(os.devnull, os.O_WRONLY)


def lead(number, where, encoding):
    stream = ("stdin", "stdout", "stderr")[number]
    if where is None:
        os.close(number)
        setattr(sys, stream, None)
    else:
        os.dup2(where, number)
        text = io.TextIOWrapper(io.FileIO(number, "w", closefd=False), encoding=encoding)
        setattr(sys, stream, text)


codes = {}
for name, (main, arguments) in mains.items():
    for state, out, error, encoding in (
        ("heard", nowhere, nowhere, "utf-8"),
        ("ascii", nowhere, nowhere, "ascii"),
        ("latin-1", nowhere, nowhere, "latin-1"),
        ("no stderr", nowhere, None, "utf-8"),
        ("no stdout", None, nowhere, "utf-8"),
        ("neither", None, None, "utf-8"),
        ("full stderr", nowhere, full, "utf-8"),
        ("full", full, nowhere, "utf-8"),
        ("unread", unread, nowhere, "utf-8"),
        ("unread both", unread, unread, "utf-8"),
    ):
        lead(1, out, encoding)
        lead(2, error, encoding)
        done.clear()
        try:
            codes[f"{name}, {state}"] = main(arguments), len(done)
        except BaseException as raised:
            codes[f"{name}, {state}"] = repr(raised), len(done)
(folder / "codes.json").write_text(json.dumps(codes))
os._exit(0)
"""
EXITS = {"full": 2, "unread": 141, "unread both": 141}


def test_every_command_does_its_work_wherever_its_streams_lead(tmp_path):
    subprocess.run([sys.executable, "-c", STREAMS, tmp_path], cwd=ROOT, check=True, timeout=120)
    codes = json.loads((tmp_path / "codes.json").read_text())
    assert len(codes) == 70
    wrong = {
        name: (code, done)
        for name, (code, done) in codes.items()
        if code != EXITS.get(name.partition(", ")[2], 0)
        or (done != 1 and not name.startswith("list"))
    }
    assert wrong == {}


@pytest.mark.parametrize(
    ("redirected", "code", "said"),
    [
        ("> /dev/full", 2, "error: standard output: No space left on device\n"),
        ("| (exec <&-; sleep 0.3); exit ${PIPESTATUS[0]}", 141, ""),
        (">&- 2>&- <&-", 0, ""),
    ],
)
def test_the_interpreter_has_nothing_to_add_at_its_end(redirected, code, said):
    # Without the wait of a reader that is gone already, the pipe might take all of it.
    command = f"{sys.executable} -c 'import sys, time; time.sleep(0.2); "
    command += f'from datasets.__main__ import main; sys.exit(main(["list"]))\' {redirected}'
    answer = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (answer.returncode, answer.stderr) == (code, said)


NUMBERS = {
    run: ["--workers", "--threads", "--pack", "--checkpoint-seconds", "--gpus-per-run"],
    score: ["--workers"],
    share: ["--workers", "--code-bits", "--history-rows"],
}
ARGUMENTS = {
    run: ["grid.yaml"],
    score: ["codes.npz"],
    share: ["a", "b"],
    export: ["a", "b"],
    report: ["a"],
}
IMPOSSIBLE = ["0", "-1", "nan", "inf", "-inf", "1e999", "1" + 30 * "0", "", "two", "1,5"]


@pytest.mark.parametrize("value", IMPOSSIBLE)
def test_numbers_that_nobody_can_mean_are_refused_when_they_are_read(capsys, value):
    for module, options in NUMBERS.items():
        for option in options:
            with pytest.raises(SystemExit, match="2"):
                module.main([*ARGUMENTS[module], f"{option}={value}"])
            said = capsys.readouterr().err.splitlines()[-1]
            assert f"argument {option}: must be " in said
            assert len(said) < 200


def test_every_number_of_the_command_line_has_limits():
    for path in (ROOT / "bench").rglob("*.py"):
        assert not re.search(r"type=(int|float)\b", path.read_text()), path


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), 10**30, 1e300, "2", True])
@pytest.mark.parametrize("name", ["workers", "pack", "gpus_per_run", "checkpoint_seconds"])
def test_keywords_that_nobody_can_mean_are_refused_before_anything_is_made(tmp_path, name, value):
    with pytest.raises(ValueError, match=rf"^{name} must be "):
        run_grid(GRID, out=tmp_path / "out", **{name: value})
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("value", ["~nosuchuser/out", "a\0b", "a\ud800"])
def test_paths_that_cannot_be_are_refused_in_a_line(tmp_path, capsys, monkeypatch, value):
    monkeypatch.chdir(tmp_path)
    for module, arguments in ARGUMENTS.items():
        for given in ([value, *arguments[1:]], [*arguments, "--out", value]):
            if module in (share, export, report) and "--out" in given:
                continue
            with pytest.raises(SystemExit, match="2"):
                module.main(given)
            assert "must be a path, not" in capsys.readouterr().err.splitlines()[-1]
    with pytest.raises(ValueError, match=r"^out must be a path"):
        run_grid(GRID, out=value)
    with pytest.raises(errors.GridError, match=r"cannot be read|no path of a file"):
        load_grid(value)
    for read in (load_results, lambda path: share.share(path, "copy")):
        with pytest.raises(errors.DisbenchError, match="must be a path"):
            read(value)
    with pytest.raises(ValueError, match="must be a path"):
        load_run(value)
    assert [*tmp_path.iterdir()] == []


def test_a_home_folder_is_found(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert report.main(["~/nothing"]) == 2
    assert f"error: {tmp_path}/nothing: is not an output folder" in capsys.readouterr().err


def test_every_error_that_a_command_tells_is_of_one_class():
    from bench import engines, errors
    from bench.store import files, folder, store
    from bench.training import timing as estimate

    classes = [
        errors.GridError,
        errors.CodesError,
        engines.EngineError,
        files.DamagedError,
        files.WriteError,
        store.StoreError,
        folder.LockedError,
        errors.DeviceError,
        errors.MissingPackageError,
        estimate.TimingError,
    ]
    assert all(issubclass(each, errors.DisbenchError) for each in classes)


def test_a_file_that_cannot_be_read_is_named_in_a_line(capsys, monkeypatch):
    def build(*given, **options):
        raise PermissionError(13, "Permission denied", "results/a\nb")

    monkeypatch.setattr(report, "build", build)
    monkeypatch.setattr(report, "Store", lambda path: _Free())
    assert report.main(["results"]) == 2
    assert capsys.readouterr().err == "error: results/a\\nb: Permission denied\n"


class _Free:
    folder = Path()

    def lock(self):
        return open(os.devnull)


@pytest.fixture
def signals():
    """Give this process its own signals back, and forget those that came."""
    with stopping.kept():
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        yield
        stopping.install()


MAINS = {
    "run": (run, "run_grid", ["{grid}"]),
    "report": (report, "Store", ["a"]),
    "score": (sys.modules["bench.score"], "_read", ["a.npz"]),
    "share": (share, "share", ["a", "b"]),
    "export": (export, "export", ["a", "b"]),
}


@pytest.mark.parametrize("name", MAINS)
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_every_command_with_its_code(
    signals, tmp_path, monkeypatch, capsys, name, number
):
    (tmp_path / "grid.json").write_text(json.dumps(GRID))
    module, work, arguments = MAINS[name]
    monkeypatch.setattr(module, work, lambda *given, **options: os.kill(os.getpid(), number))
    given = [argument.format(grid=tmp_path / "grid.json") for argument in arguments]
    assert module.main(given) == 128 + number
    said = capsys.readouterr().err
    assert re.fullmatch(rf"stopped by {number.name}; [a-z ]+\n", said)


def test_a_terminal_that_is_closed_tells_twice_and_loses_no_checkpoint(signals):
    stopping.install()
    with stopping.deferred():
        # The shell tells its jobs, and then the system tells its process group.
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGHUP)
        assert stopping.pending()
    with pytest.raises(stopping.Stopped):
        stopping.check()


@pytest.mark.parametrize("worker", [False, True])
def test_a_process_that_outlives_its_terminal_goes_on_doing_so(signals, worker):
    # As nohup starts it.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    stopping.install(worker=worker)
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_what_the_process_may_use_is_counted_and_not_what_there_is(tmp_path, monkeypatch):
    groups, root = tmp_path / "cgroup", tmp_path / "sys"
    monkeypatch.setattr(_cpus, "_GROUPS", groups)
    monkeypatch.setattr(_cpus, "_ROOT", root)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    affinity = set(range(8))
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: affinity, raising=False)

    def write(name, text):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)

    assert _cpus.usable_cpus() == 8
    groups.write_text("0::/job/step\n")
    assert _cpus.usable_cpus() == 8
    write("cpu.max", "max 100000\n")
    write("job/step/cpu.max", "max 100000\n")
    assert _cpus.usable_cpus() == 8
    # The quota of a group above holds, and part of a processor is one.
    write("job/cpu.max", "350000 100000\n")
    assert _cpus.usable_cpus() == 4
    write("job/step/cpu.max", "10000 100000\n")
    assert _cpus.usable_cpus() == 1
    groups.write_text("4:memory:/job\n3:cpuset:/\n1:cpu,cpuacct:/job\n0::/\n")
    assert _cpus.usable_cpus() == 8
    write("cpu/job/cpu.cfs_quota_us", "-1\n")
    write("cpu/job/cpu.cfs_period_us", "100000\n")
    assert _cpus.usable_cpus() == 8
    write("cpu/job/cpu.cfs_quota_us", "200000\n")
    assert _cpus.usable_cpus() == 2
    affinity = {3}
    assert _cpus.usable_cpus() == 1


def test_nobody_counts_processors_otherwise():
    for folder in ("bench", "datasets", "metrics", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            if path.name != "cpus.py":
                assert "cpu_count" not in path.read_text(), path


def test_a_process_without_standard_error_makes_a_report(monkeypatch, caplog):
    from bench.engines.progress import progress

    caplog.set_level(logging.INFO)
    monkeypatch.setattr(sys, "stderr", None)
    with progress("score", ["a"], [1]) as shown:
        shown.end(0, None)


def test_datasets_leave_no_traceback_when_they_are_interrupted(monkeypatch, capsys):
    def load(name):
        raise KeyboardInterrupt

    monkeypatch.setattr("datasets.__main__.load", load)
    assert datasets_main(["draw", "dsprites"]) == 130
    assert capsys.readouterr().err == "stopped by SIGINT\n"
