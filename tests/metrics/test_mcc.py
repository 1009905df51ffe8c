"""MCC: known correlations, matching, and what an order that is none costs."""

from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from metrics import MetricWarning, details, mcc

GRID = np.indices((4, 5, 6)).reshape(3, -1).T
MEANS = (GRID - GRID.mean(0)) / GRID.std(0)
RNG = np.random.default_rng(0)


@pytest.mark.parametrize("correlation", ["pearson", "spearman"])
def test_perfect_permuted_scaled_codes_and_dead_latents_score_one(correlation):
    dead = np.full((len(GRID), 5), 0.1)
    for means in (MEANS, MEANS[:, [2, 0, 1]] * [1, -2, 5] + 7, np.hstack([dead, MEANS, MEANS])):
        assert mcc(means, GRID, correlation=correlation) == pytest.approx(1)
    with details() as found:
        mcc(np.hstack([dead, MEANS[:, ::-1]]), GRID, correlation=correlation)
    assert found["matching"].tolist() == [7, 6, 5]
    assert found["per_factor"] == pytest.approx([1, 1, 1])


@pytest.mark.parametrize("correlation", ["pearson", "spearman"])
def test_it_is_the_best_of_all_matchings_of_the_correlations_of_scipy(correlation):
    means = GRID @ RNG.normal(size=(3, 4)) + RNG.normal(size=(len(GRID), 4))
    expected = np.empty((4, 3))
    for j, k in np.ndindex(4, 3):
        function = stats.pearsonr if correlation == "pearson" else stats.spearmanr
        expected[j, k] = abs(function(means[:, j], GRID[:, k]).statistic)
    best = max(
        np.mean([expected[j, k] for k, j in enumerate(chosen)])
        for chosen in permutations(range(4), 3)
    )
    with details() as found:
        assert mcc(means, GRID, correlation=correlation) == pytest.approx(best)
    assert found["correlations"] == pytest.approx(expected)


def test_a_latent_is_matched_once_and_the_sum_decides():
    # The first latent is the best of both factors; taking it for the one costs the other less.
    a, b = MEANS[:, :2].T
    means = np.stack([0.8 * a + 0.6 * b, a], axis=1)
    assert mcc(means, GRID[:, :2]) == pytest.approx((1 + 0.6) / 2)
    assert mcc(means[:, ::-1], GRID[:, :2]) == pytest.approx((1 + 0.6) / 2)
    # 0.8 + 0 the other way round, though 0.8 is the greatest of the second latent's row.
    with details() as found:
        mcc(means, GRID[:, :2])
    assert found["matching"].tolist() == [1, 0]


@pytest.mark.parametrize("degrees", [0, 20, 45])
def test_a_turned_code_has_the_cosine(degrees):
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    turned = np.hstack([MEANS[:, :2] @ turn, MEANS[:, 2:]])
    assert mcc(turned, GRID) == pytest.approx((2 * np.cos(angle) + 1) / 3)


def test_factors_without_a_latent_count_nothing():
    # Padded with a dead latent or not: the mean is over factors, not over pairs.
    for means in (MEANS[:, :2], np.hstack([MEANS[:, :2], np.zeros((len(GRID), 1))])):
        assert mcc(means, GRID) == pytest.approx(2 / 3)
    with details() as found:
        mcc(MEANS[:, 1:], GRID)
    assert found["matching"].tolist() == [-1, 0, 1]
    assert found["per_factor"] == pytest.approx([0, 1, 1])
    joint = MEANS[:, :1] + MEANS[:, 1:2]
    assert mcc(joint, GRID[:, :2]) == pytest.approx(np.sqrt(0.5) / 2)


def test_ranks_see_a_monotonic_code_whole_and_values_do_not():
    curved = np.exp(MEANS[:, :1])
    expected = abs(np.corrcoef(curved[:, 0], GRID[:, 0])[0, 1])
    assert mcc(curved, GRID[:, :1]) == pytest.approx(expected)
    assert expected < 0.98
    assert mcc(curved, GRID[:, :1], correlation="spearman") == pytest.approx(1)


