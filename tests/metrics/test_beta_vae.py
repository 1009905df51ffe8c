"""β-VAE score: known answers, protocol and classifier."""

import sys

import numpy as np
import pytest

from metrics import MetricWarning, beta_vae_score, details

GRID = np.indices((4, 5, 6)).reshape(3, -1).T
MEANS = GRID / np.array([4, 5, 6])
FEW = {"n_train": 1_000, "n_test": 1_000}


def rotated(degrees):
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return np.hstack([MEANS[:, :2] @ turn, MEANS[:, 2:]])


def test_perfect_permuted_rotated_and_dead_latents_do_not_matter():
    dead = np.full((len(GRID), 5), 0.1)
    for means in (MEANS, -3 * MEANS[:, ::-1], rotated(20), np.hstack([MEANS, dead])):
        assert beta_vae_score(means, GRID, **FEW) > 0.99
    # Known weakness: a full rotation still tells, by how much less both latents differ.
    assert beta_vae_score(rotated(45), GRID, **FEW) > 0.5


def test_a_missing_factor_still_scores_near_one():
    assert beta_vae_score(MEANS[:, :2], GRID, **FEW) > 0.95


def test_two_missing_factors_cannot_be_told_apart():
    with details() as found:
        score = beta_vae_score(MEANS[:, :1], GRID, n_train=3_000, n_test=3_000)
    # Factor 0 is told for sure, the other two by a coin.
    assert score == pytest.approx(2 / 3, abs=0.05)
    assert found["per_factor"][0] > 0.95
    assert sum(found["per_factor"][1:]) == pytest.approx(1, abs=0.1)


def test_noise_and_collapse_score_chance():
    noise = np.random.default_rng(0).normal(size=(6_000, 5))
    factors = np.tile(GRID, (50, 1))
    assert beta_vae_score(noise, factors, **FEW) == pytest.approx(1 / 3, abs=0.06)
    for value in (0.0, 0.1, 1e6):
        collapsed = beta_vae_score(np.full(GRID.shape, value), GRID, **FEW)
        assert collapsed == pytest.approx(1 / 3, abs=0.06)


def test_large_codes_converge_without_a_warning():
    assert beta_vae_score(1e5 * rotated(30), GRID, **FEW) > 0.95


def test_the_feature_of_a_shared_factor_is_zero_and_of_others_their_mean_difference():
    seen = {}
    module = sys.modules[beta_vae_score.__wrapped__.__module__]
    original = module._classify

    def spy(train, labels, test):
        seen.update(train=train, labels=labels)
        return original(train, labels, test)

    module._classify = spy
    try:
        beta_vae_score(GRID.astype(float), GRID, n_pairs=200, **FEW)
    finally:
        module._classify = original
    for k, size in enumerate((4, 5, 6)):
        own = seen["train"][seen["labels"] == k][:, k]
        other = seen["train"][seen["labels"] != k][:, k]
        assert (own == 0).all()
        # Two independent uniform draws of 0 .. n − 1 differ by (n² − 1) / 3n on average.
        assert other.mean() == pytest.approx((size**2 - 1) / (3 * size), rel=0.02)
        # A mean over 200 pairs, each of them drawn afresh.
        assert other.std() == pytest.approx(_pair_std(size) / np.sqrt(200), rel=0.1)


def _pair_std(size):
    a, b = np.indices((size, size))
    return np.abs(a - b).std()


def test_newton_reaches_the_optimum_that_lbfgs_approaches():
    from sklearn.linear_model import LogisticRegression

    module = sys.modules[beta_vae_score.__wrapped__.__module__]
    rng = np.random.default_rng(1)
    train, labels, test = rng.random((900, 4)), rng.integers(3, size=900), rng.random((400, 4))
    train[np.arange(900), labels] *= 0.3
    reference = LogisticRegression(solver="lbfgs", C=1.0, tol=1e-10, max_iter=10_000)
    expected = reference.fit(train, labels).predict(test)
    assert (module._classify(train, labels, test) == expected).all()


def test_seeds_repeat_and_differ():
    noisy = MEANS + np.random.default_rng(0).normal(size=MEANS.shape)
    first = beta_vae_score(noisy, GRID, **FEW)
    assert beta_vae_score(noisy, GRID, **FEW) == first
    assert len({beta_vae_score(noisy, GRID, random_state=seed, **FEW) for seed in range(4)}) > 1
    assert beta_vae_score(noisy, GRID, random_state=np.random.default_rng(0), **FEW) == first


def test_too_few_samples_factors_or_points_are_refused():
    with pytest.raises(ValueError, match=r"means has 11 samples.*at least 12"):
        beta_vae_score(MEANS[:11], np.arange(11)[:, None] % [6, 2])
    with pytest.raises(ValueError, match="two factors that vary"), pytest.warns(MetricWarning):
        beta_vae_score(MEANS, GRID * [1, 0, 0])
    with pytest.raises(ValueError, match="n_pairs must be at least 1"):
        beta_vae_score(MEANS, GRID, n_pairs=0)


def test_a_constant_factor_is_left_out_with_a_warning():
    with pytest.warns(MetricWarning, match="constant in column 1"):
        assert beta_vae_score(MEANS, GRID * [1, 0, 1], **FEW) > 0.99


def test_the_interval_covers_the_value_and_shrinks_with_samples():
    widths = []
    for copies in (2, 40):
        factors = np.tile(GRID, (copies, 1))
        rng = np.random.default_rng(copies)
        means = factors + rng.normal(size=factors.shape) * 4
        value, low, high = beta_vae_score(
            means, factors, n_pairs=16, n_train=1_000, n_test=2_000, bootstrap=12
        )
        assert low <= value <= high
        widths.append(high - low)
    assert widths[1] < widths[0]


def test_values_of_one_sample_are_not_drawn():
    factors = np.vstack([GRID, [[4, 0, 0]]])
    with pytest.warns(MetricWarning, match="single sample.*1 in column 0"):
        assert beta_vae_score(factors * 1.0, factors, **FEW) > 0.99
    drawn = np.random.default_rng(0)
    sampling = sys.modules["metrics._sampling"]
    assert 120 not in sampling.draw_sharing(factors[:, 0], 500, 2, drawn)
