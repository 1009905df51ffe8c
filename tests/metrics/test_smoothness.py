"""Smoothness: distances of a grid against distances of posteriors."""

import sys

import numpy as np
import pytest
from scipy import integrate, stats

from metrics import MetricWarning, smoothness

# The package's attribute of this name is the function.
module = sys.modules["metrics.smoothness"]
GRID = np.indices((9, 9)).reshape(2, -1).T
MEANS = (GRID - 4) / 2.5
# Distances that are equal but for rounding are equal.
ONE = pytest.approx(1, abs=1e-12)
LOGVARS = np.full(MEANS.shape, -2.0)


def _overlap(mu, sigma, other_mu, other_sigma):
    """Return −ln ∫ √(p q), by quadrature."""
    x = np.linspace(-60, 60, 2_000_001)
    p, q = stats.norm.pdf(x, mu, sigma), stats.norm.pdf(x, other_mu, other_sigma)
    return -np.log(integrate.trapezoid(np.sqrt(p * q), x))


def test_distances_are_those_of_bhattacharyya():
    rng = np.random.default_rng(0)
    for _ in range(5):
        mu, log = rng.normal(scale=2, size=(2, 3)), rng.normal(scale=2, size=(2, 3))
        sigma = np.exp(log / 2)
        expected = sum(_overlap(mu[0, j], sigma[0, j], mu[1, j], sigma[1, j]) for j in range(3))
        sums = np.exp(log).sum(0), log.sum(0)
        found = module._bhattacharyya(mu[0] - mu[1], *sums)
        assert found.sum() == pytest.approx(expected, rel=1e-6)


def test_a_code_that_is_the_grid_is_as_smooth_as_can_be():
    assert smoothness(MEANS, LOGVARS, GRID) == ONE
    turned = MEANS @ np.array([[1, 1], [-1, 1]]) / np.sqrt(2)
    assert smoothness(turned, LOGVARS, GRID) == ONE
    # A latent that ignores the image adds the same to all distances.
    dead = np.zeros((len(GRID), 3))
    padded = smoothness(np.hstack([MEANS, dead]), np.hstack([LOGVARS, dead]), GRID)
    assert padded == ONE


def test_it_agrees_with_spearman_over_all_pairs():
    rng = np.random.default_rng(1)
    means = MEANS + rng.normal(scale=1.5, size=MEANS.shape)
    logvars = rng.normal(size=MEANS.shape)
    i, j = np.triu_indices(len(GRID), 1)
    v, w = np.exp(logvars[i]), np.exp(logvars[j])
    apart = (means[i] - means[j]) ** 2 / (4 * (v + w)) + np.log((v + w) / 2 / np.sqrt(v * w)) / 2
    expected = stats.spearmanr(np.linalg.norm(GRID[i] - GRID[j], axis=1), apart.sum(1)).statistic
    assert smoothness(means, logvars, GRID) == pytest.approx(expected, abs=1e-9)
    assert 0.2 < expected < 0.8


def test_a_shuffled_code_is_not_smooth_and_a_folded_one_is_less():
    rng = np.random.default_rng(0)
    assert abs(smoothness(rng.permutation(MEANS), LOGVARS, GRID)) < 0.1
    folded = MEANS * np.where(MEANS < 0, -1, 1)
    assert 0.1 < smoothness(folded, LOGVARS, GRID) < 0.8


def test_distances_whose_overlap_is_zero_in_floating_point_still_count():
    assert smoothness(MEANS * 1e4, LOGVARS - 10, GRID) == ONE


def test_a_collapsed_code_has_none():
    with pytest.warns(MetricWarning, match="collapsed"):
        assert np.isnan(smoothness(0.01 * MEANS, 0 * LOGVARS, GRID))
    # In use, yet the same for all images.
    with pytest.warns(MetricWarning, match="all distances are equal"):
        assert np.isnan(smoothness(np.full(MEANS.shape, 2.0), LOGVARS, GRID))


def test_a_random_sample_of_pairs_is_near_the_whole_and_repeatable(monkeypatch):
    means = MEANS + np.random.default_rng(1).normal(size=MEANS.shape)
    whole = smoothness(means, LOGVARS, GRID)
    monkeypatch.setattr(module, "MAX_PAIRS", 3_000)
    some = [smoothness(means, LOGVARS, GRID, random_state=seed) for seed in (0, 0, 1)]
    assert some[0] == some[1] != some[2]
    assert some == pytest.approx([whole] * 3, abs=0.05)


def test_random_pairs_are_of_different_samples(monkeypatch):
    monkeypatch.setattr(module, "MAX_PAIRS", 2_000)
    first, second = module._pairs(64, np.random.default_rng(0))
    assert len(first) == 2_000
    assert (first != second).all()
    assert {*first} == {*second} == {*range(64)}


def test_excluded_and_constant_factors_are_no_axes():
    shape = np.random.default_rng(0).permutation(len(GRID))[:, None]
    factors = np.hstack([shape, GRID])
    assert smoothness(MEANS, LOGVARS, factors, exclude=[0]) == ONE
    assert smoothness(MEANS, LOGVARS, factors) < 0.99
    with pytest.warns(MetricWarning, match="column 0"):
        assert smoothness(MEANS, LOGVARS, factors * [0, 1, 1]) == ONE
    with pytest.raises(ValueError, match="exclude leaves no factor"):
        smoothness(MEANS, LOGVARS, GRID, exclude=[0, 1])
    with pytest.raises(ValueError, match="at least 3"):
        smoothness(MEANS[:2], LOGVARS[:2], GRID[:2])
