"""SAP: known gaps, and the support vector machines against scikit-learn's."""

from itertools import product

import numpy as np
import pytest
from sklearn.svm import LinearSVC

from metrics import MetricWarning, details, sap_score
from metrics._hinge import accuracy_one_feature, fit_one_feature

GRID = np.indices((2, 3, 4)).reshape(3, -1).T
FACTORS = np.tile(GRID, (30, 1))
MEANS = (FACTORS - FACTORS.mean(0)) / FACTORS.std(0)
RNG = np.random.default_rng(0)
NOISE = RNG.normal(size=(len(FACTORS), 3))


def _reference(feature, labels):
    machine = LinearSVC(C=0.01, class_weight="balanced", dual=False, tol=1e-9, max_iter=100_000)
    return machine.fit(feature[:, None], labels)


FEATURES = {
    "factor": lambda labels: labels * 1.0,
    "factor, far from zero": lambda labels: labels * 3.0 + 20,
    "factor, small": lambda labels: labels * 0.01,
    "noisy factor": lambda labels: labels + RNG.normal(size=len(labels)),
    "falling": lambda labels: -np.sqrt(labels) + 0.1 * RNG.normal(size=len(labels)),
    "noise": lambda labels: RNG.normal(size=len(labels)),
    "heavy tails": lambda labels: RNG.normal(size=len(labels)) ** 5,
    "constant": lambda labels: np.zeros(len(labels)),
}


@pytest.mark.parametrize("feature", FEATURES)
@pytest.mark.parametrize("n_classes", [2, 3, 7, 40])
@pytest.mark.parametrize("balanced", [True, False])
def test_machines_agree_with_scikit_learn(feature, n_classes, balanced):
    rng = np.random.default_rng(n_classes)
    drawn = rng.integers(n_classes, size=900)
    labels = 2 * (drawn if balanced else np.minimum(drawn, rng.integers(n_classes, size=900)))
    values = FEATURES[feature](labels)
    classes, slopes, intercepts = fit_one_feature(values, labels, 0.01)
    reference = _reference(values, labels)
    assert (classes == reference.classes_).all()
    assert slopes == pytest.approx(reference.coef_[:, 0], rel=1e-4, abs=1e-6)
    assert intercepts == pytest.approx(reference.intercept_, rel=1e-4, abs=1e-6)
    if feature != "constant":
        accuracy = accuracy_one_feature(values, labels, classes, slopes, intercepts)
        expected = (reference.predict(values[:, None]) == labels).mean()
        assert accuracy == pytest.approx(expected, abs=0.005)


def test_score_agrees_with_a_loop_over_scikit_learn():
    means = MEANS @ RNG.normal(size=(3, 4)) + 0.3 * RNG.normal(size=(len(MEANS), 4))
    train, test = np.arange(0, 400), np.arange(400, len(MEANS))
    for standardise in (True, False):
        codes = 5 * means + 1
        if standardise:
            codes = (codes - codes[train].mean(0)) / codes[train].std(0)
        accuracies = np.array(
            [
                [
                    _reference(code[train], factor[train]).score(code[test, None], factor[test])
                    for factor in FACTORS.T
                ]
                for code in codes.T
            ]
        )
        ranked = np.sort(accuracies, axis=0)
        with details() as found:
            score = sap_score(
                (5 * means + 1)[train],
                FACTORS[train],
                standardise=standardise,
                test_means=(5 * means + 1)[test],
                test_factors=FACTORS[test],
            )
        assert found["scores"] == pytest.approx(accuracies, abs=0.01)
        assert score == pytest.approx((ranked[-1] - ranked[-2]).mean(), abs=0.01)
        assert found["per_factor"] == pytest.approx(ranked[-1] - ranked[-2], abs=0.02)


def test_a_binary_factor_of_its_own_latent_has_a_gap_of_a_half():
    factors = FACTORS[:, :1]
    means = np.hstack([factors + 0.01 * NOISE[:, :1], NOISE[:, 1:]])
    assert sap_score(means, factors) == pytest.approx(0.5, abs=0.08)
    assert sap_score(np.hstack([means, means]), factors) == pytest.approx(0, abs=0.01)


def test_squared_correlation_has_its_closed_form():
    assert sap_score(MEANS[:, [2, 0, 1]] * [1, -2, 3], FACTORS, continuous=True) == pytest.approx(1)
    assert sap_score(np.hstack([MEANS, MEANS]), FACTORS, continuous=True) == pytest.approx(0)
    angle = np.deg2rad(20)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    turned = np.hstack([MEANS[:, :2] @ turn, MEANS[:, 2:]])
    expected = np.cos(angle) ** 2 - np.sin(angle) ** 2
    with details() as found:
        sap_score(turned, FACTORS, continuous=True)
    assert found["per_factor"] == pytest.approx([expected, expected, 1])


