"""MIG-sup where its value is known."""

import numpy as np
import pytest

from metrics import details, mig, mig_sup

SMALL = np.indices((4, 5, 6)).reshape(3, -1).T
BITS = np.indices((2, 2, 2)).reshape(3, -1).T


def test_permuted_and_scaled_factors_are_perfect():
    assert mig_sup(SMALL[:, [2, 0, 1]] * [3.0, -0.01, 100.0], SMALL) == pytest.approx(1)


def test_two_factors_in_one_latent_fail_it_where_mig_passes_them():
    means = BITS @ [[4.0], [2.0], [1.0]]
    assert mig(means, BITS) == pytest.approx(1)
    assert mig_sup(means, BITS) == pytest.approx(0)


def test_a_duplicated_latent_passes_it_where_mig_fails_it():
    means = np.hstack([SMALL, SMALL]).astype(float)
    assert mig(means, SMALL) == pytest.approx(0)
    assert mig_sup(means, SMALL) == pytest.approx(1)


def test_information_is_in_shares_of_each_factors_entropy():
    factors = np.indices((2, 16)).reshape(2, -1).T
    # The latent knows 1 of 1 bit of one factor, and 1 of 4 bits of the other.
    means = (2 * factors[:, :1] + factors[:, 1:] // 8).astype(float)
    assert mig_sup(means, factors) == pytest.approx(0.75)


def test_dead_latents_are_not_in_the_mean_unless_all_are():
    means = np.hstack([SMALL, np.zeros((120, 2))]).astype(float)
    with details() as found:
        assert mig_sup(means, SMALL) == pytest.approx(1)
    assert found["informative"].tolist() == [True] * 3 + [False] * 2
    assert found["per_latent"] == pytest.approx([1, 1, 1, 0, 0], abs=1e-9)
    assert mig_sup(means, SMALL, least_information=0.0) == pytest.approx(3 / 5)
    assert mig_sup(np.zeros((120, 2)), SMALL) == 0


def test_rotation_lowers_it_steadily():
    grid = np.indices((40, 32)).reshape(2, -1).T
    found = []
    for angle in np.linspace(0, np.pi / 4, 4):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        found.append(mig_sup((grid / [39, 31] - 0.5) @ turn, grid))
    assert (np.diff(found) < 0).all()
    assert found[-1] == pytest.approx(0, abs=0.03)


def test_noise_scores_nothing():
    rng = np.random.default_rng(0)
    assert mig_sup(rng.normal(size=(5_000, 4)), rng.integers(0, 5, (5_000, 3))) == 0


def test_posterior_estimator():
    logvars = np.full(SMALL.shape, -12.0)
    found = mig_sup(SMALL.astype(float), SMALL, estimator="posterior", logvars=logvars)
    assert found == pytest.approx(1, abs=1e-3)
