"""The command line: exit codes, messages, signals, and a driver that is killed in the middle."""

import logging
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from bench.grid.expand import expand
from bench.grid.load import load_grid, parse_grid
from bench.grid.packs import Execution, make_packs
from bench.pipeline import run_grid
from bench.report import main as report
from bench.run import main
from bench.training.timing import Costs, estimate_seconds, time_pack
from tests.bench.conftest import SMALL_BALL

ROOT = Path(__file__).resolve().parents[2]
# A hang limit, far above what anything here takes.
HANG = 120


@pytest.fixture
def write(small_grid, tmp_path):
    """Return a function that writes the small grid with changes and returns its path."""

    def write_grid(**changes):
        path = tmp_path / "grid.yaml"
        with path.open("w") as file:
            YAML().dump({**small_grid, **changes}, file)
        return path

    return write_grid


def _start(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "bench.run", *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Under nohup it would be ignored, as it should be.
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    )


def _wait_for(condition):
    deadline = time.monotonic() + HANG
    while not condition():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.05)


def _tables(folder):
    return {path.name: path.read_bytes() for path in (folder / "tables").glob("*.csv")}


def test_dry_run_lists_the_runs_and_which_are_done(small_store, write, tmp_path, capsys):
    grid = write(seeds=[0, 1, 2])
    options = ["--dry-run", "--workers", "1"]
    assert main([str(grid), *options, "--out", str(small_store)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "17 runs: 12 done, 5 to do" in lines
    assert re.match(r"about \d+ minutes to train and encode with 1 worker,", lines[-1])
    # A new seed adds three models, an untrained encoder and random codes.
    assert sum("  to do  " in line for line in lines) == 5
    assert sum("  done  " in line for line in lines) == 12
    assert main([str(grid), *options, "--out", str(tmp_path / "new")]) == 0
    assert not (tmp_path / "new").exists()


def test_an_estimate_grows_with_the_work(small_grid):
    def seconds(workers=1, **changes):
        specs = expand(parse_grid({**small_grid, "seeds": [0], "baselines": False, **changes}))
        packs = make_packs(specs, Execution())
        costs = Costs(step=2.0, image=0.5)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("bench.training.timing._measured", lambda pack, workers: costs)
            return estimate_seconds(packs, workers)

    # Three models of 30 steps, each encoding 64 images.
    assert seconds() == 3 * (30 * 2 + 64 * 0.5)
    assert seconds(train={"steps": 60, "batch_size": 16}) == 3 * (60 * 2 + 64 * 0.5)
    assert seconds(evaluation={"images": 10}) == 3 * (30 * 2 + 10 * 0.5)
    assert seconds(workers=3) == 30 * 2 + 64 * 0.5
    # Two models at once, but no model twice as fast.
    assert seconds(workers=100) == 30 * 2 + 64 * 0.5


def test_what_costs_the_same_is_timed_once_and_the_timing_is_shown(monkeypatch, caplog):
    timed = []

    def measured(pack, workers):
        timed.append(pack.specs[0].dataset.name)
        return Costs(step=1.0, image=0.0)

    monkeypatch.setattr("bench.training.timing._measured", measured)
    caplog.set_level(logging.INFO, logger="disbench")
    # Four objectives on dSprites, two on the ball.
    packs = make_packs(expand(load_grid(ROOT / "grids" / "quick.yaml")), Execution())
    assert estimate_seconds(packs, 1) == 4 * 250 + 2 * 1500
    assert timed == ["dsprites", "ball"]
    first, *_, last = (record.getMessage() for record in caplog.records)
    assert first == "timing a few steps of dsprites vae, ball vae"
    assert last.startswith("time 2/2: ball vae: done")


@pytest.mark.parametrize("steps", [1, 2, 5, 16, 17])
def test_trainings_of_any_length_are_timed(steps):
    channel = {"kind": "factor_channel", "gamma": 10, "capacity": 5, "anneal_steps": 1}
    train = {"steps": steps, "batch_size": 4, "n_latents": 2}
    models = [{"kind": "vae"}, channel]
    grid = {"name": "short", "datasets": [SMALL_BALL], "models": models, "train": train}
    packs = make_packs(expand(parse_grid({**grid, "seeds": [0, 1]})), Execution(), 2)
    assert len(packs) == 2
    for pack in packs:
        costs = time_pack(pack, lambda *reported: None)
        assert min(costs.step, costs.image) > 0


def test_a_grid_that_trains_nothing_is_listed_and_not_timed(write, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("bench.run.estimate_seconds", None)
    small = parse_grid(YAML(typ="safe").load(write(seeds=[0])))
    baselines = [spec for spec in expand(small) if spec.kind.startswith("baseline")]
    monkeypatch.setattr("bench.run.expand", lambda grid, **_: baselines)
    assert main([str(write()), "--dry-run", "--out", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.endswith(f"{len(baselines)} runs: 0 done, 4 to do\n")


def test_what_cannot_be_timed_is_said_in_a_line(write, tmp_path, capsys, monkeypatch):
    def time_pack(pack, report):
        raise FileNotFoundError("no such images")

    monkeypatch.setattr("bench.training.timing.time_pack", time_pack)
    options = ["--dry-run", "--workers", "1", "--out", str(tmp_path / "out")]
    assert main([str(write()), *options]) == 2
    said = capsys.readouterr().err
    reason = "cannot time a step of vae on ball: FileNotFoundError: no such images"
    assert said == f"error: {reason}\n"


def test_a_bad_grid_is_refused_in_one_line_without_torch(write, tmp_path):
    grid = write(models=[{"kind": "vea"}])
    code = (
        "import sys; from bench.run import main; "
        "code = main([sys.argv[1]]); print(code, 'torch' in sys.modules, 'sklearn' in sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, str(grid)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.split() == ["2", "False", "False"]
    assert answer.stderr.startswith(f"error: {grid}: models.0.kind: must be one of")
    assert answer.stderr.count("\n") == 1


def test_a_missing_gpu_is_refused(write, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    arguments = [str(write()), "--out", str(tmp_path / "out"), "--device", "cuda"]
    assert main(arguments) == 2
    assert "use --device cpu" in capsys.readouterr().err


def test_report_refuses_a_folder_that_is_not_ours(tmp_path, capsys):
    assert report([str(tmp_path)]) == 2
    assert "is not an output folder" in capsys.readouterr().err


def test_a_failing_run_gives_exit_code_1(write, tmp_path, capsys):
    grid = write(models=[{"kind": "beta_vae", "beta": 1e39}], baselines=False)
    assert main([str(grid), "--out", str(tmp_path / "out"), "--workers", "1"]) == 1
    assert "0 made, 0 already done, 2 failed" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_the_driver_and_the_next_start_goes_on(write, tmp_path, number, code):
    # Long enough that no signal comes too late.
    settings = {"steps": 200_000, "batch_size": 16, "n_latents": 4}
    grid = write(train=settings, seeds=[0], baselines=False, models=[{"kind": "vae"}])
    out = tmp_path / "out"
    process = _start(grid, "--out", out, "--workers", 2, "--checkpoint-seconds", 0.2)
    _wait_for(lambda: [*out.glob("checkpoints/*.ckpt")])
    process.send_signal(number)
    errors = process.communicate(timeout=HANG)[1]
    assert process.returncode == code
    assert "resumes from here" in errors
    assert "Traceback" not in errors
    assert [*out.glob("checkpoints/*.ckpt")]
    assert _first_step(grid, out) > 1


class Enough(BaseException):
    """It has begun."""


def _first_step(grid, out):
    """Return the first step that a run reports when the same grid is started again."""
    seen = []

    def update(self, position, reported):
        seen.append(reported[0])
        raise Enough

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.engines.progress.Progress.update", update)
        with pytest.raises(Enough):
            run_grid(grid, out=out)
    return seen[0]


@pytest.mark.endurance
def test_a_driver_that_was_killed_once_ends_with_the_same_tables(small_store, write, tmp_path):
    grid, out = write(), tmp_path / "out"
    process = _start(grid, "--out", out, "--workers", 2)
    _wait_for(lambda: len(list(out.glob("runs/*"))) >= 2)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=HANG)
    assert main([str(grid), "--out", str(out), "--workers", "2"]) == 0
    assert _tables(out) == _tables(small_store)
    assert len(_tables(out)) >= 5
