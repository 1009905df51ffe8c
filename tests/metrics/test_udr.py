"""UDR: known agreements between models."""

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.linear_model import Lasso

from metrics import details, udr

GRID = np.indices((4, 5, 6)).reshape(3, -1).T
CODES = (GRID - GRID.mean(0)) / GRID.std(0)
NOISE = np.random.default_rng(0).normal(size=CODES.shape)


def alive(models):
    return [np.zeros(np.shape(model)) for model in models]


def dead_latents(codes, number):
    """Latents at the prior: noise of a means' spread that costs no KL to speak of."""
    rng = np.random.default_rng(3)
    return np.hstack([codes, 1e-3 * rng.normal(size=(len(codes), number))])


def test_models_that_are_the_same_up_to_order_and_sign_agree():
    models = [CODES, -CODES[:, ::-1], CODES[:, [1, 2, 0]] * [2, -1, 3]]
    assert udr(models, alive(models), similarity="spearman") == pytest.approx(1)
    # A Lasso of alpha 0.1 shrinks a coefficient of 1 to 0.9; 0.9² / 0.9 is left.
    assert udr(models, alive(models)) == pytest.approx(0.9)


def test_a_turned_model_scores_less_than_those_that_agree():
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    models = [CODES, CODES[:, ::-1], -CODES, CODES @ turn]
    for similarity in ("lasso", "spearman"):
        scores = udr(models, alive(models), similarity=similarity)
        assert scores.argmin() == 3
        assert scores[:3].min() > scores[3] + 0.1


def test_a_median_does_not_follow_one_partner():
    models = [CODES, -CODES, CODES[:, ::-1], NOISE]
    assert udr(models, alive(models))[:3] == pytest.approx(0.9)
    assert udr(models, alive(models))[3] < 0.2


def test_dead_latents_are_left_out_by_their_kl():
    models = [dead_latents(CODES, 2), dead_latents(-CODES[:, ::-1], 4)]
    assert udr(models, alive(models)) == pytest.approx(0.9)
    assert udr(models, alive(models), kl_threshold=0.0).max() < 0.6


def test_a_collapsed_model_scores_zero_without_a_warning():
    models = [CODES, np.full(CODES.shape, 0.1), -CODES]
    scores = udr(models, [np.zeros(CODES.shape), np.ones(CODES.shape), np.zeros(CODES.shape)])
    assert scores[1] == 0
    assert scores[0] == scores[2] == pytest.approx(0.45)


def test_agrees_with_a_loop_over_the_authors_definition():
    rng = np.random.default_rng(1)
    models = [CODES @ rng.normal(size=(3, 4)) + rng.normal(size=(120, 4)) for _ in range(3)]
    for similarity in ("lasso", "spearman"):
        pairs = np.zeros((3, 3))
        for i in range(3):
            for j in range(3):
                if i == j:
                    continue
                a, b = ((m - m.mean(0)) / m.std(0) for m in (models[i], models[j]))
                matrix = np.abs(
                    Lasso(alpha=0.1).fit(a, b).coef_.T
                    if similarity == "lasso"
                    else spearmanr(a, b)[0][:4, 4:]
                )
                sides = [(m.max(0) ** 2 / m.sum(0)).mean() for m in (matrix, matrix.T)]
                pairs[i, j] = np.mean(sides)
        with details() as found:
            scores = udr(models, alive(models), similarity=similarity)
        assert found["pairwise"] == pytest.approx(pairs, abs=1e-4)
        expected = [np.median(np.delete(pairs[:, j], j)) for j in range(3)]
        assert scores == pytest.approx(expected, abs=1e-4)


def test_models_of_different_width_can_be_compared():
    models = [CODES, np.hstack([CODES, CODES[:, :1] ** 2]), -CODES]
    assert udr(models, alive(models)).shape == (3,)


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="two models"):
        udr([CODES], alive([CODES]))
    with pytest.raises(ValueError, match="list_of_logvars has 1"):
        udr([CODES, CODES], alive([CODES]))
    with pytest.raises(ValueError, match="60 samples"):
        udr([CODES, CODES[:60]], alive([CODES, CODES[:60]]))
    with pytest.raises(ValueError, match=r"list_of_means\[1\]"):
        udr([CODES, CODES * np.nan], alive([CODES, CODES]))
    with pytest.raises(ValueError, match="similarity must be"):
        udr([CODES, CODES], alive([CODES, CODES]), similarity="cosine")


def test_copies_of_a_latent_share_its_coefficient_wherever_they_stand():
    rng = np.random.default_rng(0)
    a, b, c = rng.normal(size=(3, 500))
    partner = np.stack([a, b + a / 2, -a, c], axis=1)
    model = np.stack([a + 0.3 * b, b, c], axis=1)
    expected = udr([partner, model], alive([partner, model]))
    for order in ([0, 2, 1, 3], [3, 2, 1, 0], [1, 3, 0, 2]):
        assert udr([partner[:, order], model], alive([partner, model])) == pytest.approx(expected)
    single = partner[:, [0, 1, 3]]
    with details() as found:
        udr([CODES[:, [0, 0, 1, 2]], CODES], alive([CODES[:, [0, 0, 1, 2]], CODES]))
    # 0.9 in two halves: 0.45² / 0.9 of the column, 0.45 of the rows.
    column, row = (0.225 + 0.9 + 0.9) / 3, (0.45 + 0.45 + 0.9 + 0.9) / 4
    assert found["pairwise"][0, 1] == pytest.approx((column + row) / 2)
    assert udr([single, model], alive([single, model]))[1] > expected[1]
