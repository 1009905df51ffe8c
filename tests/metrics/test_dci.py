"""DCI: known importance matrices, known codes, and the protocol."""

import joblib
import numpy as np
import pytest

from metrics import MetricWarning, dci, dci_from_importance, details
from tests.random_states import global_states

GRID = np.indices((4, 5, 6)).reshape(3, -1).T
FACTORS = np.tile(GRID, (10, 1))
NOISE = np.random.default_rng(0).normal(size=(len(FACTORS), 3))


def turned(degrees):
    means = (FACTORS - FACTORS.mean(0)) / FACTORS.std(0)
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return np.hstack([means[:, :2] @ turn, means[:, 2:]])


def test_importance_of_one_latent_per_factor_scores_one():
    scores = dci_from_importance(np.eye(4)[:, [2, 0, 1, 3]])
    assert (scores.disentanglement, scores.completeness) == (1, 1)
    assert np.isnan(scores.informativeness)


def test_known_importances():
    # Latent 0 serves two of three factors alike; factor 2 is in two of three latents alike.
    importance = np.array([[1, 1, 0], [0, 0, 0.5], [0, 0, 0.5]])
    scores = dci_from_importance(importance)
    half = np.log(2) / np.log(3)
    # Two thirds of the mass are in latent 0, one third in factor 2.
    assert scores.disentanglement == pytest.approx(1 - 2 / 3 * half)
    assert scores.completeness == pytest.approx(1 - 1 / 3 * half)
    other = dci_from_importance(importance.T)
    assert other.disentanglement == pytest.approx(scores.completeness)
    assert other.completeness == pytest.approx(scores.disentanglement)


def test_the_base_is_the_number_of_factors_for_latents_and_of_latents_for_factors():
    importance = np.zeros((8, 4))
    importance[:2] = [[1, 1, 0, 0], [0, 0, 1, 1]]
    scores = dci_from_importance(importance)
    assert scores.disentanglement == pytest.approx(0.5)
    assert scores.completeness == 1
    spread = dci_from_importance(np.repeat(importance[:2] / 2, 2, axis=0))
    assert spread.completeness == pytest.approx(1 - np.log(2) / np.log(4))


def test_uniform_and_empty_importances_score_zero():
    for matrix in (np.ones((5, 3)), np.zeros((5, 3))):
        scores = dci_from_importance(matrix)
        assert (scores.disentanglement, scores.completeness) == pytest.approx((0, 0))


def test_malformed_importances_are_refused():
    for matrix in (np.ones(3), -np.eye(3), [[np.nan, 1.0]], np.ones((0, 3))):
        with pytest.raises(ValueError, match="importance must"):
            dci_from_importance(matrix)


def test_perfect_codes_score_one_with_dead_latents_and_at_any_scale():
    dead = np.full((len(FACTORS), 2), 0.1)
    for means in (FACTORS.astype(float), 1e-9 * np.hstack([dead, FACTORS[:, ::-1]])):
        with details() as found:
            scores = dci(means, FACTORS)
        assert scores.disentanglement == pytest.approx(1, abs=0.02)
        assert scores.completeness == pytest.approx(1, abs=0.02)
        assert scores.informativeness == 1
        assert found["importance"].shape == (means.shape[1], 3)
        assert len(found["per_factor"]) == 3
        assert len(found["per_latent"]) == means.shape[1]


def test_scores_fall_as_two_latents_turn():
    scores = [dci(turned(degrees), FACTORS) for degrees in (0, 20, 45)]
    assert scores[0].disentanglement > scores[1].disentanglement + 0.2
    assert scores[0].completeness > scores[1].completeness + 0.2
    assert scores[1].disentanglement > scores[2].disentanglement + 0.01
    assert min(score.informativeness for score in scores) > 0.95
    # The third latent is alone in any case.
    with details() as found:
        dci(turned(45), FACTORS)
    assert found["per_latent"][2] > 0.9
    assert found["per_latent"][:2].max() < 0.6


def test_two_factors_in_one_latent_are_complete_but_not_disentangled():
    joint = (FACTORS[:, :1] * 5 + FACTORS[:, 1:2]).astype(float)
    scores = dci(np.hstack([joint, FACTORS[:, 2:]]), FACTORS)
    assert scores.completeness > 0.95
    # Latent 0 has two thirds of the mass, spread over two of three factors.
    expected = 1 - 2 / 3 * np.log(2) / np.log(3)
    assert scores.disentanglement == pytest.approx(expected, abs=0.05)


