"""Modularity where its value is known."""

import numpy as np
import pytest

from metrics import MetricWarning, details, modularity

SMALL = np.indices((4, 5, 6)).reshape(3, -1).T
BITS = np.indices((2, 2, 2)).reshape(3, -1).T


def test_permuted_scaled_and_duplicated_factors_are_perfect():
    means = np.hstack([SMALL[:, [2, 0, 1]] * [3.0, -0.01, 100.0], SMALL])
    assert modularity(means, SMALL) == pytest.approx(1)


def test_one_latent_with_all_factors_is_not_modular_and_with_two_of_three_half():
    assert modularity(BITS @ [[4.0], [2.0], [1.0]], BITS) == pytest.approx(0)
    assert modularity(BITS @ [[2.0], [1.0], [0.0]], BITS) == pytest.approx(0.5)


def test_squares_of_information_are_compared():
    factors = np.indices((2, 8)).reshape(2, -1).T
    means = (4 * factors[:, :1] + factors[:, 1:] // 2).astype(float)
    # One bit against two.
    assert modularity(means, factors) == pytest.approx(1 - (1 / 2) ** 2)


def test_dead_latents_count_nothing():
    means = np.hstack([SMALL, np.zeros((120, 2))]).astype(float)
    with details() as found:
        assert modularity(means, SMALL) == pytest.approx(3 / 5)
    assert found["per_latent"] == pytest.approx([1, 1, 1, 0, 0], abs=1e-9)
    assert modularity(np.zeros((120, 4)), SMALL) == 0


def test_rotation_lowers_it_steadily_on_a_full_grid():
    grid = np.indices((40, 32)).reshape(2, -1).T
    found = []
    for angle in np.linspace(0, np.pi / 4, 4):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        found.append(modularity((grid / [39, 31] - 0.5) @ turn, grid))
    assert found[0] == pytest.approx(1)
    assert (np.diff(found) < 0).all()
    assert found[-1] < 0.2


def test_noise_scores_high_as_the_documentation_warns():
    rng = np.random.default_rng(0)
    noise, factors = rng.normal(size=(9_000, 10)), rng.integers(0, [3, 6, 40, 32, 32], (9_000, 5))
    assert 0.5 < modularity(noise, factors) < 0.8


def test_two_factors_must_vary():
    with pytest.raises(ValueError, match="two factors"):
        modularity(SMALL.astype(float), SMALL[:, :1])
    with pytest.warns(MetricWarning, match="constant"):
        assert modularity(SMALL[:, 1:].astype(float), SMALL * [0, 1, 1]) == pytest.approx(1)


def test_posterior_estimator():
    logvars = np.full(SMALL.shape, -12.0)
    found = modularity(SMALL.astype(float), SMALL, estimator="posterior", logvars=logvars)
    assert found == pytest.approx(1, abs=1e-3)
