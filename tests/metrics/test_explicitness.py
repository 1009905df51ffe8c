"""Explicitness: known areas under the curve."""

import sys

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from metrics import MetricWarning, details, explicitness

GRID = np.indices((2, 3, 4)).reshape(3, -1).T
FACTORS = np.tile(GRID, (40, 1))
NOISE = np.random.default_rng(0).normal(size=FACTORS.shape)


def one_hot(factors):
    return np.hstack([np.eye(column.max() + 1)[column] for column in factors.T])


def test_codes_that_a_line_can_read_score_one_however_they_are_turned():
    codes = one_hot(FACTORS)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(codes.shape[1],) * 2))[0]
    for means in (codes, -3 * codes[:, ::-1], codes @ turn, np.hstack([codes, codes])):
        assert explicitness(means, FACTORS) == pytest.approx(1)


def test_the_middle_of_ordered_values_is_on_no_side_of_a_line():
    means = FACTORS[:, 1:2].astype(float)
    with details() as found:
        explicitness(means, FACTORS, test_means=means, test_factors=FACTORS)
    # Both ends are told for sure; the middle is above one half and below the other.
    assert found["per_factor"] == pytest.approx([0.5, (1 + 1 + 0.5) / 3, 0.5])


def test_two_factors_in_one_latent_are_read_less_well_than_apart():
    apart = np.hstack([FACTORS[:, :1], FACTORS[:, 2:]]).astype(float)
    joint = (FACTORS[:, :1] + 2 * FACTORS[:, 2:]).astype(float)
    factors = FACTORS[:, [0, 2]]
    assert explicitness(joint, factors) < explicitness(apart, factors) - 0.1


def test_noise_and_collapse_score_one_half():
    assert explicitness(NOISE, FACTORS) == pytest.approx(0.5, abs=0.04)
    for value in (0.0, 0.1, 1e6):
        assert explicitness(np.full(FACTORS.shape, value), FACTORS) == 0.5


def test_dead_latents_and_scale_change_nothing():
    codes = FACTORS + NOISE
    before = explicitness(codes, FACTORS)
    padded = np.hstack([codes * [1e-3, 1, 1e6], np.full((len(codes), 2), 0.1)])
    assert explicitness(padded, FACTORS) == pytest.approx(before, abs=1e-6)


def test_agrees_with_a_loop_over_scikit_learn():
    codes = FACTORS + NOISE
    train, test = slice(0, 600), slice(600, None)
    scaled = (codes - codes[train].mean(0)) / codes[train].std(0)
    expected = []
    for factor in FACTORS.T:
        areas = []
        for value in np.unique(factor):
            fitted = LogisticRegression(solver="lbfgs", tol=1e-10, max_iter=10_000).fit(
                scaled[train], factor[train] == value
            )
            decision = fitted.decision_function(scaled[test])
            areas.append(roc_auc_score(factor[test] == value, decision))
        expected.append(np.mean(areas))
    with details() as found:
        score = explicitness(
            codes[train], FACTORS[train], test_means=codes[test], test_factors=FACTORS[test]
        )
    assert found["per_factor"] == pytest.approx(expected, abs=1e-4)
    assert score == pytest.approx(np.mean(expected), abs=1e-4)


def test_areas_are_held_out():
    wide = np.random.default_rng(0).normal(size=(60, 40))
    factors = FACTORS[:60, :1]
    assert explicitness(wide, factors) < 0.75
    assert explicitness(wide, factors, test_means=wide, test_factors=factors) > 0.9


def test_values_that_one_part_lacks_are_left_out():
    train, test = FACTORS[FACTORS[:, 2] > 0], FACTORS[FACTORS[:, 2] < 3]
    score = explicitness(
        one_hot(FACTORS)[FACTORS[:, 2] > 0],
        train,
        test_means=one_hot(FACTORS)[FACTORS[:, 2] < 3],
        test_factors=test,
    )
    assert score == pytest.approx(1)