def test_squared_correlation_is_with_the_labels_as_they_are():
    labels = np.tile([0, 1, 10], 20)[:, None]
    codes = labels.astype(float) + np.tile([0.0, 1.0], 30)[:, None]
    expected = np.corrcoef(codes[:, 0], labels[:, 0])[0, 1] ** 2
    assert sap_score(codes, labels, continuous=True) == pytest.approx(expected)


def test_two_factors_in_one_latent_leave_a_gap():
    joint = MEANS[:, :1] + MEANS[:, 1:2]
    with details() as found:
        sap_score(np.hstack([joint, MEANS[:, 2:]]), FACTORS, continuous=True)
    assert found["per_factor"] == pytest.approx([0.5, 0.5, 1])


def test_noise_and_collapse_score_zero():
    for means in (NOISE, np.full(NOISE.shape, 0.1)):
        assert sap_score(means, FACTORS) < 0.08
        assert sap_score(means, FACTORS, continuous=True) < 0.02
        assert sap_score(means, FACTORS, standardise=False) < 0.08


def test_dead_latents_change_no_accuracy_of_the_others():
    means = np.hstack([NOISE + MEANS, np.full((len(MEANS), 2), 0.1)])
    with details() as with_dead:
        sap_score(means, FACTORS)
    with details() as without:
        sap_score(means[:, :3], FACTORS)
    assert (with_dead["scores"][:3] == without["scores"]).all()


def test_only_the_standardised_variant_is_free_of_scale():
    small = 0.01 * (MEANS + 0.3 * NOISE)
    assert sap_score(small, FACTORS) == sap_score(100 * small, FACTORS)
    raw = [sap_score(scale * small, FACTORS, standardise=False) for scale in (1, 100)]
    assert raw[0] < raw[1] - 0.02


def test_one_latent_has_its_gap_to_zero():
    assert sap_score(MEANS[:, :1], FACTORS[:, :1]) == 1
    assert sap_score(MEANS[:, :1], FACTORS[:, :1], continuous=True) == pytest.approx(1)


def test_fine_factors_of_dsprites_sizes_stay_far_below_one():
    sizes = (3, 6, 40, 32)
    rng = np.random.default_rng(0)
    factors = np.stack([rng.integers(size, size=6_000) for size in sizes], 1)
    with details() as found:
        score = sap_score(factors + 0.01 * rng.normal(size=factors.shape), factors)
    # One line a value picks out both ends, and little between.
    assert 0.1 < score < 0.4
    assert found["per_factor"][0] > found["per_factor"][2]


def test_constant_factors_are_left_out_and_bad_arguments_refused():
    with pytest.warns(MetricWarning, match="column 0"):
        assert sap_score(MEANS, FACTORS * [0, 1, 1], continuous=True) == pytest.approx(1)
    with pytest.raises(ValueError, match="at least 8"):
        sap_score(MEANS[:7], np.arange(7)[:, None] % [4, 2])


def test_the_split_is_seeded():
    noisy = MEANS + NOISE
    assert sap_score(noisy, FACTORS) == sap_score(noisy, FACTORS)
    assert len({sap_score(noisy, FACTORS, random_state=seed) for seed in range(5)}) > 1


@pytest.mark.parametrize("continuous", [False, True])
def test_the_interval_covers_the_value_and_shrinks_with_samples(continuous):
    widths = []
    for copies in (5, 100):
        factors = np.tile(GRID, (copies, 1))
        means = factors + 0.7 * np.random.default_rng(1).normal(size=factors.shape)
        value, low, high = sap_score(means, factors, continuous=continuous, bootstrap=30)
        assert low <= value <= high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_codes_on_the_edge_of_two_classes_count_half_whichever_way_it_rounds():
    # Symmetric classes: the edge is in the middle, where all test samples are of one class.
    codes = np.tile([-1.0, 0.0, 0.0, 1.0], 60)[:, None]
    labels, truth = np.tile([0, 0, 1, 1], 60)[:, None], np.tile([0, 1, 1, 1], 60)[:, None]
    for scale, shift in product((1, 0.1, 1 / 3, -1, -0.7), (0, 0.3)):
        given = scale * codes + shift
        with details() as found:
            sap_score(given, labels, test_means=given, test_factors=truth)
        assert found["scores"][0, 0] == pytest.approx(0.75, abs=1e-9)


def test_classes_of_equal_decisions_share_a_prediction():
    with details() as found:
        constant = np.ones((len(FACTORS), 1))
        sap_score(constant, FACTORS, test_means=constant, test_factors=FACTORS)
    assert found["scores"][0] == pytest.approx([1 / 2, 1 / 3, 1 / 4])
