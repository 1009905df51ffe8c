"""Overlap: distances of Gaussians against closed forms, and the curve over a grid."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from bench.models.overlap import MAX_IMAGES, bhattacharyya, overlap_curve
from bench.store.frames import QUANTILES


@pytest.mark.parametrize(("shift", "first", "second"), [(0, 1, 3), (2, 1, 1), (1.5, 0.2, 2)])
def test_the_distance_is_that_of_the_integral(shift, first, second):
    def both(x):
        return np.sqrt(norm.pdf(x, 0, first) * norm.pdf(x, shift, second))

    overlap = quad(both, -40, 40, points=[0, shift], limit=400)[0]
    logvars = 2 * np.log([[first], [second]])
    (distance,) = bhattacharyya(np.array([[0.0], [shift]]), logvars)
    assert distance == pytest.approx(-np.log(overlap), abs=1e-7)


def test_dimensions_add_up_and_pairs_are_in_order():
    means = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 8.0]])
    # At unit variance it is an eighth of the squared distance of the means.
    assert bhattacharyya(means, np.zeros((3, 2))).tolist() == [2.0, 10.0, 8.0]


def test_tiny_variances_stay_finite():
    logvars = np.full((2, 1), -200.0, np.float32)
    (distance,) = bhattacharyya(np.array([[0.0], [1e-3]], np.float32), logvars)
    assert distance == pytest.approx(1e-6 / (8 * np.exp(-200.0)), rel=1e-6)


def test_the_curve_of_a_code_that_is_the_position():
    positions = np.stack([np.arange(9), np.zeros(9, int)], 1)
    curve = overlap_curve(positions.astype(float), np.zeros((9, 2)), positions)
    steps = np.arange(1, 9)
    assert np.array_equal(curve[:, 0], steps)
    for column in curve[:, 1:].T:
        assert column == pytest.approx(steps**2 / 8)


def test_quantiles_are_those_of_the_pairs_at_a_distance():
    rng = np.random.default_rng(0)
    positions = np.indices((4, 4)).reshape(2, -1).T
    means, logvars = rng.normal(size=(16, 3)), rng.normal(size=(16, 3))
    curve = overlap_curve(means, logvars, positions)
    first, second = np.triu_indices(16, 1)
    apart = bhattacharyya(means, logvars)
    near = np.rint(np.linalg.norm(positions[first] - positions[second], axis=1)) == 1
    # Diagonal neighbours, 1.41 steps apart, are the nearest to 1 as well: 24 sides, 18 diagonals.
    assert near.sum() == 42
    assert curve[0, 0] == pytest.approx((24 + 18 * np.sqrt(2)) / 42)
    assert curve[0, 1:] == pytest.approx(np.quantile(apart[near], QUANTILES))
    assert (np.diff(curve[:, 1:], axis=1) >= 0).all()
    assert (np.diff(curve[:, 0]) > 0).all()


def test_of_many_images_the_same_few_are_measured_every_time():
    rng = np.random.default_rng(1)
    n = MAX_IMAGES + 200
    positions = rng.integers(0, 1000, (n, 2))
    means = positions / 100
    curve = overlap_curve(means, np.zeros((n, 2)), positions)
    assert len(curve) <= 42
    assert np.array_equal(curve, overlap_curve(means, np.zeros((n, 2)), positions))


def test_no_pair_gives_no_curve():
    assert overlap_curve(np.zeros((1, 2)), np.zeros((1, 2)), np.zeros((1, 2), int)).shape == (0, 6)