def test_labels_are_taken_as_they_are_numbered():
    labels = np.tile([0, 1, 10], 20)[:, None]
    codes = labels + np.tile([0.0, 1.0], 30)[:, None]
    expected = np.corrcoef(codes[:, 0], labels[:, 0])[0, 1]
    assert mcc(codes, labels) == pytest.approx(expected)
    # So a continuous source that is numbered finely has its own correlation.
    source = RNG.normal(size=(500, 1))
    means = source + RNG.normal(size=source.shape)
    expected = np.corrcoef(means[:, 0], source[:, 0])[0, 1]
    assert mcc(means, np.rint(1_000 * source)) == pytest.approx(expected, abs=1e-4)


def test_a_factor_that_goes_round_is_not_found_in_its_sine_and_cosine():
    steps = np.arange(3_600)[:, None]
    angle = 2 * np.pi * (steps + 0.5) / 3_600
    circle = np.hstack([np.sin(angle), np.cos(angle)])
    assert mcc(circle, steps) == pytest.approx(np.sqrt(6) / np.pi, abs=1e-5)
    assert mcc(circle[:, 1:], steps) == pytest.approx(0, abs=1e-9)


def test_the_score_of_names_hangs_on_their_numbers_and_they_can_be_left_out():
    names = np.tile([0, 1, 2], 40)[:, None]
    order = np.array([0, 2, 1])
    assert mcc(names * 1.0, names) == pytest.approx(1)
    assert mcc(names * 1.0, order[names]) == pytest.approx(0.5)
    # exclude: of the mean, of the matching, and by its column.
    factors = np.hstack([order[GRID[:, :1] % 3], GRID])
    means = np.hstack([GRID[:, :1] % 3, GRID]) * 1.0
    assert mcc(means, factors) < 0.95
    assert mcc(means, factors, exclude=[0]) == pytest.approx(1)
    with pytest.raises(ValueError, match="exclude leaves no factor"):
        mcc(means, factors, exclude=[0, 1, 2, 3])


@pytest.mark.parametrize("correlation", ["pearson", "spearman"])
def test_noise_has_what_chance_gives_and_collapse_nothing(correlation):
    scores = []
    for n_samples in (400, 40_000):
        rng = np.random.default_rng(1)
        factors = rng.integers(5, size=(n_samples, 3))
        noise = rng.normal(size=(n_samples, 6))
        scores.append(mcc(noise, factors, correlation=correlation))
        # The largest of six correlations of standard deviation 1 / √n.
        assert 0.5 < scores[-1] * np.sqrt(n_samples) < 2.5
    assert scores[1] < scores[0] / 4
    assert mcc(np.full(GRID.shape, 0.1), GRID, correlation=correlation) == 0


def test_rounding_breaks_no_tie_of_ranks():
    means = np.repeat([0.1, 0.2, 0.3], 20)[:, None]
    uneven = means * (1 + 1e-15 * RNG.integers(-3, 4, size=means.shape))
    labels = np.tile(np.arange(20), 3)[:, None]
    assert mcc(uneven, labels, correlation="spearman") == mcc(means, labels, correlation="spearman")


def test_constant_factors_are_left_out_and_bad_arguments_refused():
    with pytest.warns(MetricWarning, match="column 0"):
        assert mcc(MEANS, GRID * [0, 1, 1]) == pytest.approx(1)
    with pytest.raises(ValueError, match="correlation must be 'pearson' or 'spearman'"):
        mcc(MEANS, GRID, correlation="kendall")


@pytest.mark.parametrize("correlation", ["pearson", "spearman"])
def test_the_interval_covers_the_value_and_shrinks_with_samples(correlation):
    widths = []
    for copies in (3, 100):
        factors = np.tile(GRID, (copies, 1))
        means = factors + np.random.default_rng(1).normal(scale=2, size=factors.shape)
        value, low, high = mcc(means, factors, correlation=correlation, bootstrap=30)
        assert low <= value <= high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2
