"""KL divergence and active units: closed forms."""

import numpy as np
import pytest
from scipy import integrate, stats

from metrics import active_units, details, kl_per_dimension

MEANS = np.array([[0.0, 1.0, 0.05], [0.0, -1.0, 0.0]])


def test_kl_has_its_closed_form():
    means, variances = np.array([[1.0, 0.0], [3.0, 0.0]]), np.array([[1.0, 4.0], [1.0, 4.0]])
    expected = [2.5, 0.5 * (4 - 1 - np.log(4))]
    assert kl_per_dimension(means, np.log(variances)) == pytest.approx(expected)


@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (0.7, 0.5), (-2.0, 3.0)])
def test_kl_agrees_with_quadrature(mean, std):
    posterior, prior = stats.norm(mean, std), stats.norm()

    def integrand(z):
        return posterior.pdf(z) * (posterior.logpdf(z) - prior.logpdf(z))

    expected = integrate.quad(integrand, mean - 12 * std, mean + 12 * std)[0]
    found = kl_per_dimension([[mean]], [[2 * np.log(std)]])
    assert found == pytest.approx([expected], abs=1e-6)


def test_kl_is_zero_at_the_prior_and_keeps_latents_apart():
    assert kl_per_dimension(np.zeros((5, 3)), np.zeros((5, 3))).tolist() == [0, 0, 0]
    assert kl_per_dimension([[0.0, 2.0]] * 4, np.zeros((4, 2))).tolist() == [0, 2]


def test_active_units_counts_what_varies():
    with details() as found:
        assert active_units(MEANS) == 1
    assert found["per_latent"] == pytest.approx(MEANS.var(0))
    assert active_units(MEANS, threshold=1e-4) == 2
    assert active_units(np.full((4, 3), 0.1)) == 0


def test_active_units_by_kl_counts_what_costs():
    # The first latent does not vary, but is not the prior.
    logvars = np.array([[-4.0, 0.0, 0.0], [-4.0, 0.0, 0.0]])
    assert active_units(MEANS, logvars, criterion="kl") == 2
    assert active_units(MEANS, logvars, criterion="kl", threshold=1.0) == 1
    with pytest.raises(ValueError, match="logvars is needed"):
        active_units(MEANS, criterion="kl")
    with pytest.raises(ValueError, match="criterion must be"):
        active_units(MEANS, criterion="mean")


def test_log_variances_must_fit_the_means():
    with pytest.raises(ValueError, match="logvars has shape"):
        kl_per_dimension(MEANS, MEANS[:, :2])
