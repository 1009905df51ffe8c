"""Training and test samples."""

import numpy as np
import pytest

from metrics import MetricWarning
from metrics._split import N_TEST, N_TRAIN, split_samples

FACTORS = np.indices((4, 30)).reshape(2, -1).T
MEANS = np.arange(len(FACTORS), dtype=float)[:, None] * [1.0, 2.0]


def split(means=MEANS, factors=FACTORS, test_means=None, test_factors=None, seed=0):
    return split_samples(means, factors, test_means, test_factors, seed)


def test_parts_are_disjoint_and_keep_rows_together():
    parts = split()
    assert len(parts.test_codes) == len(MEANS) // 3
    both = np.concatenate([parts.codes, parts.test_codes])
    assert sorted(both[:, 0]) == sorted(MEANS[:, 0])
    for codes, values in ((parts.codes, parts.values), (parts.test_codes, parts.test_values)):
        assert (FACTORS[codes[:, 0].astype(int)] == values).all()


def test_split_follows_the_seed_alone():
    assert (split().codes == split().codes).all()
    assert (split(seed=1).codes != split().codes).any()


def test_large_data_are_capped_and_given_ones_are_not():
    many = np.arange(40_000, dtype=float)[:, None]
    labels = np.arange(40_000)[:, None] % 5
    parts = split(many, labels)
    assert (len(parts.codes), len(parts.test_codes)) == (N_TRAIN, N_TEST)
    assert len(np.unique(np.concatenate([parts.codes, parts.test_codes]))) == N_TRAIN + N_TEST
    given = split(many, labels, many[:7], labels[:7])
    assert (len(given.codes), len(given.test_codes)) == (40_000, 7)


def test_a_value_has_the_same_label_in_both_parts():
    parts = split(MEANS[:6], [[2], [5], [2], [5], [9], [9]], MEANS[:3], [[9], [4], [2]])
    assert parts.values[:, 0].tolist() == [0, 2, 0, 2, 3, 3]
    assert parts.test_values[:, 0].tolist() == [3, 1, 0]
    parts = split(MEANS[:6], [-1.0, 1.0] * 3, MEANS[:3], [True, True, True])
    assert parts.values[:, 0].tolist() == [0, 1] * 3
    assert parts.test_values[:, 0].tolist() == [1, 1, 1]


def test_a_latent_that_is_constant_in_training_is_zero_in_both():
    means = np.hstack([MEANS, np.full((len(MEANS), 1), 0.1)])
    test = means[:9] + np.array([0, 0, 5])
    train, unseen = split(means, FACTORS, test, FACTORS[:9]).standardised()
    assert (train[:, 2] == 0).all()
    assert (unseen[:, 2] == 0).all()
    assert train[:, :2].mean(0) == pytest.approx(0)
    assert train[:, :2].std(0) == pytest.approx(1)
    assert unseen[:, 0] == pytest.approx((test[:, 0] - means[:, 0].mean()) / means[:, 0].std())


def test_constant_factors_are_left_out():
    with pytest.warns(MetricWarning, match="column 0"):
        parts = split(factors=FACTORS * [0, 1])
    assert parts.n_factors == 1
    assert parts.test_values.shape[1] == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"test_means": MEANS}, "together"),
        ({"test_factors": FACTORS}, "together"),
        ({"test_means": MEANS[:, :1], "test_factors": FACTORS}, "test_means has 1 columns"),
        ({"test_means": MEANS, "test_factors": FACTORS[:, :1]}, "test_factors has 1 columns"),
        ({"test_means": MEANS, "test_factors": FACTORS[1:]}, "test_factors has 119 rows"),
        ({"test_means": MEANS * np.nan, "test_factors": FACTORS}, "test_means has NaN"),
        ({"means": MEANS[:59], "factors": FACTORS[:59]}, "59 samples.*at least 60"),
    ],
)
def test_malformed_parts_are_refused(given, said):
    with pytest.raises(ValueError, match=said):
        split(**given)
