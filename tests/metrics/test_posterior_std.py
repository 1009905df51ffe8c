"""Mean standard deviations of posteriors: closed forms."""

import numpy as np
import pytest

from metrics import kl_per_dimension, posterior_std_per_dimension


def test_it_is_the_mean_of_deviations_and_not_the_root_of_the_mean_variance():
    variances = np.array([[1.0, 0.04], [1.0, 0.36]])
    found = posterior_std_per_dimension(np.log(variances))
    assert found == pytest.approx([1.0, 0.4])
    assert np.sqrt(variances.mean(0))[1] == pytest.approx(0.447, abs=1e-3)


def test_the_prior_has_one_in_every_latent():
    assert posterior_std_per_dimension(np.zeros((5, 3))).tolist() == [1, 1, 1]


def test_of_a_code_that_fills_the_prior_the_kl_is_minus_its_logarithm():
    std = 0.43
    means = np.random.default_rng(0).normal(scale=np.sqrt(1 - std**2), size=(200_000, 1))
    logvars = np.full(means.shape, 2 * np.log(std))
    found = posterior_std_per_dimension(logvars)
    assert found == pytest.approx([std])
    assert kl_per_dimension(means, logvars) == pytest.approx(-np.log(found), abs=5e-3)


def test_what_is_no_array_of_log_variances_is_refused():
    with pytest.raises(ValueError, match="logvars must have shape"):
        posterior_std_per_dimension([0.0, 1.0])
    with pytest.raises(ValueError, match="logvars has NaN"):
        posterior_std_per_dimension([[0.0, np.nan]])
