"""IRS: known deviations."""

import numpy as np
import pytest

from metrics import MetricWarning, details, irs

GRID = np.indices((4, 5, 6)).reshape(3, -1).T
MEANS = (GRID - GRID.mean(0)) / GRID.std(0)


def test_perfect_permuted_scaled_codes_and_dead_latents_score_one():
    dead = np.full((len(GRID), 5), 0.1)
    for means in (MEANS, MEANS[:, ::-1] * [1, -2, 5], np.hstack([MEANS, dead])):
        assert irs(means, GRID) == pytest.approx(1)
    with details() as found:
        irs(np.hstack([dead, MEANS]), GRID)
    assert found["per_latent"] == pytest.approx([0] * 5 + [1] * 3)
    assert found["per_factor"].sum() == pytest.approx(1)


def test_a_duplicate_and_a_missing_factor_cost_nothing():
    # What it measures is robustness of latents, not whether the factors are all there.
    assert irs(np.hstack([MEANS, MEANS]), GRID) == pytest.approx(1)
    assert irs(MEANS[:, :1], GRID) == pytest.approx(1)


def test_two_factors_in_one_latent_keep_the_share_of_the_stronger():
    # 2 a + b with a, b = ±1: given a, deviations of 1 of at most 3 are left.
    factors = np.indices((2, 2)).reshape(2, -1).T
    signs = 2.0 * factors - 1
    assert irs(signs @ [[2.0], [1.0]], factors, diff_quantile=1.0) == pytest.approx(1 - 1 / 3)
    # A latent counts by its greatest deviation: 3 against 1.
    both = np.hstack([signs @ [[2.0], [1.0]], signs[:, 1:]])
    expected = (3 * (1 - 1 / 3) + 1 * 1) / 4
    assert irs(both, factors, diff_quantile=1.0) == pytest.approx(expected)


def test_rotation_by_45_degrees_halves_two_latents():
    factors = np.indices((2, 2)).reshape(2, -1).T
    turned = (2.0 * factors - 1) @ np.array([[1, 1], [-1, 1]]) / np.sqrt(2)
    assert irs(turned, factors, diff_quantile=1.0) == pytest.approx(0.5)


def test_the_quantile_is_of_deviations_within_a_value_averaged_over_values():
    rng = np.random.default_rng(0)
    means, factors = rng.normal(size=(400, 2)), rng.integers(3, size=(400, 2))
    expected = np.empty((2, 2))
    for j in range(2):
        for k in range(2):
            groups = [means[factors[:, k] == value, j] for value in range(3)]
            kept = np.mean([np.quantile(np.abs(g - g.mean()), 0.9) for g in groups])
            expected[j, k] = 1 - kept / np.abs(means[:, j] - means[:, j].mean()).max()
    with details() as found:
        irs(means, factors, diff_quantile=0.9)
    assert found["per_latent"] == pytest.approx(expected.max(1))


def test_noise_scores_low_and_with_the_maximum_lower():
    noise = np.random.default_rng(0).uniform(-1, 1, size=(6_000, 3))
    factors = np.tile(GRID, (50, 1))
    assert irs(noise, factors) < 0.03
    assert irs(noise, factors, diff_quantile=1.0) < irs(noise, factors)


def test_collapse_scores_zero_with_a_warning():
    with pytest.warns(MetricWarning, match="constant"):
        assert irs(np.full(GRID.shape, 0.1), GRID) == 0


def test_a_skewed_latent_is_not_below_zero():
    skewed = np.array([0.0] * 11 + [1.0])[:, None]
    factors = np.array([0] * 6 + [1] * 5 + [1])[:, None]
    assert 0 <= irs(np.tile(skewed, (2, 1)), np.tile(factors, (2, 1)), diff_quantile=1.0) <= 1


def test_constant_factors_are_left_out_and_bad_arguments_refused():
    with pytest.warns(MetricWarning, match="column 0"):
        assert irs(MEANS[:, 1:], GRID * [0, 1, 1]) == pytest.approx(1)
    with pytest.raises(ValueError, match="at least 12"):
        irs(MEANS[:11], np.arange(11)[:, None] % [6, 2, 2])
    for quantile in (0.0, 1.5):
        with pytest.raises(ValueError, match="diff_quantile must be"):
            irs(MEANS, GRID, diff_quantile=quantile)


def test_the_interval_covers_the_value_and_shrinks_with_samples():
    widths = []
    for copies in (3, 100):
        factors = np.tile(GRID, (copies, 1))
        means = factors + np.random.default_rng(1).uniform(-1, 1, size=factors.shape)
        value, low, high = irs(means, factors, bootstrap=30)
        assert low <= value <= high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_values_of_one_sample_say_nothing_of_noise():
    # They do not deviate from themselves, which looked robust: 0.75 of noise.
    factors = np.r_[[0, 1], 2:6].repeat([8, 8, 1, 1, 1, 1])[:, None]
    scores = []
    for seed in range(5):
        noise = np.random.default_rng(seed).normal(size=(20, 3))
        with pytest.warns(MetricWarning, match="single sample.*4 in column 0"):
            scores.append(irs(noise, factors))
        groups = [noise[factors[:, 0] == value] for value in (0, 1)]
        kept = [np.quantile(np.abs(group - group.mean(0)), 0.99, axis=0) for group in groups]
        greatest = np.abs(noise - noise.mean(0)).max(0)
        expected = np.clip(1 - np.mean(kept, axis=0) / greatest, 0, 1)
        assert scores[-1] == pytest.approx(greatest @ expected / greatest.sum())
    assert max(scores) < 0.45


def test_equally_good_factors_share_a_latent():
    with details() as found:
        irs(MEANS[:, :1], GRID[:, [0, 0, 1]])
    assert found["per_factor"] == pytest.approx([0.5, 0.5, 0])
