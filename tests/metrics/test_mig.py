"""MIG where its value is known."""

import numpy as np
import pytest

from metrics import MetricWarning, details, mig, mutual_information_matrix

SMALL = np.indices((4, 5, 6)).reshape(3, -1).T
LARGE = np.indices((40, 32)).reshape(2, -1).T
NARROW = -14.0


def scores(means, factors):
    logvars = np.full(means.shape, NARROW)
    return mig(means, factors), mig(means, factors, estimator="posterior", logvars=logvars)


def rotated(angle):
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (LARGE / [39, 31] - 0.5) @ turn


def merged(levels, n_bins=20):
    """Return the share of its entropy that a code of n levels keeps in 20 bins."""
    bins = np.minimum(np.arange(levels) / (levels - 1) * n_bins, n_bins - 1).astype(int)
    p = np.bincount(bins) / levels
    return -(p[p > 0] * np.log(p[p > 0])).sum() / np.log(levels)


def test_permuted_scaled_and_flipped_factors_are_perfect():
    means = SMALL[:, [2, 0, 1]] * [3.0, -0.01, 100.0]
    assert scores(means, SMALL) == pytest.approx((1, 1), abs=1e-3)


def test_twenty_bins_cannot_resolve_forty_and_thirty_two_values_but_the_posterior_can():
    histogram, posterior = scores(LARGE.astype(float), LARGE)
    assert histogram == pytest.approx((merged(40) + merged(32)) / 2)
    assert histogram < 0.9
    assert posterior == pytest.approx(1, abs=1e-3)


def test_rotation_lowers_the_gap_steadily_to_nothing():
    found = [scores(rotated(angle), LARGE) for angle in np.linspace(0, np.pi / 4, 5)]
    for series in np.array(found).T:
        assert (np.diff(series) < 0).all()
        assert series[-1] == pytest.approx(0, abs=0.02)


def test_a_duplicated_latent_leaves_no_gap_in_its_factor():
    means = np.hstack([SMALL, SMALL[:, :1]]).astype(float)
    with details() as found:
        assert mig(means, SMALL) == pytest.approx(2 / 3)
    assert found["per_factor"] == pytest.approx([0, 1, 1], abs=1e-9)


def test_two_factors_in_one_latent():
    factors = np.indices((2, 2)).reshape(2, -1).T
    means = (2 * factors[:, :1] + factors[:, 1:]).astype(float)
    # Each value of the one latent tells both bits, and there is no second latent.
    assert scores(means, factors) == pytest.approx((1, 1), abs=1e-3)
    assert scores(np.hstack([means, means]), factors) == pytest.approx((0, 0), abs=1e-3)


def test_a_coarse_code_knows_the_bits_that_it_keeps():
    factors = np.arange(8)[:, None].repeat(2, axis=0)
    coarse = np.hstack([factors // 2, 0 * factors]).astype(float)
    assert scores(coarse, factors) == pytest.approx((2 / 3, 2 / 3), abs=1e-3)


def test_dead_latents_change_nothing_and_a_collapsed_code_scores_nothing():
    dead = np.hstack([SMALL, np.zeros((len(SMALL), 5))]).astype(float)
    assert scores(dead, SMALL) == pytest.approx((1, 1), abs=1e-3)
    assert scores(np.zeros((len(SMALL), 4)), SMALL) == (0, 0)


def test_noise_scores_next_to_nothing():
    rng = np.random.default_rng(0)
    factors, noise = rng.integers(0, 5, (20_000, 3)), rng.normal(size=(20_000, 6))
    assert mig(noise, factors) < 0.001
    # An aggregate posterior of few samples is not noise itself: the posteriors must overlap.
    assert mig(noise, factors, estimator="posterior", logvars=0 * noise) < 0.001


def test_unequal_shares_divide_by_the_empirical_entropy_of_the_factor():
    factors = np.array([0] * 30 + [1] * 10)[:, None]
    assert mig(factors.astype(float), factors) == pytest.approx(1)


def test_excluded_factors_are_left_out_of_the_mean():
    means = SMALL.astype(float)
    means[:, 0] = 0
    assert mig(means, SMALL) == pytest.approx(2 / 3)
    assert mig(means, SMALL, exclude=(0,)) == pytest.approx(1)
    assert mig(means, SMALL, exclude=[1, 2]) == pytest.approx(0)
    # A constant factor that is left out is not worth a warning.
    assert mig(means, SMALL * [0, 1, 1], exclude=[0]) == pytest.approx(1)


@pytest.mark.parametrize(
    ("exclude", "message"),
    [([3], "exclude has 3"), ([-1], "exclude has -1"), ([0, 1, 2], "leaves no factor")],
)
def test_what_cannot_be_excluded(exclude, message):
    with pytest.raises(ValueError, match=message):
        mig(SMALL.astype(float), SMALL, exclude=exclude)


def test_a_constant_factor_is_left_out_with_a_warning():
    with pytest.warns(MetricWarning, match="constant in column 1"):
        assert mig(SMALL.astype(float), SMALL * [1, 0, 1]) == pytest.approx(1)
    with pytest.raises(ValueError, match="no factor that varies"):
        mig(SMALL.astype(float), 0 * SMALL)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_bins": 1}, "n_bins must be at least 2"),
        ({"estimator": "knn"}, "estimator must be"),
        ({"estimator": "posterior"}, "logvars is needed"),
        ({"estimator": "posterior", "logvars": np.zeros((120, 2))}, "logvars has shape"),
    ],
)
def test_options_that_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        mig(SMALL.astype(float), SMALL, **options)


def test_matrix_has_a_row_per_latent_and_a_column_per_factor():
    means = SMALL[:, [2, 0]].astype(float)
    expected = [[0, 0, np.log(6)], [np.log(4), 0, 0]]
    assert mutual_information_matrix(means, SMALL) == pytest.approx(np.array(expected), abs=1e-9)


def test_single_precision_agrees():
    means = rotated(0.3)
    single = mig(means.astype(np.float32), LARGE)
    assert single == pytest.approx(mig(means.astype(np.float32).astype(float), LARGE), abs=1e-4)
