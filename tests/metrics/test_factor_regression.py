"""Factor regression: polynomials of the latents in use, and of no others."""

import numpy as np
import pytest

from metrics import MetricWarning, details, factor_regression
from metrics.factor_regression import least_squares

GRID = np.indices((12, 15)).reshape(2, -1).T
CENTRED = (GRID - GRID.mean(0)) / GRID.std(0)
# Posteriors this narrow have a KL of some nats; those of N(0, 1) have none.
NARROW, PRIOR = np.full((len(GRID), 2), -4.0), np.zeros((len(GRID), 2))


def test_factors_turned_or_cubed_are_predicted_exactly():
    turned = CENTRED @ np.array([[1, 1], [-1, 1]]) / np.sqrt(2)
    for means in (CENTRED, CENTRED[:, ::-1] * [-3, 2], turned):
        assert factor_regression(means, NARROW, GRID) == pytest.approx(1)
    # The inverse of a cubic in the latent: x = z³ needs degree 3, and 1 misses it.
    rooted = np.cbrt(CENTRED)
    assert factor_regression(rooted, NARROW, GRID) == pytest.approx(1)
    assert 0.7 < factor_regression(rooted, NARROW, GRID, degree=1) < 0.99


def test_latents_predict_together_and_with_their_products():
    # x is the difference of the two latents; the first alone has half of its variance.
    means = np.stack([CENTRED.sum(1), CENTRED[:, 1]], axis=1)
    with details() as found:
        assert factor_regression(means, NARROW, GRID) == pytest.approx(1)
    assert found["n_used"] == 2
    assert 0.2 < factor_regression(means[:, :1], NARROW[:, :1], GRID) < 0.7
    # A factor that is the product of two latents.
    signs = np.tile(np.indices((4, 4)).reshape(2, -1).T, (9, 1))
    product = (signs[:, :1] * signs[:, 1:]).astype(np.int64)
    _, ranks = np.unique(product, return_inverse=True)
    narrow = np.full(signs.shape, -4.0)
    with details() as found:
        factor_regression(signs - 1.5, narrow, np.hstack([signs, ranks.reshape(-1, 1)]), degree=1)
    linear = found["per_factor"][2]
    with details() as found:
        factor_regression(signs - 1.5, narrow, np.hstack([signs, ranks.reshape(-1, 1)]), degree=2)
    assert found["per_factor"][2] > linear + 0.05


def test_the_score_is_that_of_the_worst_factor_and_a_missing_one_has_none():
    with details() as found:
        assert factor_regression(CENTRED[:, :1], NARROW[:, :1], GRID) < 0.02
    assert found["per_factor"][0] == pytest.approx(1)


def test_known_noise_gives_the_known_share_of_variance():
    rng = np.random.default_rng(0)
    factors = rng.integers(50, size=(9_000, 1))
    codes = (factors - 24.5) / np.sqrt((50**2 - 1) / 12)
    noisy = codes + rng.normal(scale=0.5, size=codes.shape)
    found = factor_regression(noisy, np.full(codes.shape, -4.0), factors)
    # Linear regression has 1 / (1 + ¼) = 0.8; of a uniform factor a cubic finds a little more.
    assert 0.79 < found < 0.83


def test_latents_without_kl_are_not_looked_at():
    # The second latent tells the factor, but its posterior is the prior for all it is worth.
    means = CENTRED * [1, 0.05]
    logvars = np.hstack([NARROW[:, :1], PRIOR[:, :1]])
    with details() as found:
        assert factor_regression(means, logvars, GRID) < 0.02
    assert found["n_used"] == 1
    assert factor_regression(means, logvars, GRID, threshold=1e-4) == pytest.approx(1)


def test_a_collapsed_code_scores_zero():
    with details() as found:
        assert factor_regression(0.01 * CENTRED, PRIOR, GRID) == 0
    assert found["n_used"] == 0
    assert found["per_factor"].tolist() == [0, 0]


def test_constant_latents_in_use_are_harmless():
    means = np.hstack([CENTRED, np.full((len(GRID), 1), 3.0)])
    assert factor_regression(means, np.hstack([NARROW, PRIOR[:, :1]]), GRID) == pytest.approx(1)


