"""JEMMIG where its value is known."""

import numpy as np
import pytest

from metrics import details, jemmig

SMALL = np.indices((4, 5, 6)).reshape(3, -1).T


def test_permuted_and_scaled_factors_are_perfect():
    assert jemmig(SMALL[:, [2, 0, 1]] * [3.0, -0.01, 100.0], SMALL) == pytest.approx(1)


def test_a_duplicate_costs_the_gap():
    means = np.hstack([SMALL[:, :1], SMALL]).astype(float)
    with details() as found:
        jemmig(means, SMALL)
    lost = np.log(4) / (np.log(4) + np.log(20))
    assert found["per_factor"] == pytest.approx([1 - lost, 1, 1], abs=1e-9)


def test_what_the_best_latent_holds_beside_its_factor_costs():
    factors = np.indices((2, 4)).reshape(2, -1).T
    means = (4 * factors[:, :1] + factors[:, 1:]).astype(float)
    # H(z, v) = 3 bits; what is known is 1 bit of one factor and 2 of the other.
    bins = np.log2(20)
    expected = [1 - (3 - 1) / (1 + bins), 1 - (3 - 2) / (2 + bins)]
    with details() as found:
        assert jemmig(means, factors) == pytest.approx(np.mean(expected))
    assert found["per_factor"] == pytest.approx(expected)


def test_among_equally_good_latents_the_purest_counts_in_any_order():
    factors = np.indices((2, 4)).reshape(2, -1).T
    pure, mixed = factors[:, :1].astype(float), (4 * factors[:, :1] + factors[:, 1:]).astype(float)
    one, other = np.hstack([pure, mixed]), np.hstack([mixed, pure])
    with details() as found:
        assert jemmig(one, factors) == pytest.approx(jemmig(other, factors))
    # The second latent leaves no gap: only H(z, v) = 1 bit of the pure latent is to be lost.
    assert found["per_factor"][0] == pytest.approx(1 - 1 / (1 + np.log2(20)))


def test_a_collapsed_code_scores_nothing_and_dead_latents_cost_nothing():
    assert jemmig(np.zeros((120, 3)), SMALL) == 0
    means = np.hstack([SMALL, np.zeros((120, 3))]).astype(float)
    assert jemmig(means, SMALL) == pytest.approx(1)


def test_uniform_noise_is_near_nothing():
    rng = np.random.default_rng(0)
    noise, factors = rng.uniform(size=(20_000, 4)), rng.integers(0, 5, (20_000, 3))
    assert jemmig(noise, factors) < 0.002


def test_full_grid_and_rotation():
    grid = np.indices((40, 32)).reshape(2, -1).T
    found = []
    for angle in np.linspace(0, np.pi / 4, 4):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        found.append(jemmig((grid / [39, 31] - 0.5) @ turn, grid))
    assert (np.diff(found) < 0).all()
    # 40 values share 20 bins by twos: 1 bit of joint entropy is not known from the code.
    pairs = np.bincount(np.minimum(np.arange(40) / 39 * 20, 19).astype(int))
    unknown = (pairs / 40 * np.log(pairs)).sum()
    with details() as detail:
        jemmig(grid.astype(float), grid)
    assert detail["per_factor"][0] == pytest.approx(1 - unknown / np.log(800))


def test_bins_must_tell_something_apart():
    with pytest.raises(ValueError, match="n_bins"):
        jemmig(SMALL.astype(float), SMALL, n_bins=1)
