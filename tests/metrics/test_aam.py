"""Axis alignment where its value is known."""

import numpy as np
import pytest

from metrics import aam, details

SMALL = np.indices((4, 5, 6)).reshape(3, -1).T


def test_permuted_scaled_factors_with_dead_latents_are_perfect():
    means = np.hstack([SMALL[:, [2, 0, 1]] * [3.0, -0.01, 100.0], np.zeros((120, 2))])
    assert aam(means, SMALL) == pytest.approx(1)


def test_all_other_latents_count_and_not_only_the_second():
    factors = np.arange(8).repeat(2)[:, None]
    one_bit = (factors // 4).astype(float)
    means = np.hstack([factors.astype(float), one_bit, one_bit])
    assert aam(means, factors) == pytest.approx((3 - 1 - 1) / 3)
    assert aam(np.hstack([means, one_bit, one_bit]), factors) == 0


def test_it_is_a_share_of_what_is_known_not_of_the_factor():
    factors = np.arange(8).repeat(2)[:, None]
    assert aam((factors // 4).astype(float), factors) == pytest.approx(1)


def test_a_factor_that_no_latent_knows_scores_nothing():
    means = SMALL.astype(float)
    means[:, 1] = 0
    with details() as found:
        assert aam(means, SMALL) == pytest.approx(2 / 3)
    assert found["per_factor"] == pytest.approx([1, 0, 1], abs=1e-9)
    assert aam(0 * means, SMALL) == 0


def test_rotation_lowers_it_steadily_on_a_full_grid():
    grid = np.indices((40, 32)).reshape(2, -1).T
    logvars = np.full(grid.shape, -6.0)
    found = []
    for angle in np.linspace(0, np.pi / 4, 4):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        means = (grid / [39, 31] - 0.5) @ turn
        found.append([aam(means, grid), aam(means, grid, estimator="posterior", logvars=logvars)])
    assert found[0] == pytest.approx([1, 1], abs=1e-3)
    assert (np.diff(found, axis=0) < 0).all()
    assert found[-1] == pytest.approx([0, 0], abs=0.02)


def test_noise_scores_nothing():
    rng = np.random.default_rng(0)
    assert aam(rng.normal(size=(5_000, 10)), rng.integers(0, 5, (5_000, 3))) < 0.01
