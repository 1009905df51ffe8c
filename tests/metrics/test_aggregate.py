"""The aggregate posterior against numerical integration of the mixtures that it stands for."""

import numpy as np
import pytest

from metrics import mutual_information_matrix
from metrics._aggregate import aggregate_posterior

TOLERANCE = 1e-3


def mixture_entropy(mu, sigma):
    """Return −∫ q ln q by the trapezoidal rule, with 40 points a narrowest σ."""
    components, counts = np.unique(np.c_[mu, sigma], axis=0, return_counts=True)
    low, high = mu.min() - 10 * sigma.max(), mu.max() + 10 * sigma.max()
    z = np.linspace(low, high, int(40 * (high - low) / sigma.min()))
    q = np.zeros_like(z)
    for (centre, width), share in zip(components, counts / counts.sum(), strict=True):
        start, end = np.searchsorted(z, [centre - 10 * width, centre + 10 * width])
        offset = (z[start:end] - centre) / width
        q[start:end] += share * np.exp(-0.5 * offset**2) / width / np.sqrt(2 * np.pi)
    q = q[q > 0]
    return -(q * np.log(q)).sum() * (z[1] - z[0])


def expected(mu, sigma, values):
    """Return I(z; v) and I(x; z)."""
    whole = mixture_entropy(mu, sigma)
    shares = np.bincount(values) / len(values)
    within = [mixture_entropy(mu[values == v], sigma[values == v]) for v in range(len(shares))]
    return whole - shares @ within, whole - np.log(sigma * np.sqrt(2 * np.pi * np.e)).mean()


def assert_agrees(mu, sigma, values):
    mu, sigma, values = np.asarray(mu, float), np.asarray(sigma, float), np.asarray(values)
    about_factor, about_sample = expected(mu, sigma, values)
    logvars = 2 * np.log(sigma)[:, None]
    found = aggregate_posterior(mu[:, None], logvars, values[:, None])
    alone = aggregate_posterior(mu[:, None], logvars)
    assert found.information[0, 0] == pytest.approx(about_factor, abs=TOLERANCE)
    assert found.sample_information[0] == pytest.approx(about_sample, abs=TOLERANCE)
    assert alone.sample_information[0] == pytest.approx(about_sample, abs=TOLERANCE)


@pytest.mark.parametrize(
    ("levels", "sigma"),
    [(2, 0.2), (2, 0.5), (4, 0.3), (8, 1.5), (32, 0.7), (40, 0.25), (10, 0.37), (5, 0.01)],
)
def test_levels_in_gaussian_noise(levels, sigma):
    values = np.arange(levels).repeat(3)
    assert_agrees(values, np.full(len(values), sigma), values)


def test_levels_at_places_that_no_grid_hits():
    places = np.sort(np.random.default_rng(0).uniform(0, 12, 12))
    values = np.arange(12).repeat(2)
    assert_agrees(places[values], np.full(24, 0.3), values)


def test_narrow_and_wide_posteriors_of_the_same_values():
    values = np.arange(8).repeat(4)
    assert_agrees(values, np.tile([0.1, 1.0], 16), values)


def test_sigmas_over_two_decades_in_one_latent():
    values = np.arange(8).repeat(40)
    assert_agrees(values, np.tile(np.geomspace(0.01, 1, 40), 8), values)


def test_sigma_alone_tells_the_value():
    values = np.arange(6)
    assert_agrees(np.zeros(6), np.geomspace(0.05, 1, 6), values)


def test_sigmas_at_the_border_of_two_levels():
    values = np.arange(8)
    assert_agrees(0.6 * values, np.where(values % 2, 0.5, 0.5 * 2**0.249), values)


@pytest.mark.parametrize("seed", range(8))
def test_random_mixtures(seed):
    rng = np.random.default_rng(seed)
    mu = rng.normal(size=24) * np.exp(rng.uniform(-1, 1))
    assert_agrees(mu, np.exp(rng.normal(size=24) * 0.6 - 1), rng.integers(0, 3, 24))


def test_one_very_narrow_sigma_with_few_distinct_values_tells_all():
    values = np.arange(5).repeat(100)[:, None]
    found = aggregate_posterior(values.astype(float), np.full(values.shape, -40.0), values)
    assert found.information[0, 0] == pytest.approx(np.log(5), abs=TOLERANCE)
    assert found.sample_information[0] == pytest.approx(np.log(5), abs=TOLERANCE)


def test_full_grid_with_factors_of_forty_and_thirty_two_values():
    factors = np.indices((40, 32)).reshape(2, -1).T
    found = aggregate_posterior(factors.astype(float), np.full(factors.shape, -4.0), factors)
    for latent, levels in enumerate((40, 32)):
        values = np.arange(levels)
        exact = expected(values.astype(float), np.full(levels, np.exp(-2.0)), values)[0]
        assert found.information[latent, latent] == pytest.approx(exact, abs=TOLERANCE)
        assert found.information[latent, 1 - latent] == pytest.approx(0, abs=1e-9)


def test_a_factor_of_many_values_is_taken_in_parts(monkeypatch):
    rng = np.random.default_rng(0)
    means, logvars, factors = (
        rng.normal(size=(60, 1)),
        rng.normal(size=(60, 1)),
        rng.integers(0, 9, (60, 1)),
    )
    whole = aggregate_posterior(means, logvars, factors)
    monkeypatch.setattr("metrics._aggregate._CELLS", 700)
    parts = aggregate_posterior(means, logvars, factors)
    assert parts.information == pytest.approx(whole.information, abs=1e-12)


def test_latents_without_information_have_none():
    factors = np.arange(4).repeat(5)[:, None]
    found = aggregate_posterior(np.ones((20, 1)), np.full((20, 1), -3.0), factors)
    assert found.information[0, 0] == found.sample_information[0] == 0


def test_extreme_log_variances_stay_finite():
    means = np.arange(6.0)[:, None]
    for extreme in (-2_000.0, 2_000.0):
        logvars = np.zeros((6, 1))
        logvars[0] = extreme
        matrix = mutual_information_matrix(
            means, np.arange(6)[:, None], estimator="posterior", logvars=logvars
        )
        assert 0 <= matrix[0, 0] <= np.log(6) + TOLERANCE


@pytest.mark.parametrize("power", [1_000, 160, -160, -1_000])
def test_information_is_free_of_scale(power):
    rng = np.random.default_rng(0)
    values = np.repeat(np.arange(4), 50)[:, None]
    means = values + rng.normal(size=(200, 2))
    means[:, 1] = 0.3
    logvars = rng.normal(size=means.shape)
    whole = aggregate_posterior(means, logvars, values)
    scaled = aggregate_posterior(means * 2.0**power, logvars + 2 * power * np.log(2), values)
    assert scaled.information == pytest.approx(whole.information, abs=1e-9)
    assert scaled.sample_information == pytest.approx(whole.sample_information, abs=1e-9)
