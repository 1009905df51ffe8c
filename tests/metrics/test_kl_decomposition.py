"""The KL decomposition against closed forms: a Gaussian aggregate and separated posteriors."""

import dataclasses
import sys

import numpy as np
import pytest

from metrics import MetricWarning, details, kl_decomposition, kl_per_dimension

RNG = np.random.default_rng(0)


def gaussian_aggregate(covariance, noise, n_samples=20_000):
    """Return posteriors whose aggregate is N(0, covariance + noise), and the exact parts."""
    factor = np.linalg.cholesky(covariance)
    means = RNG.normal(size=(n_samples, len(covariance)))
    # Whitened, so that the sample's covariance is exactly what was asked for.
    means -= means.mean(0)
    means = means @ np.linalg.inv(np.linalg.cholesky(np.cov(means.T, bias=True))).T @ factor.T
    total = covariance + np.diag(noise)
    information = 0.5 * (np.linalg.slogdet(total)[1] - np.log(noise).sum())
    correlation = 0.5 * (np.log(np.diag(total)).sum() - np.linalg.slogdet(total)[1])
    marginal = 0.5 * (np.diag(total) - 1 - np.log(np.diag(total))).sum()
    logvars = np.tile(np.log(noise), (n_samples, 1))
    return means, logvars, information, correlation, marginal


def test_gaussian_aggregate():
    covariance = np.array([[1.0, 1.0, 0.0], [1.0, 1.2, 0.3], [0.0, 0.3, 0.6]])
    means, logvars, information, correlation, marginal = gaussian_aggregate(
        covariance, np.array([0.05, 0.1, 0.4])
    )
    parts = kl_decomposition(means, logvars, n_draws=2_000)
    assert 0.005 < parts.standard_error < 0.05
    slack = 4 * parts.standard_error + 0.01
    assert parts.mutual_information == pytest.approx(information, abs=slack)
    assert parts.total_correlation == pytest.approx(correlation, abs=slack)
    assert parts.dimension_wise_kl == pytest.approx(marginal, abs=5e-3)
    assert parts.information_plus_tc == pytest.approx(information + correlation, abs=5e-3)
    assert correlation > 4 * slack


def test_parts_add_up_to_the_kl():
    means, logvars = RNG.normal(size=(500, 4)), RNG.normal(size=(500, 4)) - 1
    parts = kl_decomposition(means, logvars, n_draws=100)
    total = parts.mutual_information + parts.total_correlation + parts.dimension_wise_kl
    assert total == pytest.approx(parts.kl)
    assert parts.kl == pytest.approx(kl_per_dimension(means, logvars).sum())


def test_separated_posteriors_tell_all_samples_apart():
    means = np.indices((4, 8)).reshape(2, -1).T * 10.0
    with (
        details() as found,
        pytest.warns(MetricWarning, match=r"32 samples.*3\.47 nats.*saturated"),
    ):
        parts = kl_decomposition(means, np.zeros((32, 2)), n_draws=50)
    assert parts.mutual_information == pytest.approx(np.log(32))
    assert parts.total_correlation == pytest.approx(0, abs=2e-3)
    assert found["per_latent"] == pytest.approx([np.log(4), np.log(8)], abs=1e-3)
    assert found["ln_n_samples"] == pytest.approx(np.log(32))


def test_duplicated_latents_are_all_total_correlation():
    means = np.arange(2)[:, None].repeat(100, axis=0) * np.full((1, 3), 20.0)
    parts = kl_decomposition(means, np.zeros((200, 3)))
    assert parts.mutual_information == pytest.approx(np.log(2), abs=1e-6)
    assert parts.total_correlation == pytest.approx(2 * np.log(2), abs=2e-3)


def test_a_collapsed_code_has_nothing():
    parts = kl_decomposition(np.zeros((50, 3)), np.zeros((50, 3)))
    assert dataclasses.astuple(parts) == pytest.approx((0,) * 6, abs=1e-9)


def test_a_shifted_collapsed_code_is_all_marginal():
    parts = kl_decomposition(np.full((50, 2), 3.0), np.full((50, 2), np.log(0.25)))
    expected = 2 * 0.5 * (9 + 0.25 - 1 - np.log(0.25))
    assert parts.dimension_wise_kl == pytest.approx(expected)
    assert parts.mutual_information == pytest.approx(0, abs=1e-9)


def test_draws_are_seeded_and_the_exact_parts_have_no_chance_in_them():
    means, logvars = RNG.normal(size=(300, 3)), np.zeros((300, 3)) - 0.5
    first, again, other = (kl_decomposition(means, logvars, random_state=s) for s in (1, 1, 2))
    assert first == again
    assert first.mutual_information != other.mutual_information
    assert first.information_plus_tc == other.information_plus_tc


def test_chunks_make_no_difference(monkeypatch):
    means, logvars = RNG.normal(size=(300, 3)), RNG.normal(size=(300, 3)) - 0.5
    whole = kl_decomposition(means, logvars, n_draws=100)
    # The function hides the module of its name.
    monkeypatch.setattr(sys.modules["metrics.kl_decomposition"], "_PAIRS", 700)
    parts = kl_decomposition(means, logvars, n_draws=100)
    assert parts.mutual_information == pytest.approx(whole.mutual_information)


def test_narrow_and_distant_posteriors_stay_finite():
    means = RNG.normal(size=(100, 2)) * [1e-3, 1e6]
    with pytest.warns(MetricWarning, match="saturated"):
        parts = kl_decomposition(means, np.full((100, 2), -80.0), n_draws=20)
    assert np.isfinite(dataclasses.astuple(parts)).all()
    assert parts.mutual_information == pytest.approx(np.log(100), abs=1e-6)


def test_one_draw_has_no_standard_error():
    with pytest.raises(ValueError, match="n_draws"):
        kl_decomposition(np.zeros((5, 2)), np.zeros((5, 2)), n_draws=1)
