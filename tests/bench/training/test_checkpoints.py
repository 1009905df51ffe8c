"""Checkpoints: a pack that was interrupted ends as if it had not been."""

import os
import signal

import numpy as np
import pytest
import torch

import datasets
from bench.engines import stopping
from bench.grid.packs import Execution, Pack
from bench.store.results import Failure
from bench.training.checkpoints import Checkpoints
from bench.training.context import Context
from bench.training.train import train

from .kinds import BALL, STEPS, PluggedOutError, spec_of, trained

# Four steps a window, so that a checkpoint may fall into the middle of one.
HISTORY_ROWS = 6
INTERRUPTIONS = (1, 10, 11, 22)


@pytest.fixture(autouse=True)
def _short_history(monkeypatch):
    monkeypatch.setattr("bench.training.recorder.HISTORY_ROWS", HISTORY_ROWS)


PACKS = {
    "one": (spec_of("capacity_vae"),),
    "several": (spec_of("vae", seed=1), spec_of("annealed_beta_vae"), spec_of("beta_tcvae")),
}


@pytest.mark.parametrize("specs", PACKS.values(), ids=PACKS)
def test_a_resumed_pack_ends_with_the_same_bits(specs, tmp_path):
    whole = trained(specs)
    for stop_at in INTERRUPTIONS:
        path = tmp_path / f"{stop_at}"
        with pytest.raises(PluggedOutError):
            trained(specs, path, stop_at=stop_at, steps=5)
        assert path.exists() == (stop_at > 5)
        resumed = trained(specs, path, steps=5)
        assert not path.exists()
        for before, after in zip(whole, resumed, strict=True):
            assert before.state == after.state
            assert before.history.equals(after.history)
            assert np.array_equal(before.means, after.means)
            assert before.reconstruction == after.reconstruction


def test_a_resumed_pack_takes_no_step_twice(tmp_path):
    (spec,) = PACKS["one"]
    with pytest.raises(PluggedOutError):
        trained([spec], tmp_path / "pack", stop_at=17, steps=5)
    steps = []

    def report(done, loss, stage=""):
        if not stage:
            steps.append(done)

    context = Context(report, Checkpoints(tmp_path / "pack"))
    list(train(Pack((spec,), Execution()), datasets.load("ball", **BALL), context))
    assert steps == list(range(16, STEPS + 1))


def test_a_member_that_diverged_stays_out_of_the_resumed_pack(tmp_path):
    specs = (spec_of("vae"), spec_of("beta_vae", beta=1e39))
    with pytest.raises(PluggedOutError):
        trained(specs, tmp_path / "pack", stop_at=12, steps=5)
    outcomes = trained(specs, tmp_path / "pack")
    assert [type(outcome) for outcome in outcomes] == [Failure, type(outcomes[1])]
    assert outcomes[0].spec == specs[1]
    assert outcomes[0].reason == "the loss was not finite by step 4"
    assert outcomes[1].state == trained(specs)[1].state


def test_a_damaged_checkpoint_is_not_believed(tmp_path, caplog):
    (spec,) = PACKS["one"]
    path = tmp_path / "pack"
    with pytest.raises(PluggedOutError):
        trained([spec], path, stop_at=17, steps=5)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    (outcome,) = trained([spec], path)
    assert "is damaged" in caplog.text
    assert outcome.state == trained([spec])[0].state


def test_a_signal_during_training_is_kept_until_the_checkpoint(tmp_path):
    (spec,) = PACKS["one"]
    path = tmp_path / "pack"

    def report(steps, loss, stage=""):
        if steps == 7:
            os.kill(os.getpid(), signal.SIGTERM)

    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    stopping.install()
    try:
        context = Context(report, Checkpoints(path))
        outcomes = train(Pack((spec,), Execution()), datasets.load("ball", **BALL), context)
        with pytest.raises(stopping.Stopped) as stopped:
            list(outcomes)
    finally:
        stopping.install()
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert stopped.value.number == signal.SIGTERM
    steps = []
    context = Context(lambda done, *_: steps.append(done), Checkpoints(path))
    (outcome,) = train(Pack((spec,), Execution()), datasets.load("ball", **BALL), context)
    assert steps[0] == 8
    assert outcome.state == trained([spec])[0].state


def test_without_a_place_nothing_is_kept():
    checkpoints = Checkpoints(None, seconds=0)
    assert not checkpoints.due(5)


def test_checkpoints_come_by_time_or_by_step(tmp_path):
    assert Checkpoints(tmp_path / "a", seconds=0).due(1)
    assert not Checkpoints(tmp_path / "a", seconds=1e9).due(10**6)
    by_step = Checkpoints(tmp_path / "a", seconds=1e9, steps=10)
    written = []
    for step in range(35):
        if by_step.due(step):
            by_step.save(step, b"")
            written.append(step)
    assert written == [10, 20, 30]


def test_checkpoints_hold_plain_values_only(tmp_path):
    (spec,) = PACKS["one"]
    with pytest.raises(PluggedOutError):
        trained([spec], tmp_path / "pack", stop_at=7, steps=5)
    content = Checkpoints(tmp_path / "pack").load()
    with (tmp_path / "content.pt").open("wb") as file:
        file.write(content)
    state = torch.load(tmp_path / "content.pt", weights_only=True)
    assert state["step"] == 5


def test_a_checkpoint_of_another_shape_is_not_gone_on_from(tmp_path, caplog):
    (spec,) = PACKS["one"]
    Checkpoints(tmp_path / "pack").save(5, b"not what torch wrote")
    (outcome,) = trained([spec], tmp_path / "pack")
    assert "cannot be resumed from" in caplog.text
    assert outcome.state == trained([spec])[0].state


def test_a_pack_whose_members_are_all_out_leaves_nothing_behind(tmp_path):
    specs = (spec_of("beta_vae", beta=1e39),)
    (outcome,) = trained(specs, tmp_path / "pack", steps=2)
    assert isinstance(outcome, Failure)
    assert not (tmp_path / "pack").exists()
