"""Trustworthiness: neighbours of the code, in the grid."""

import sys

import numpy as np
import pytest
from sklearn import manifold

from metrics import MetricWarning, trustworthiness

GRID = np.indices((9, 9)).reshape(2, -1).T
LINE = np.arange(30)[:, None]


def test_a_code_that_is_the_grid_is_trusted():
    assert trustworthiness(LINE * -2.0, LINE, n_neighbors=4) == pytest.approx(1)
    # Points of a grid at equal distances are ranked in any order.
    assert trustworthiness(GRID * 3.0, GRID) > 0.99


def _expected(codes, grid, k, orders=150):
    """Return scikit-learn's, mean over orders of the samples: it ranks equal distances by them."""
    rng = np.random.default_rng(0)
    orders = [rng.permutation(len(grid)) for _ in range(orders)]
    return np.mean([manifold.trustworthiness(grid[o], codes[o], n_neighbors=k) for o in orders])


def test_it_is_that_of_scikit_learn_where_nothing_is_equal():
    rng = np.random.default_rng(0)
    codes, places = rng.normal(size=(30, 2)), np.cumsum(2 ** np.arange(30))[:, None]
    # Ranks of the values are the axes: scikit-learn has them too.
    ranks = np.arange(30)[:, None]
    assert trustworthiness(codes, places, n_neighbors=3) == trustworthiness(
        codes, ranks, n_neighbors=3
    )
    assert trustworthiness(codes, ranks, n_neighbors=3) == pytest.approx(
        _expected(codes, ranks, 3), abs=4e-3
    )


@pytest.mark.parametrize("turn", [np.eye(2), np.array([[1, 1], [-1, 1]]) / np.sqrt(2)])
def test_equal_distances_are_ranked_in_all_orders(turn):
    grid = np.indices((5, 5)).reshape(2, -1).T
    codes = grid @ turn
    found = trustworthiness(codes, grid, n_neighbors=5)
    assert found == pytest.approx(_expected(grid * 1.0, grid, 5), abs=4e-3)
    # Neither rounding nor the order of samples has a say.
    for scale in (0.1, 1 / 3, 1e200, 1e-200):
        assert trustworthiness(scale * codes, grid, n_neighbors=5) == pytest.approx(
            found, abs=1e-12
        )
    shuffled = np.random.default_rng(0).permutation(25)
    assert trustworthiness(codes[shuffled], grid[shuffled], n_neighbors=5) == pytest.approx(found)
    # Of one code nine times, whoever is there is as near as any other.
    folded = np.abs(grid - 2) * 1.0
    assert trustworthiness(folded, grid, n_neighbors=5) == pytest.approx(
        _expected(folded, grid, 5), abs=8e-3
    )


def test_random_neighbours_have_one_half_and_a_folded_code_is_in_between():
    shuffled = np.random.default_rng(0).permutation(GRID).astype(float)
    assert trustworthiness(shuffled, GRID) == pytest.approx(0.5, abs=0.06)
    folded = np.abs(GRID - [4, 0]).astype(float)
    assert 0.7 < trustworthiness(folded, GRID) < 0.99


def test_of_many_samples_some_are_drawn(monkeypatch):
    codes = GRID + np.random.default_rng(0).normal(size=GRID.shape)
    whole = trustworthiness(codes, GRID)
    monkeypatch.setattr(sys.modules["metrics.trustworthiness"], "MAX_SAMPLES", 60)
    some = [trustworthiness(codes, GRID, random_state=seed) for seed in (0, 0, 1)]
    assert some[0] == some[1] != some[2]
    assert some == pytest.approx([whole] * 3, abs=0.1)


def test_a_constant_code_has_none_and_bad_arguments_are_refused():
    with pytest.warns(MetricWarning, match="all latents are constant"):
        assert np.isnan(trustworthiness(np.ones(GRID.shape), GRID))
    with pytest.raises(ValueError, match="at least 17"):
        trustworthiness(LINE[:16] * 1.0, LINE[:16])
    with pytest.raises(ValueError, match="n_neighbors must be at least 1"):
        trustworthiness(LINE * 1.0, LINE, n_neighbors=0)
    with pytest.raises(ValueError, match="exclude leaves no factor"):
        trustworthiness(LINE * 1.0, LINE, exclude=[0])


def test_excluded_and_constant_factors_are_no_axes():
    shape = np.random.default_rng(0).permutation(len(GRID))[:, None]
    factors = np.hstack([shape, GRID])
    best = trustworthiness(GRID * 1.0, GRID)
    assert trustworthiness(GRID * 1.0, factors, exclude=[0]) == best
    assert trustworthiness(GRID * 1.0, factors) < best - 0.1
    with pytest.warns(MetricWarning, match="column 0"):
        assert trustworthiness(GRID * 1.0, factors * [0, 1, 1]) == best
