"""What metrics share changes no value, and is forgotten."""

import dataclasses
import warnings

import numpy as np
import pytest

import metrics._shared
from metrics import METRICS, MetricWarning, compare_variants, details, mig, sap_score, shared
from metrics._shared import apart, once

RNG = np.random.default_rng(5)
FACTORS = np.stack([RNG.integers(size, size=400) for size in (3, 4, 21, 1)], axis=1)
MEANS = (FACTORS @ RNG.normal(size=(4, 5)) + RNG.normal(size=(400, 5))).astype(np.float32)
LOGVARS = RNG.normal(-2, 0.5, size=MEANS.shape).astype(np.float32)
FAST = {
    "beta_vae_score": {"n_train": 300, "n_test": 300},
    "factor_vae_score": {"n_train": 300, "n_test": 300},
    "kl_decomposition": {"n_draws": 50},
}
SLOW = {"gradient_boosting", "knn"}


def _calls():
    """Yield what the scorer calls: every metric of a run with every variant of its options."""
    arrays = {"means": MEANS, "logvars": LOGVARS, "factors": FACTORS}
    runs = [(name, info) for name, info in METRICS.items() if info.level == "run"]
    for name, info in runs:
        for _, options in [*info.variants, *info.alternatives]:
            given = [arrays[key] for key in info.requires]
            options = {**dict(options), **FAST.get(name, {})}
            if options.get("estimator") == "posterior":
                options["logvars"] = LOGVARS
            if SLOW.isdisjoint(map(str, options.values())):
                yield name, given, options


def _observed():
    """Return value, details and warnings of every call, in a form that compares bit by bit."""
    found = []
    for name, given, options in _calls():
        with warnings.catch_warnings(record=True) as caught, details() as detail:
            warnings.simplefilter("always")
            value = METRICS[name].function(*given, **options)
        value = dataclasses.astuple(value) if dataclasses.is_dataclass(value) else value
        parts = {"": value, **detail}
        numbers = {key: np.asarray(part, float).tobytes() for key, part in parts.items()}
        found.append((name, options.keys(), numbers, sorted(str(w.message) for w in caught)))
    return found


def test_every_metric_is_the_same_bit_by_bit():
    alone = _observed()
    with shared():
        assert _observed() == alone


def test_what_is_shared_is_computed_once(monkeypatch):
    calls = []
    histogram = metrics._shared.once(lambda codes, n_bins: calls.append(n_bins))
    with shared():
        for n_bins in (20, 20, 10):
            histogram(MEANS, n_bins)
            # A part, or the same memory in another form, is another argument.
            histogram(MEANS[:300], n_bins)
            histogram(MEANS.view(np.int32), n_bins)
        with shared():
            histogram(MEANS, 20)
        assert len(calls) == 6
        with apart():
            histogram(MEANS, 20)
        assert len(calls) == 7
    histogram(MEANS, 20)
    assert len(calls) == 8


def test_equal_options_of_other_types_are_told_apart():
    kind = once(lambda value: type(value))
    with shared():
        assert [kind(value) for value in (1, True, 1.0, "1", None)] == [
            int, bool, float, str, type(None),
        ]  # fmt: skip
        assert kind(value=1) is int


def test_small_arrays_are_told_by_content_and_large_ones_kept_alive():
    total = once(lambda array: float(array.sum()))
    with shared():
        small = np.ones(3)
        assert total(small) == 3
        small[0] = 5
        assert total(small) == 7
        # Their memory is not given to another array as long as the block lasts.
        assert [total(np.full(10_000, k)) for k in range(20)] == [10_000 * k for k in range(20)]


def test_results_are_read_only_inside_and_errors_are_raised_each_time():
    double = once(lambda array: (2 * array, {"free": array}))
    assert double(MEANS)[0].flags.writeable
    with shared():
        assert not double(MEANS)[0].flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            double(MEANS)[0][0] = 1
        for _ in range(2):
            with pytest.raises(ValueError, match="NaN"):
                mig(MEANS * np.nan, FACTORS)


def test_generators_and_lists_of_arrays_are_not_compared():
    draw = once(lambda rng: rng.random())
    rng = np.random.default_rng(0)
    with shared():
        assert draw(rng) != draw(rng)


def test_a_block_ends_with_an_error_and_resampling_shares_nothing_outside():
    with pytest.raises(KeyError), shared():
        raise KeyError
    assert metrics._shared._memo.get() is None
    with shared(), warnings.catch_warnings():
        warnings.simplefilter("ignore", MetricWarning)
        once_of_all = mig(MEANS, FACTORS)
        kept = len(metrics._shared._memo.get())
        assert mig(MEANS, FACTORS, bootstrap=4)[0] == once_of_all
        assert len(metrics._shared._memo.get()) == kept


@pytest.mark.filterwarnings("ignore::metrics.MetricWarning")
def test_known_values_are_returned_and_not_computed():
    first, second, _ = compare_variants("sap_score", MEANS, FACTORS)
    found = compare_variants("sap_score", MEANS, FACTORS, known={first: 0.25, "another": 3.0})
    assert list(found) == list(compare_variants("sap_score", MEANS, FACTORS))
    assert found[first] == 0.25
    assert found[second] == sap_score(MEANS, FACTORS, standardise=False)
