"""Histogram information against a plain computation, and the relabelling of factors."""

from itertools import product

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from metrics import mutual_information_matrix
from metrics._information import discrete_information, discretise, entropy

RNG = np.random.default_rng(0)
FACTORS = np.stack([RNG.integers(0, n, 3_000) for n in (3, 6, 40, 32, 32)], axis=1)
CODES = FACTORS @ RNG.normal(size=(5, 4)) + RNG.normal(size=(3_000, 4))


def test_matrix_is_that_of_scikit_learn_on_numpy_bins():
    expected = np.empty((4, 5))
    for j in range(4):
        edges = np.linspace(CODES[:, j].min(), CODES[:, j].max(), 21)
        bins = np.digitize(CODES[:, j], edges[1:-1])
        expected[j] = [mutual_info_score(bins, FACTORS[:, k]) for k in range(5)]
    assert mutual_information_matrix(CODES, FACTORS) == pytest.approx(expected, abs=1e-9)


def test_chunks_make_no_difference(monkeypatch):
    whole = mutual_information_matrix(CODES, FACTORS)
    monkeypatch.setattr("metrics._information._ENTRIES", 700)
    assert mutual_information_matrix(CODES, FACTORS) == pytest.approx(whole, abs=1e-12)


@pytest.mark.parametrize("n_bins", [2, 3, 6, 7, 20])
def test_bins_are_those_of_numpy_at_any_scale(n_bins):
    # Many are on an edge, where rounding would choose the bin.
    codes = np.arange(61.0)[:, None]
    edges = np.histogram_bin_edges(codes, n_bins)
    expected = np.digitize(codes, edges[:-1]) - 1
    for scale, shift in product((1, 0.1, 1 / 3, 0.7, 1e300, 1e-300), (0, 0.1, 0.7)):
        assert (discretise(scale * (codes + shift), n_bins) == expected).all()


def test_entropies_are_in_nats():
    assert entropy(np.array([2, 2, 0, 4])) == pytest.approx(1.5 * np.log(2))


def test_joint_entropies():
    bins, factors = np.array([[0], [0], [1], [1]]), np.array([[0], [1], [0], [1]])
    information, joint = discrete_information(bins, 2, factors)
    assert information[0, 0] == pytest.approx(0)
    assert joint[0, 0] == pytest.approx(np.log(4))


def test_correction_takes_off_what_independence_seems_to_share():
    rng = np.random.default_rng(1)
    bins, factors = rng.integers(0, 10, (2_000, 30)), rng.integers(0, 8, (2_000, 10))
    plain, _ = discrete_information(bins, 10, factors)
    # Known: the plug-in bias is (10 − 1)(8 − 1) / 2N where all cells are in use.
    assert plain.mean() == pytest.approx(63 / 4_000, rel=0.05)
    corrected, _ = discrete_information(bins, 10, factors, corrected=True)
    assert corrected.mean() < 0.1 * plain.mean()


def test_correction_is_by_the_cells_in_use():
    bins, factors = np.array([[0, 1, 2, 3] * 5]).T, np.array([[0, 1, 1, 1] * 5]).T
    bins[0] = 1
    plain, _ = discrete_information(bins, 4, factors)
    corrected, _ = discrete_information(bins, 4, factors, corrected=True)
    # 5 cells of the joint distribution, 4 bins and 2 values.
    assert plain - corrected == pytest.approx((5 - 4 - 2 + 1) / 40, abs=1e-12)
    bins[1] = 0
    plain, _ = discrete_information(bins, 4, factors)
    corrected, _ = discrete_information(bins, 4, factors, corrected=True)
    assert plain - corrected == pytest.approx(np.full((1, 1), (6 - 4 - 2 + 1) / 40), abs=1e-12)