def test_a_factor_in_two_latents_is_disentangled_but_not_complete():
    means = np.hstack([FACTORS, FACTORS[:, :1] + 0.01 * NOISE[:, :1]]).astype(float)
    with details() as found:
        scores = dci(means, FACTORS)
    assert scores.disentanglement > 0.9
    assert found["per_factor"][0] < 0.7
    assert found["per_factor"][1:].min() > 0.9


def test_noise_and_collapse_score_zero_and_guess():
    for means in (NOISE, np.full(FACTORS.shape, 0.1)):
        scores = dci(means, FACTORS)
        assert scores.disentanglement < 0.02
        assert scores.completeness < 0.02
        assert scores.informativeness == pytest.approx((1 / 4 + 1 / 5 + 1 / 6) / 3, abs=0.05)


def test_coarse_codes_are_less_informative():
    means = FACTORS // 2 * 1.0
    coarse = dci(means, FACTORS, test_means=means, test_factors=FACTORS)
    # 4, 5, 6 values in 2, 3, 3 cells: of each cell one value is guessed right.
    assert coarse.informativeness == pytest.approx((2 / 4 + 3 / 5 + 3 / 6) / 3)
    assert coarse.disentanglement > 0.9


def test_informativeness_is_held_out():
    few = slice(0, None, 7)
    assert dci(NOISE[few], FACTORS[few]).informativeness < 0.4
    seen = dci(NOISE[few], FACTORS[few], test_means=NOISE[few], test_factors=FACTORS[few])
    assert seen.informativeness > 0.5


def test_fine_factors_of_dsprites_sizes():
    grid = np.indices((3, 40, 32)).reshape(3, -1).T
    scores = dci(grid + 0.1 * np.random.default_rng(0).normal(size=grid.shape), grid)
    assert min(scores.disentanglement, scores.completeness) > 0.9
    assert scores.informativeness > 0.9


def test_gradient_boosting_agrees_on_a_perfect_code():
    factors = np.tile(np.indices((2, 3)).reshape(2, -1).T, (20, 1))
    scores = dci(factors.astype(float), factors, learner="gradient_boosting")
    assert scores.disentanglement > 0.99
    assert scores.informativeness == 1


@pytest.mark.parametrize("learner", ["extra_trees", "gradient_boosting"])
def test_seeds_repeat_and_differ(learner):
    few = slice(0, None, 17)
    means, factors = turned(30)[few] + 0.3 * NOISE[few], FACTORS[few] // 2
    first = dci(means, factors, learner=learner)
    assert dci(means, factors, learner=learner) == first
    assert dci(means, factors, learner=learner, random_state=1) != first
    # With the split given, all chance that is left is the trees'.
    given = {"test_means": means, "test_factors": factors, "learner": learner}
    assert dci(means, factors, **given) == dci(means, factors, **given)


def test_global_random_state_is_neither_read_nor_changed():
    np.random.seed(1)  # noqa: NPY002
    before = global_states()
    first = dci(turned(30), FACTORS)
    assert global_states() == before
    np.random.seed(2)  # noqa: NPY002
    assert dci(turned(30), FACTORS) == first


def test_bad_arguments_are_refused_and_constant_factors_left_out():
    with pytest.raises(ValueError, match="learner must be"):
        dci(NOISE, FACTORS, learner="oak")
    with pytest.raises(ValueError, match="at least 12"):
        dci(GRID[-11:].astype(float), np.arange(11)[:, None] % [6, 2, 2])
    with pytest.warns(MetricWarning, match="column 1"):
        assert dci(FACTORS.astype(float), FACTORS * [1, 0, 1]).informativeness == 1
    with details() as found, pytest.warns(MetricWarning):
        dci(FACTORS.astype(float), FACTORS * [1, 0, 1])
    assert found["importance"].shape == (3, 2)


def test_threads_change_nothing():
    rng = np.random.default_rng(3)
    factors = np.stack([rng.integers(size, size=400) for size in (3, 8)], axis=1)
    means = factors + rng.normal(size=factors.shape)
    alone = dci(means, factors)
    with joblib.parallel_config("threading", n_jobs=3):
        assert dci(means, factors) == alone
