"""What a factor is, and how a continuous one is made one."""

import inspect
import warnings

import numpy as np
import pytest

from metrics import (
    METRICS,
    MetricWarning,
    bin_factors,
    compare_variants,
    mig,
    mutual_information_matrix,
)
from metrics._validation import check_factors

RNG = np.random.default_rng(0)
CONTINUOUS = RNG.normal(size=1_000)


@pytest.mark.parametrize(
    "column",
    [
        [1, 0, 1, 3],
        [-1, -7, -1, 1],
        [True, False, True, True],
        [-1.0, 1.0, 1.0, -0.0],
        [1e300, -1e300, 0.0, 0.0],
        [2.0**63, 2.0**62, 2.0**62, 2.0**64],
        np.array([2**64 - 1, 0, 1, 1], np.uint64),
        np.array([5, False, 5.0, 2], object),
        np.ma.array([3, 1, 1, 2], mask=False),
    ],
)
def test_labels_are_ranks_of_whatever_is_whole(column):
    expected = np.unique(np.asarray(column), return_inverse=True)[1]
    assert check_factors(column, 4).tolist() == expected[:, None].tolist()
    table = np.stack([np.asarray(column)] * 2, axis=1)
    assert check_factors(table, 4)[:, 1].tolist() == expected.tolist()
    assert bin_factors(table, 9)[:, 1].tolist() == expected.tolist()


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


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (CONTINUOUS, "column 1 is continuous, 1000 different values.*factor_bins=20"),
        (np.arange(1_000) % 6 / 10 + 0.5, r"values such as 0\.5.*6 values by numpy\.unique"),
        (np.array(list("ab") * 500), "column 1 is text.*numpy.unique"),
        (np.array([None, 1] * 500), "column 1 has type object"),
        (np.where(CONTINUOUS > 2, np.inf, 0), "NaN or infinite values in column 1"),
    ],
)
def test_other_columns_are_named_with_the_remedy(column, said):
    table = np.empty((1_000, 2), object)
    table[:, 0], table[:, 1] = np.arange(1_000) % 5, column
    with pytest.raises(ValueError, match=f"^factors.*{said}"):
        check_factors(table, 1_000)


def test_masked_labels_are_refused():
    for masked in (np.ma.array([[1], [2]], mask=[[1], [0]]), [np.ma.array([1], mask=True), [2]]):
        with pytest.raises(ValueError, match="factors has 1 masked value"):
            check_factors(masked, 2)


@pytest.mark.parametrize("shape", [(), (0,), (4, 0), (4, 1, 1)])
def test_other_shapes_are_refused(shape):
    for check in (lambda values: check_factors(values, 4), lambda values: bin_factors(values, 4)):
        with pytest.raises(ValueError, match="factors must have shape"):
            check(np.zeros(shape))


def test_bins_hold_equally_many_samples_in_the_order_of_values():
    bins = bin_factors(CONTINUOUS, 7)[:, 0]
    assert set(np.bincount(bins)) <= {142, 143}
    assert (np.diff(bins[CONTINUOUS.argsort()]) >= 0).all()
    # Only the order counts.
    assert (bin_factors(np.exp(1e-9 * CONTINUOUS), 7)[:, 0] == bins).all()
    assert (bin_factors(1e305 * CONTINUOUS, 7)[:, 0] == bins).all()


def test_equal_values_are_in_one_bin():
    for inflated in (np.maximum(CONTINUOUS, 0), np.where(abs(CONTINUOUS) < 0.7, 0, CONTINUOUS)):
        bins = bin_factors(inflated, 10)[:, 0]
        # Half of the samples have one value, and a bin of their own.
        (own,) = set(bins[inflated == 0])
        assert own not in bins[inflated != 0]
        assert set(bins) == set(range(bins.max() + 1))
        assert bins.max() >= 4


def test_only_columns_of_many_values_are_cut():
    table = np.stack([np.arange(1_000) % 7 - 3, CONTINUOUS], axis=1)
    assert (bin_factors(table, 7)[:, 0] == np.arange(1_000) % 7).all()
    assert len(set(bin_factors(table, 6)[:, 0])) == 6


@pytest.mark.parametrize("n_bins", [1, 0, -3])
def test_too_few_bins_are_refused(n_bins):
    with pytest.raises(ValueError, match="n_bins must be at least 2"):
        bin_factors(CONTINUOUS, n_bins)


