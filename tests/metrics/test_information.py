"""Histogram information against a plain computation, and the relabelling of factors."""

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from metrics import mutual_information_matrix
from metrics._information import discrete_information, discretise, entropy
from metrics._validation import check_factors

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


def test_the_last_bin_is_closed():
    assert discretise(np.array([[0.0], [0.5], [1.0]]), 2).ravel().tolist() == [0, 1, 1]


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


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint8, np.int64, np.uint64])
def test_relabelling_ranks_the_values(dtype):
    column = np.array([1, 0, 1, 1, 0]).astype(dtype)
    assert check_factors(column[:, None], 5).ravel().tolist() == [1, 0, 1, 1, 0]


@pytest.mark.parametrize(
    "values",
    [
        [7, 3, 3, 9],
        [-7, -9, -9, 5],
        [-(2**63), 0, 0, 2**63 - 1],
        [-(2**63), -(2**63) + 2, -(2**63), -(2**63) + 3],
        [2**63 - 1, 2**63 - 3, 2**63 - 1, 2**63 - 2],
    ],
)
def test_relabelling_of_sparse_and_extreme_labels(values):
    column = np.array(values, np.int64)
    expected = np.unique(column, return_inverse=True)[1]
    assert check_factors(column[:, None], 4).ravel().tolist() == expected.tolist()


def test_relabelling_of_the_greatest_unsigned_labels():
    column = np.array([2**64 - 1, 2**64 - 3, 2**64 - 1], np.uint64)
    assert check_factors(column[:, None], 3).ravel().tolist() == [1, 0, 1]
