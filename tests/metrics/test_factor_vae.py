"""FactorVAE score: known answers, and the dead latents that break it elsewhere."""

import sys

import numpy as np
import pytest

from metrics import MetricWarning, details, factor_vae_score

GRID = np.indices((4, 5, 6)).reshape(3, -1).T
MEANS = (GRID - GRID.mean(0)) / GRID.std(0)
FEW = {"n_train": 1_500, "n_test": 1_000}


def test_perfect_permuted_and_scaled_codes_score_one():
    for means in (MEANS, MEANS[:, ::-1], -4 * MEANS, MEANS * [0.1, 1, 1]):
        assert factor_vae_score(means, GRID, **FEW) == 1


def test_latents_of_different_scale_and_noise_vote_on_an_equal_footing():
    noisy = MEANS + 0.3 * np.random.default_rng(0).normal(size=MEANS.shape)
    assert factor_vae_score(noisy * [0.4, 1, 5], GRID, **FEW) > 0.95


@pytest.mark.parametrize("options", [{}, {"absolute": True}, {"prune_below": 0.0}])
def test_dead_latents_have_no_vote(options):
    # In code of the literature such a latent's NaN is the least: 0.19 for a perfect code.
    with details() as found:
        score = factor_vae_score(
            np.hstack([np.full((len(GRID), 5), 0.1), MEANS]), GRID, **FEW, **options
        )
    assert score == 1
    assert (found["per_latent"][:5] == 0).all()
    assert found["per_latent"].sum() == pytest.approx(1)


def test_nearly_dead_latents_vote_only_without_pruning():
    # Varies by a hundredth, with two factors of three: if it votes, it votes wrongly.
    near = 0.01 * MEANS[:, :1] * (GRID[:, 1:2] > 0)
    means = np.hstack([near, MEANS[:, 1:]])
    with details() as pruned:
        factor_vae_score(means, GRID, **FEW)
    with details() as kept:
        factor_vae_score(means, GRID, prune_below=0.0, **FEW)
    assert pruned["per_latent"][0] == 0
    assert kept["per_latent"][0] > 0.1


def test_the_absolute_threshold_depends_on_scale_and_the_relative_one_does_not():
    assert factor_vae_score(0.04 * MEANS, GRID, **FEW) == 1
    with pytest.warns(MetricWarning, match="no latent"):
        small = factor_vae_score(0.04 * MEANS, GRID, absolute=True, **FEW)
    assert small == pytest.approx(1 / 3)


def test_noise_and_collapse_score_chance():
    noise = np.random.default_rng(0).normal(size=(6_000, 5))
    assert factor_vae_score(noise, np.tile(GRID, (50, 1)), **FEW) == pytest.approx(1 / 3, abs=0.06)
    with pytest.warns(MetricWarning, match="chance"):
        assert factor_vae_score(np.full(GRID.shape, 0.1), GRID) == pytest.approx(1 / 3)


def test_one_latent_votes_for_one_factor():
    with details() as found:
        score = factor_vae_score(MEANS[:, :1], GRID, **FEW)
    assert score == pytest.approx(1 / 3, abs=0.06)
    assert sorted(found["per_factor"]) == [0, 0, 1]


def test_a_missing_factor_is_guessed():
    assert factor_vae_score(MEANS[:, :2], GRID, **FEW) == pytest.approx(2 / 3, abs=0.06)


def test_rotation_by_45_degrees_confuses_two_factors_only():
    turn = np.array([[1, 1], [-1, 1]]) / np.sqrt(2)
    means = np.hstack([MEANS[:, :2] @ turn, MEANS[:, 2:]])
    with details() as found:
        factor_vae_score(means, GRID, **FEW)
    assert found["per_factor"][2] == pytest.approx(1, abs=0.02)
    assert sum(found["per_factor"][:2]) == pytest.approx(1, abs=0.15)


