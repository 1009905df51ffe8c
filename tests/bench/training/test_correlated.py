"""Training draws by weights, keyed by seed and step; evaluation and the rest are as without."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bench.grid import expand
from bench.grid.load import parse_grid
from bench.training.batches import BatchOrder, weight_ends, weighted_draw
from datasets import from_arrays, load

CORRELATED = {"pairs": [["position_x", "position_y"]], "strength": 0.1}


@pytest.fixture(scope="module")
def ball():
    return load("ball", grid_size=8, correlated=CORRELATED)


def test_images_are_drawn_by_their_weights(ball):
    ends, weights = weight_ends(ball), ball.training_weights()
    order = BatchOrder(3, len(ball), 64, ends)
    drawn = np.concatenate([order(step) for step in range(2000)])
    found = np.bincount(drawn, minlength=len(ball)) / len(drawn)
    expected = weights / weights.sum()
    error = np.abs(found - expected) / np.sqrt(expected * (1 - expected) / len(drawn) + 1e-12)
    assert error.max() < 5
    x, y = ball.factors(drawn).T
    assert np.corrcoef(x, y)[0, 1] > 0.9


def test_a_step_is_addressed_and_not_advanced(ball):
    ends = weight_ends(ball)
    order, later = (BatchOrder(1, len(ball), 16, ends) for _ in range(2))
    batches = [order(step) for step in range(10)]
    np.testing.assert_array_equal(later(7), batches[7])
    np.testing.assert_array_equal(later(2), batches[2])
    assert not np.array_equal(batches[0], batches[1])
    assert not np.array_equal(BatchOrder(2, len(ball), 16, ends)(0), batches[0])


def test_without_weights_batches_are_what_they_were():
    assert weight_ends(load("ball")) is None
    order = BatchOrder(0, 100, 10)
    epoch = np.concatenate([order(step) for step in range(10)])
    assert sorted(epoch.tolist()) == list(range(100))
    assert order(0).tolist() == BatchOrder(0, 100, 10, None)(0).tolist()


class LastHalf:
    """Random numbers at the ends of their range."""

    def random(self, n):
        return np.linspace(0, 1, n)


def test_an_image_of_no_weight_is_never_drawn():
    ends = np.cumsum([0.0, 1.0, 0.0, 2.0, 0.0])
    drawn = weighted_draw(ends, LastHalf(), 1001)
    assert set(drawn.tolist()) == {1, 3}


def test_weights_that_are_all_nothing_are_refused():
    data = from_arrays(np.zeros((2, 8, 8)), [[0, 1], [1, 0]])
    data.training_weights = lambda: np.zeros(2)
    with pytest.raises(ValueError, match="no image is ever drawn; raise its strength"):
        weight_ends(data)


def test_a_grid_takes_the_options_as_values_and_as_axes():
    grid = {
        "name": "example",
        "datasets": [
            {"name": "ball", "grid_size": 8, "correlated": CORRELATED},
            {
                "name": "ball",
                "grid_size": 8,
                "resize": [32, 48],
                "correlated": [CORRELATED, {**CORRELATED, "strength": 0.4}],
            },
        ],
        "models": [{"kind": "vae"}],
        "train": {"steps": 10},
        "seeds": [0],
    }
    specs = expand(parse_grid(grid))
    assert len(specs) == 5
    assert len({json.dumps(spec.dataset.options, sort_keys=True) for spec in specs}) == 5
    assert specs[0].dataset.load().training_weights() is not None
    assert specs[1].dataset.load().image_shape == (1, 32, 32)
