"""The Gaussian total correlation against its closed form."""

import numpy as np
import pytest

from metrics import MetricWarning, gaussian_total_correlation

RNG = np.random.default_rng(0)


def whitened(n_samples, n_latents):
    """Return codes whose sample correlations are exactly 0."""
    codes = RNG.normal(size=(n_samples, n_latents))
    codes -= codes.mean(0)
    return np.linalg.qr(codes)[0]


@pytest.mark.parametrize("correlation", [0.0, 0.5, -0.9, 0.999])
def test_two_latents(correlation):
    codes = whitened(200, 2)
    codes[:, 1] = correlation * codes[:, 0] + np.sqrt(1 - correlation**2) * codes[:, 1]
    expected = -0.5 * np.log(1 - correlation**2)
    found = gaussian_total_correlation([7.0, 0.0] + codes * [3.0, -1e-9])
    assert found == pytest.approx(expected, abs=1e-6)


def test_three_latents_against_the_determinant():
    codes = RNG.normal(size=(500, 3)) @ RNG.normal(size=(3, 3))
    expected = -0.5 * np.log(np.linalg.det(np.corrcoef(codes.T)))
    assert gaussian_total_correlation(codes) == pytest.approx(expected)


def test_rotation_of_unequal_latents_rises_steadily():
    codes = whitened(400, 2) * [3.0, 1.0]
    found = []
    for angle in np.linspace(0, np.pi / 4, 5):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        found.append(gaussian_total_correlation(codes @ turn))
    assert found[0] == pytest.approx(0, abs=1e-12)
    assert (np.diff(found) > 0).all()
    # Known: at 45° the correlation is (9 − 1) / (9 + 1).
    assert found[-1] == pytest.approx(-0.5 * np.log(1 - 0.8**2))


def test_constant_latents_are_left_out():
    codes = RNG.normal(size=(50, 3))
    with_dead = np.hstack([codes, np.full((50, 2), 0.1)])
    assert gaussian_total_correlation(with_dead) == gaussian_total_correlation(codes)
    assert gaussian_total_correlation(np.zeros((50, 3))) == 0
    assert gaussian_total_correlation(codes[:, :1]) == 0


def test_a_duplicated_latent_is_finite_and_said():
    codes = whitened(50, 2)
    with pytest.warns(MetricWarning, match="determine others"):
        found = gaussian_total_correlation(np.hstack([codes, codes[:, :1]]))
    # Eigenvalues 2, 1 and 0, of which the last counts as 1e-10.
    assert found == pytest.approx(-0.5 * np.log(2e-10))


def test_there_must_be_more_samples_than_latents():
    with pytest.raises(ValueError, match="needs at least 5"):
        gaussian_total_correlation(RNG.normal(size=(4, 4)))