def test_votes_agree_with_a_loop():
    module = sys.modules[factor_vae_score.__wrapped__.__module__]
    batches = np.random.default_rng(0).normal(size=(64, 7)) + 1e4
    expected = [np.var(column) * 64 for column in batches.T]
    assert module._variance(batches) == pytest.approx(expected)
    assert (module._variance(np.full((64, 2), 0.1)) == 0).all()


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match=r"means has 11 samples.*at least 12"):
        factor_vae_score(MEANS[:11], np.arange(11)[:, None] % [6, 2])
    with pytest.raises(ValueError, match="batch_size must be at least 2"):
        factor_vae_score(MEANS, GRID, batch_size=1)
    with pytest.raises(ValueError, match="two factors that vary"), pytest.warns(MetricWarning):
        factor_vae_score(MEANS, GRID * [1, 0, 0])


def test_seeds_repeat_and_differ():
    noisy = MEANS + 1.5 * np.random.default_rng(0).normal(size=MEANS.shape)
    assert factor_vae_score(noisy, GRID, **FEW) == factor_vae_score(noisy, GRID, **FEW)
    assert len({factor_vae_score(noisy, GRID, random_state=seed, **FEW) for seed in range(4)}) > 1


def test_the_interval_covers_the_value_and_shrinks_with_samples():
    widths = []
    for copies in (2, 40):
        factors = np.tile(GRID, (copies, 1))
        means = factors + np.random.default_rng(0).normal(size=factors.shape) * [2.5, 3, 4]
        value, low, high = factor_vae_score(means, factors, n_train=2_000, bootstrap=20)
        assert low <= value <= high
        widths.append(high - low)
    assert widths[1] < widths[0]


# Four values of one sample, and two that make the batches.
RARE = np.stack([np.r_[[0, 1], 2:6].repeat([8, 8, 1, 1, 1, 1]), np.r_[[0, 1] * 10]], axis=1)


def test_values_of_one_sample_are_not_drawn():
    # All latents are constant in a batch of one sample, and the first of them had the vote.
    for order in (slice(None), slice(None, None, -1)):
        with pytest.warns(MetricWarning, match="single sample.*4 in column 0"):
            assert factor_vae_score(RARE[:, order] * 1.0, RARE, **FEW) == 1


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_equal_variances_share_a_vote(dtype):
    # Of two factors turned by 45 degrees a coin is as good as the code; the third one is known.
    turned = MEANS.copy()
    turned[:, :2] = MEANS[:, :2] @ np.array([[1, 1], [-1, 1]]) / np.sqrt(2)
    for means in (turned, turned[:, ::-1], np.hstack([turned, turned])):
        with details() as found:
            score = factor_vae_score(means.astype(dtype), GRID, **FEW)
        assert found["per_factor"][2] == 1
        # One factor is voted for a little more often, and gets all of the votes of both.
        assert sorted(found["per_factor"][:2]) == pytest.approx([0, 1], abs=1e-12)
        assert score == pytest.approx(2 / 3, abs=0.03)
    assert found["per_latent"][:2] == pytest.approx(found["per_latent"][[3, 4]], abs=1e-12)
    assert found["per_latent"][0] == pytest.approx(found["per_latent"][1], abs=1e-12)


def test_factors_of_equally_many_votes_share_a_prediction():
    # Both latents are constant whenever either factor is fixed: they know nothing.
    factors = np.repeat([[0, 0], [1, 1]], 10, axis=0)
    with details() as found:
        score = factor_vae_score(factors * 1.0, factors, n_train=2, n_test=400, random_state=3)
    assert score == pytest.approx(0.5)
    assert found["per_factor"] == [0.5, 0.5]
    assert found["per_latent"].tolist() == [0.5, 0.5]


def test_a_variance_that_is_rounding_is_zero():
    # Both follow the first factor, one of them but for rounding.
    means = np.stack([MEANS[:, 0], MEANS[:, 0] + 1e-16 * GRID[:, 2], MEANS[:, 1]], axis=1)
    with details() as found:
        factor_vae_score(means, GRID, **FEW)
    assert found["per_latent"][0] == pytest.approx(found["per_latent"][1])
