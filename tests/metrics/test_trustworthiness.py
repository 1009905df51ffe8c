"""Trustworthiness: neighbours of the code, in the grid."""

import sys

import numpy as np
import pytest

from metrics import MetricWarning, trustworthiness

GRID = np.indices((9, 9)).reshape(2, -1).T
LINE = np.arange(30)[:, None]


def test_a_code_that_is_the_grid_is_trusted():
    assert trustworthiness(LINE * -2.0, LINE, n_neighbors=4) == pytest.approx(1)
    # Points of a grid at equal distances are ranked as they come.
    assert trustworthiness(GRID * 3.0, GRID) > 0.99


def test_it_follows_its_definition():
    codes = np.random.default_rng(0).normal(size=(30, 2))
    k, n = 3, len(LINE)
    near_code = np.linalg.norm(codes[:, None] - codes, axis=2).argsort(1)[:, 1 : k + 1]
    apart = np.abs(LINE - LINE.T) + np.where(np.eye(n), np.inf, 0)
    ranks = np.empty((n, n), int)
    for i in range(n):
        ranks[i, apart[i].argsort(kind="stable")] = np.arange(1, n + 1)
    cost = sum(max(0, ranks[i, j] - k) for i in range(n) for j in near_code[i])
    expected = 1 - 2 * cost / (n * k * (2 * n - 3 * k - 1))
    # Two points of a line are equally far from one between them: one may come before the other.
    assert trustworthiness(codes, LINE, n_neighbors=k) == pytest.approx(expected, abs=0.01)


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
