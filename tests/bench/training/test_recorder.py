"""The loss that is shown while a window of steps is not over yet."""

import math

import pytest
import torch

from bench.grid.specs import SPEC_ADAPTER
from bench.training.recorder import HISTORY_ROWS, History

WINDOW = 100
SPEC = {"kind": "vae", "dataset": {"name": "ball"}, "steps": WINDOW * HISTORY_ROWS}


def _history():
    return History([SPEC_ADAPTER.validate_python(SPEC)] * 2, n_latents=3)


def _take(history, steps):
    """Add steps whose losses are their numbers, of the second member ten times these."""
    for step in steps:
        row = torch.full((2, 7), float(step))
        history.add(row * torch.tensor([[1.0], [10.0]]))
        assert history.close(step) == ((step + 1) % WINDOW == 0)


def test_the_first_loss_is_there_after_a_step_and_follows_the_first_window():
    history = _history()
    assert math.isnan(history.latest_loss([0, 1]))
    _take(history, [0])
    assert history.latest_loss([0, 1]) == 0
    _take(history, [1])
    assert history.latest_loss([0]) == 0.5
    _take(history, [2])
    # As of the second step: reading each would wait for the device.
    assert history.latest_loss([0]) == 0.5
    _take(history, range(3, 70))
    assert history.latest_loss([1]) == pytest.approx(10 * 63 / 2)


def test_after_a_window_the_loss_is_that_of_whole_windows():
    history = _history()
    _take(history, range(WINDOW))
    assert history.latest_loss([0]) == pytest.approx((WINDOW - 1) / 2)
    _take(history, range(WINDOW, 2 * WINDOW - 1))
    assert history.latest_loss([0]) == pytest.approx((WINDOW - 1) / 2)
    assert math.isnan(history.latest_loss([]))


def test_a_resumed_training_shows_the_loss_that_it_stopped_with():
    history, resumed = _history(), _history()
    _take(history, range(7))
    resumed.load(history.state())
    assert resumed.latest_loss([0]) == 3
    _take(resumed, [7])
    _take(history, [7])
    assert history.latest_loss([0]) == resumed.latest_loss([0]) == 3.5