def test_of_many_latents_ten_are_taken_and_it_says_so():
    rng = np.random.default_rng(0)
    factors = np.tile(GRID, (6, 1))
    more = rng.normal(size=(len(factors), 10))
    means = np.hstack([more, np.tile(CENTRED, (6, 1))])
    # The factors' latents have the largest KL: they are among the ten.
    logvars = np.hstack([np.zeros(more.shape), np.tile(NARROW, (6, 1))])
    with pytest.warns(MetricWarning, match="12 latents are in use; the 10"), details() as found:
        assert factor_regression(means, logvars, factors) == pytest.approx(1)
    assert found["n_used"] == 12


def test_the_split_is_that_of_the_seed():
    rng = np.random.default_rng(0)
    means = CENTRED + rng.normal(size=CENTRED.shape)
    scores = [factor_regression(means, NARROW, GRID, random_state=seed) for seed in (0, 0, 1)]
    assert scores[0] == scores[1] != scores[2]


def test_bad_arguments_are_refused_and_constant_factors_left_out():
    with pytest.raises(ValueError, match="degree must be at least 1"):
        factor_regression(CENTRED, NARROW, GRID, degree=0)
    with pytest.raises(ValueError, match="logvars has shape"):
        factor_regression(CENTRED, NARROW[:, :1], GRID)
    with pytest.raises(ValueError, match="factors must be integers"):
        factor_regression(CENTRED, NARROW, CENTRED)
    with pytest.warns(MetricWarning, match="column 1"):
        assert factor_regression(CENTRED[:, :1], NARROW[:, :1], GRID * [1, 0]) == pytest.approx(1)


def test_among_latents_of_equal_kl_the_place_decides_nothing():
    rng = np.random.default_rng(0)
    factors = np.tile(np.indices((9, 9)).reshape(2, -1).T, (4, 1))
    means = rng.permuted(np.tile(factors[:, :1] * 1.0, (1, 14)), axis=0)
    # All latents have the same values, in another order; two of them tell the factors.
    means[:, 0], means[:, 1] = factors[:, 0], factors[:, 1]
    # Whole numbers: the divergences are equal to the last bit.
    logvars = np.zeros(means.shape)
    found = []
    for sign, order in ((1, np.arange(14)), (-1, np.arange(14)[::-1]), (1, rng.permutation(14))):
        with pytest.warns(MetricWarning, match="14 latents are in use"):
            found.append(factor_regression(sign * means[:, order], logvars, factors, degree=1))
    assert found == pytest.approx([found[0]] * 3, abs=1e-9)


@pytest.mark.parametrize("spread", [1e-1, 1e-2, 1e-3, 1e-6, 1e-12, 0])
def test_least_squares_are_those_of_a_singular_value_decomposition(spread):
    rng = np.random.default_rng(0)
    # Two columns that differ by ever less, up to copies; scales apart.
    terms = rng.normal(size=(200, 6)) * [1, 0.01, 100, 1, 1, 1]
    terms[:, 5] = terms[:, 4] + spread * terms[:, 5]
    values = rng.normal(size=(200, 3))
    found, expected = least_squares(terms, values), np.linalg.lstsq(terms, values, rcond=None)[0]
    assert found == pytest.approx(expected, rel=1e-8, abs=1e-8 * np.abs(expected).min())
    assert terms @ found == pytest.approx(terms @ expected, abs=1e-9)


@pytest.mark.parametrize("shape", [(4, 9), (9, 9), (9, 1)])
def test_least_squares_of_few_samples_or_of_nothing_are_the_smallest(shape):
    rng = np.random.default_rng(1)
    terms, values = rng.normal(size=shape), rng.normal(size=(shape[0], 2))
    expected = np.linalg.lstsq(terms, values, rcond=None)[0]
    assert least_squares(terms, values) == pytest.approx(expected, rel=1e-8)
    terms[:, 0] = 0
    assert least_squares(terms, values)[0] == pytest.approx(0, abs=1e-12)