def test_fine_factors_of_dsprites_sizes():
    rng = np.random.default_rng(0)
    factors = np.stack([rng.integers(size, size=3_000) for size in (3, 32)], 1)
    with details() as found:
        explicitness(factors.astype(float), factors)
    # A line ranks value v of n before the larger or the smaller ones, whichever are more: the
    # mean area of max(v, n − 1 − v) / (n − 1) tends to 3/4.
    assert found["per_factor"][1] == pytest.approx(0.76, abs=0.03)


def test_constant_factors_are_left_out_and_bad_arguments_refused():
    with pytest.warns(MetricWarning, match="column 0"):
        assert explicitness(one_hot(FACTORS), FACTORS * [0, 1, 1]) == pytest.approx(1)
    with pytest.raises(ValueError, match="at least 8"):
        explicitness(NOISE[:7], np.arange(7)[:, None] % [4, 2, 2])


def test_the_interval_covers_the_value_and_shrinks_with_samples():
    widths = []
    for copies in (6, 100):
        factors = np.tile(GRID, (copies, 1))
        means = factors + np.random.default_rng(1).normal(size=factors.shape)
        value, low, high = explicitness(means, factors, bootstrap=15)
        assert low <= value <= high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_the_multinomial_agrees_with_a_loop_over_scikit_learn():
    codes = FACTORS + NOISE
    train, test = slice(0, 600), slice(600, None)
    scaled = (codes - codes[train].mean(0)) / codes[train].std(0)
    expected = []
    for factor in FACTORS.T:
        fitted = LogisticRegression(solver="lbfgs", tol=1e-10, max_iter=10_000)
        probabilities = fitted.fit(scaled[train], factor[train]).predict_proba(scaled[test])
        truth = factor[test][:, None] == fitted.classes_
        pairs = zip(truth.T, probabilities.T, strict=True)
        expected.append(np.mean([roc_auc_score(*pair) for pair in pairs]))
    given = {"test_means": codes[test], "test_factors": FACTORS[test]}
    with details() as found:
        explicitness(codes[train], FACTORS[train], classifier="multinomial", **given)
    assert found["per_factor"] == pytest.approx(expected, abs=1e-4)


def test_the_multinomial_finds_the_middle_of_ordered_values():
    values = np.tile(np.arange(40), 150)[:, None]
    assert explicitness(values * 1.0, values) == pytest.approx(0.754, abs=0.01)
    # Forty values of 10,000 samples have 0.975, the five factors of dSprites 0.988 together.
    assert explicitness(values * 1.0, values, classifier="multinomial") > 0.95
    means = FACTORS[:, 1:2].astype(float)
    given = {"test_means": means, "test_factors": FACTORS, "classifier": "multinomial"}
    with details() as found:
        explicitness(means, FACTORS, **given)
    assert found["per_factor"] == pytest.approx([0.5, 1, 0.5])


def test_the_multinomial_knows_nothing_of_noise_and_leaves_out_what_a_part_lacks():
    assert explicitness(NOISE, FACTORS, classifier="multinomial") == pytest.approx(0.5, abs=0.04)
    train, test = FACTORS[:, 2] > 0, FACTORS[:, 2] < 3
    codes, options = one_hot(FACTORS), {"classifier": "multinomial"}
    given = {"test_means": codes[test], "test_factors": FACTORS[test], **options}
    assert explicitness(codes[train], FACTORS[train], **given) == pytest.approx(1)
    with pytest.raises(ValueError, match="classifier must be"):
        explicitness(NOISE, FACTORS, classifier="svm")


def test_decisions_that_are_equal_but_for_rounding_are_ties():
    area = sys.modules[explicitness.__wrapped__.__module__]._area
    decisions = np.array([0.3, 0.1 + 0.2, 0.3, -1.0])
    assert area(decisions, np.array([True, False, False, False])) == pytest.approx(
        (0.5 + 0.5 + 1) / 3
    )
    assert area(1e-17 * np.arange(4.0) - 0.7, np.array([True, False, False, True])) == 0.5