# Estimates of information about a factor, and what else fewer samples bias.
BIASED = {"mig", "mig_sup", "dcimig", "jemmig", "modularity", "aam", "infomec", "irs"}
OF_FACTORS = [name for name, info in METRICS.items() if "factors" in info.requires]
FEW_DRAWS = {
    "beta_vae_score": {"n_train": 300, "n_test": 300},
    "factor_vae_score": {"n_train": 300},
}
AMOUNTS = np.random.default_rng(1).uniform(size=(400, 2))
LATENTS = AMOUNTS + np.random.default_rng(2).normal(scale=0.01, size=AMOUNTS.shape)
LOGVARS = np.full(LATENTS.shape, -8.0)


def _score(name, factors, **options):
    given = {"means": LATENTS, "factors": factors, "logvars": LOGVARS}
    info = METRICS[name]
    return info.function(
        *(given[key] for key in info.requires), **FEW_DRAWS.get(name, {}), **options
    )


@pytest.mark.parametrize("name", OF_FACTORS)
def test_every_metric_of_factors_cuts_continuous_ones(name):
    with pytest.raises(ValueError, match=r"column 0 is continuous.*factor_bins="):
        _score(name, AMOUNTS)
    assert _score(name, AMOUNTS, factor_bins=8) == _score(name, bin_factors(AMOUNTS, 8))
    with pytest.raises(ValueError, match="factor_bins must be at least 2"):
        _score(name, AMOUNTS, factor_bins=1)
    METRICS[name].check_options({"factor_bins": 8})
    assert "    factor_bins : int, optional\n" in METRICS[name].function.__doc__


def test_so_do_the_matrix_and_the_comparison():
    cut = bin_factors(AMOUNTS, 8)
    matrix = mutual_information_matrix(LATENTS, AMOUNTS, factor_bins=8)
    assert (matrix == mutual_information_matrix(LATENTS, cut)).all()
    options = {"logvars": LOGVARS}
    compared = compare_variants("mig", LATENTS, AMOUNTS, factor_bins=8, **options)
    assert compared == compare_variants("mig", LATENTS, cut, **options)


def test_an_interval_and_a_test_part_have_the_bins_of_all_samples():
    cut = bin_factors(AMOUNTS, 8)
    assert mig(LATENTS, AMOUNTS, factor_bins=8, bootstrap=4) == mig(LATENTS, cut, bootstrap=4)
    for name in ("dci", "sap_score", "explicitness", "infomec"):
        function = METRICS[name].function
        parts = [
            function(
                LATENTS[:300],
                factors[:300],
                test_means=LATENTS[300:],
                test_factors=factors[300:],
                **options,
            )
            for factors, options in ((AMOUNTS, {"factor_bins": 8}), (cut, {}))
        ]
        assert parts[0] == parts[1]


@pytest.mark.parametrize("name", [*OF_FACTORS, "mutual_information_matrix"])
@pytest.mark.parametrize("estimator", [{}, {"estimator": "posterior", "logvars": LOGVARS}])
def test_too_few_samples_a_value_are_said_wherever_they_make_the_score(name, estimator):
    info = METRICS.get(name)
    keywords = () if info is None else inspect.signature(info.function).parameters
    if estimator and info is not None and not {"estimator", "logvars"} <= keywords.keys():
        pytest.skip("has no posterior estimator")
    # Two samples a value, so that nothing is too few for a predictor.
    numbered = np.repeat(np.unique(AMOUNTS[:200], axis=0, return_inverse=True)[1], 2)[:, None] % 200
    labels = np.hstack([numbered, np.arange(400)[:, None] % 3])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if info is None:
            mutual_information_matrix(LATENTS, labels, **estimator)
        else:
            _score(name, labels, **estimator)
    said = [str(entry.message) for entry in caught if entry.category is MetricWarning]
    expected = info is None or name in BIASED
    assert any("200 values in column 0, of 400" in message for message in said) == expected


def test_the_advice_finds_what_numbering_the_values_hides():
    numbered = np.stack([np.unique(v, return_inverse=True)[1] for v in AMOUNTS.T], axis=1)
    with pytest.warns(MetricWarning, match="factor_bins=20"):
        assert mig(LATENTS, numbered) < 0.05
    assert mig(LATENTS, AMOUNTS, factor_bins=8) > 0.7


@pytest.mark.parametrize(("n_values", "n_samples"), [(40, 400), (32, 320), (20, 20)])
def test_usual_factors_are_no_reason_to_warn(n_values, n_samples):
    labels = np.arange(n_samples)[:, None] % n_values
    mig(labels * 1.0, labels)
