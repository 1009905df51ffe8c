"""A disk that is full or may not be written to: one clear line, and what is stored stays whole."""

import errno
import os
import resource
import shutil
import subprocess
import sys
from functools import partial

import pytest
from ruamel.yaml import YAML

from bench import pipeline, run
from bench.store.files import is_staged
from bench.store.store import Store
from tests.reliability import driver
from tests.reliability.driver import BALL
from tests.reliability.faults import faults_at
from tests.reliability.processes import HANG, ROOT, environment, needs_proc

GRID = {
    "name": "full",
    "datasets": [BALL],
    "models": [{"kind": "vae"}],
    "train": {"steps": 3, "batch_size": 8, "n_latents": 2},
    "metrics": ["mig"],
}


def _write(path, **changes):
    with path.open("w") as file:
        YAML().dump({**GRID, **changes}, file)
    return str(path)


@pytest.fixture
def with_a_run(tmp_path, monkeypatch):
    """Return a folder with a finished run, and the path of a grid that has one more."""
    monkeypatch.setattr(pipeline, "_execute", partial(driver.make, {}))
    monkeypatch.setattr(pipeline, "_decode", driver.undecoded)
    monkeypatch.setattr("bench.report.draw_all", lambda study: [])
    out = tmp_path / "out"
    assert pipeline.run_grid({**GRID, "seeds": [0]}, out=out).failed == 0
    return out, _write(tmp_path / "grid.yaml", seeds=[0, 1])


def _is_sound(out):
    store = Store(out)
    runs, damaged = store.scan()
    assert damaged == {}
    assert store.damaged(run.run_id for run in runs) == []
    assert not [path for path in out.rglob(".*") if is_staged(path)]
    assert not [*out.glob(".staging/*")]
    return len(runs)


@needs_proc
@pytest.mark.parametrize(
    ("error", "name"), [(errno.ENOSPC, "No space left"), (errno.EROFS, "Read-only file system")]
)
def test_the_command_line_says_in_a_line_what_could_not_be_written(
    error, name, with_a_run, tmp_path, monkeypatch, capsys
):
    prepared, grid = with_a_run
    codes = set()
    for n in range(1, 40, 3):
        out = tmp_path / f"at{n}"
        shutil.copytree(prepared, out)
        capsys.readouterr()
        with faults_at(n, out, error, monkeypatch, forever=True) as faults:
            code = run.main([grid, "--out", str(out), "--workers", "1", "--device", "cpu"])
        assert faults.hit
        codes.add(code)
        errors = capsys.readouterr().err
        assert code in (1, 2)
        assert "Traceback" not in errors
        if code == 2:
            (line,) = [line for line in errors.splitlines() if line.startswith("error: ")]
            assert str(out) in line
            assert name in line
        assert _is_sound(out) == len(Store(out).run_folders())
        assert Store(out).run_folders()
    assert 2 in codes


def _limit():
    """Let no file grow beyond 20 kB: smaller than a checkpoint, a model or a page."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))


@pytest.mark.endurance
@pytest.mark.timeout(3 * HANG)
def test_real_training_under_a_size_limit_fails_with_the_path_and_goes_on_without(tmp_path):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "tests.reliability.driver"]
    options = ["--out", str(out), "--workers", "2", "--device", "cpu"]

    def start(grid, **options_of_start):
        return subprocess.run(
            [*command, grid, *options],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=HANG,
            env=environment(),
            **options_of_start,
        )

    first = start(_write(tmp_path / "one.yaml", seeds=[0]))
    assert first.returncode == 0, first.stderr
    both = _write(tmp_path / "two.yaml", seeds=[0, 1])
    limited = start(both, preexec_fn=_limit)
    assert limited.returncode in (1, 2), limited.stderr
    assert "Traceback" not in limited.stderr
    assert f"WriteError: {out}" in limited.stderr
    assert "cannot be written: File too large" in limited.stderr
    assert _is_sound(out) == 1
    again = start(both)
    assert again.returncode == 0, again.stderr
    assert "1 made, 1 already done, 0 failed" in again.stdout


def test_a_folder_that_the_system_lets_nobody_make_is_refused(tmp_path, capsys):
    # Not even the superuser makes a folder in /proc.
    grid = _write(tmp_path / "grid.yaml", seeds=[0])
    place = "/proc/disbench" if os.path.isdir("/proc/self") else "/dev/null/disbench"
    assert run.main([grid, "--out", place]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith(f"error: {place}: cannot be used as output: ")
    assert errors.count("\n") == 1
