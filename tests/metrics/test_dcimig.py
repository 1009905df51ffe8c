"""DCIMIG where its value is known."""

import numpy as np
import pytest

from metrics import dcimig, details

SMALL = np.indices((4, 5, 6)).reshape(3, -1).T


def test_permuted_and_scaled_factors_are_perfect():
    assert dcimig(SMALL[:, [2, 0, 1]] * [3.0, -0.01, 100.0], SMALL) == pytest.approx(1)


def test_duplicates_and_dead_latents_cost_nothing():
    means = np.hstack([SMALL, SMALL, np.zeros((120, 2))]).astype(float)
    assert dcimig(means, SMALL) == pytest.approx(1)


def test_a_missing_factor_costs_its_share_of_the_entropy():
    means = SMALL[:, :2].astype(float)
    with details() as found:
        score = dcimig(means, SMALL)
    assert score == pytest.approx(np.log(20) / np.log(120))
    assert found["per_factor"] == pytest.approx([1, 1, 0], abs=1e-9)


def test_a_latent_with_two_factors_counts_by_its_gap_and_for_one_of_them():
    factors = np.indices((2, 8)).reshape(2, -1).T
    # One bit of the first factor and two of the three bits of the second: a gap of one bit.
    means = (4 * factors[:, :1] + factors[:, 1:] // 2).astype(float)
    assert dcimig(means, factors) == pytest.approx(1 / 4)
    bits = np.indices((2, 2)).reshape(2, -1).T
    assert dcimig(bits @ [[2.0], [1.0]], bits) == pytest.approx(0)


def test_a_factor_counts_by_its_best_latent_and_not_by_the_sum_of_its_latents():
    factors = np.arange(8).repeat(2)[:, None]
    bits = np.hstack([factors // 4, factors // 2 % 2]).astype(float)
    assert dcimig(bits, factors) == pytest.approx(1 / 3)


def test_gaps_are_of_nats_not_of_shares():
    factors = np.indices((2, 16)).reshape(2, -1).T
    # One of one bit, and one of four bits: no gap in nats.
    means = (2 * factors[:, :1] + factors[:, 1:] // 8).astype(float)
    assert dcimig(means, factors) == pytest.approx(0)


def test_full_grid_rotated_collapsed_and_noise():
    grid = np.indices((40, 32)).reshape(2, -1).T
    found = []
    for angle in np.linspace(0, np.pi / 4, 4):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        found.append(dcimig((grid / [39, 31] - 0.5) @ turn, grid))
    assert (np.diff(found) < 0).all()
    assert found[-1] < 0.05
    assert dcimig(np.zeros(grid.shape), grid) == 0
    rng = np.random.default_rng(0)
    assert dcimig(rng.normal(size=(9_000, 4)), rng.integers(0, 5, (9_000, 3))) < 0.002


def test_posterior_estimator():
    logvars = np.full(SMALL.shape, -12.0)
    found = dcimig(SMALL.astype(float), SMALL, estimator="posterior", logvars=logvars)
    assert found == pytest.approx(1, abs=1e-3)
