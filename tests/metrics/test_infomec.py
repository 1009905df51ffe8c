"""InfoM, InfoE and InfoC where their values are known."""

import dataclasses

import numpy as np
import pytest

from metrics import MetricWarning, details, infomec

RNG = np.random.default_rng(0)
FACTORS = np.stack([RNG.integers(0, n, 6_000) for n in (3, 6, 40)], axis=1)
CODES = FACTORS / FACTORS.max(0) + 0.002 * RNG.normal(size=FACTORS.shape)
NOISE = RNG.normal(size=(6_000, 3))


def scores(*args, **options):
    return dataclasses.astuple(infomec(*args, **options))


def test_permuted_and_scaled_factors_are_perfect():
    means = CODES[:, [2, 0, 1]] * [1.0, -0.5, 3.0]
    assert scores(means, FACTORS) == pytest.approx((1, 1, 1), abs=0.02)


def test_a_duplicated_latent_costs_compactness_only():
    infom, infoe, infoc = scores(np.hstack([CODES, CODES]), FACTORS)
    assert infom == pytest.approx(1, abs=0.01)
    assert infoe == pytest.approx(1, abs=0.02)
    # Half of a factor's information in each of two out of six latents: (1/2 − 1/6) / (1 − 1/6).
    assert infoc == pytest.approx(0.4, abs=0.01)


def test_two_factors_in_one_latent_cost_modularity_and_linear_reading():
    bits = np.indices((2, 2, 500)).reshape(3, -1).T[:, :2]
    means = (bits @ [[2.0], [1.0]]) + 0.01 * RNG.normal(size=(2_000, 1))
    with details() as found:
        infom, _, infoc = scores(means, bits)
    assert infom == pytest.approx(0, abs=0.01)
    assert infoc == 1
    # The high bit is a threshold of the latent; the low bit is not: a linear predictor is lost.
    assert found["per_factor"] == pytest.approx([1, 0.11], abs=0.1)


def test_rotation_lowers_modularity_and_compactness_but_not_explicitness():
    grid = np.indices((40, 32)).reshape(2, -1).T.repeat(4, axis=0)
    found = []
    for angle in np.linspace(0, np.pi / 4, 4):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        found.append(scores((grid / [39, 31] - 0.5) @ turn, grid))
    infom, infoe, infoc = np.array(found).T
    assert (np.diff(infom) < 0).all()
    assert (np.diff(infoc) < 0).all()
    assert infom[-1] == pytest.approx(0, abs=0.05)
    assert infoe == pytest.approx(infoe[0], abs=0.02)
    assert infoe[0] > 0.6


def test_dead_latents_are_pruned_by_their_range():
    means = np.hstack([CODES, 0.005 * NOISE, np.zeros((6_000, 2))])
    with details() as found:
        assert scores(means, FACTORS) == pytest.approx((1, 1, 1), abs=0.02)
    assert found["per_latent"][3:].tolist() == [0] * 5
    assert found["information"].shape == (8, 3)
    unpruned = infomec(means, FACTORS, prune_below=0.0)
    assert unpruned.infom < 0.9


def test_noise_is_neither_explicit_nor_compact():
    _, infoe, infoc = scores(NOISE, FACTORS)
    assert infoe == pytest.approx(0, abs=0.01)
    assert infoc < 0.7


def test_a_collapsed_code_scores_nothing():
    assert scores(np.ones((900, 4)), FACTORS[:900]) == (0, 0, 0)


def test_coarse_code_is_modular_and_compact_but_not_explicit():
    factors = np.indices((8, 8, 30)).reshape(3, -1).T[:, :2]
    infom, infoe, infoc = scores((factors // 2).astype(float), factors)
    assert (infom, infoc) == pytest.approx((1, 1), abs=0.01)
    assert infoe == pytest.approx(2 / 3, abs=0.03)


def test_nearest_neighbours_are_seeded_and_agree_with_bins():
    few = slice(0, 1_500)
    means = CODES[few] + 0.1 * NOISE[few]
    once, again = (scores(means, FACTORS[few], estimator="knn") for _ in range(2))
    assert once == again
    assert once == pytest.approx(scores(means, FACTORS[few]), abs=0.15)


def test_predictor_is_judged_on_the_samples_that_are_given():
    swapped = FACTORS[:, [0, 1, 2]].copy()
    swapped[:, 0] = 2 - swapped[:, 0]
    given = infomec(CODES, FACTORS, test_means=CODES, test_factors=FACTORS)
    wrong = infomec(CODES, FACTORS, test_means=CODES, test_factors=swapped)
    assert given.infoe > 0.95
    assert wrong.infoe < given.infoe - 0.2
    assert wrong.infom == given.infom


def test_arguments_that_are_refused():
    with pytest.raises(ValueError, match="estimator must be"):
        infomec(CODES, FACTORS, estimator="posterior")
    with pytest.raises(ValueError, match="n_bins"):
        infomec(CODES, FACTORS, n_bins=1)
    with pytest.warns(MetricWarning, match="constant in column 0") as caught:
        infomec(CODES, FACTORS * [0, 1, 1])
    assert len(caught) == 1
