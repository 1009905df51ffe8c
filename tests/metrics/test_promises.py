"""What every metric of the registry promises, also where much is equal or of extreme scale."""

import dataclasses
import warnings
from itertools import product

import numpy as np
import pytest

from metrics import METRICS, MetricWarning

GRID = np.indices((4, 5, 6)).reshape(3, -1).T
RNG = np.random.default_rng(3)
# What keeps these fast here; the defaults are those of the protocols.
FAST = {
    "beta_vae_score": {"n_train": 3_000, "n_test": 3_000},
    "factor_vae_score": {"n_train": 3_000, "n_test": 3_000},
    "kl_decomposition": {"n_draws": 50},
}
# Its predictor is stopped on the way, which rounding changes.
SLACK = {"infomec": 1e-3}


def score(name, means, factors, logvars, **options):
    """Return what a metric of the registry says, a dataclass as an array."""
    info = METRICS[name]
    given = {"means": means, "factors": factors, "logvars": logvars}
    if "logvars" not in info.requires and options.get("estimator") == "posterior":
        options["logvars"] = logvars
    if info.level == "group":
        # Two more models, whose codes are functions of the first one's.
        given["means"] = [means, np.tanh(means), means**3]
        given["logvars"] = [logvars, logvars, logvars]
    arrays = (given[key] for key in info.requires)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MetricWarning)
        value = info.function(*arrays, **FAST.get(name, {}), **options)
    return np.array(dataclasses.astuple(value)) if dataclasses.is_dataclass(value) else value


def _labels():
    """Codes that are the labels: one twice, and a constant."""
    constant = np.full((len(GRID), 1), 0.1)
    return np.hstack([GRID, constant, GRID[:, :1]]), GRID


def _rotated():
    """Pairs of factors, each turned by 45 degrees: equal variances, distances, accuracies."""
    factors = np.indices((4, 4, 3, 3)).reshape(4, -1).T
    a, b, c, d = ((factors - factors.mean(0)) / factors.std(0)).T
    return np.stack([a + b, a - b, c + d, c - d], axis=1) / np.sqrt(2), factors


def _rare():
    """Values of one sample."""
    first = np.repeat([0, 1], 8), [2, 3, 4, 5]
    second = np.tile([0, 1], 8), [0, 1, 0, 1]
    factors = np.stack([np.concatenate(first), np.concatenate(second)], axis=1)
    return factors.astype(float), factors


def _edges():
    """More values than bins, many of them on an edge of bins."""
    factors = np.stack([RNG.integers(n, size=500) for n in (41, 2, 3)], axis=1)
    # Lopsided, so that no symmetry hides where the edges go.
    factors[:, 1] |= factors[:, 0] == 20
    return factors + [0.0, 0.0, 0.5] * (factors[:, :1] % 2), factors


def _crowd():
    """More latents in use than a regression takes, all equally much."""
    factors = np.indices((3, 3, 3, 3)).reshape(4, -1).T
    codes = (factors - 1) / factors.std(0)
    turned = [
        (codes[:, i] + s * codes[:, j]) / np.sqrt(2)
        for i in range(3)
        for j in range(i + 1, 4)
        for s in (1, -1)
    ]
    return np.stack(turned, axis=1), factors


def _mixed():
    means = GRID @ RNG.normal(size=(3, 4)) + RNG.normal(size=(len(GRID), 4))
    return means, GRID


INPUTS = {
    build.__name__.strip("_"): build()
    for build in (_mixed, _labels, _rotated, _rare, _edges, _crowd)
}
TRANSFORMS = {
    "sample_order": [lambda m, f, v: (m[::-1], f[::-1], v[::-1])],
    "latent_order": [
        lambda m, f, v: (m[:, ::-1], f, v[:, ::-1]),
        lambda m, f, v: (np.roll(m, 1, axis=1), f, np.roll(v, 1, axis=1)),
    ],
    "sign": [lambda m, f, v: (-m, f, v)],
    # Not exact in floating point, and as far as it goes.
    "scale": [
        lambda m, f, v: (0.1 * m, f, v),
        lambda m, f, v: (2.0**900 * m, f, v),
        lambda m, f, v: (2.0**-900 * m, f, v),
    ],
    # In another order: no factor here has more than 43 values.
    "relabelling": [lambda m, f, v: (m, (5 * f + 3) % 43, v)],
}


# A hundred trees a factor take their time.
SLOW = {("dci", "rotated"), ("dci", "edges"), ("dci", "crowd")}


@pytest.mark.parametrize(
    ("name", "given"), [pair for pair in product(METRICS, INPUTS) if pair not in SLOW]
)
def test_declared_invariances_hold(name, given):
    means, factors = INPUTS[given]
    logvars = np.full(means.shape, -2.0)
    if given == "mixed":
        logvars = np.random.default_rng(0).normal(size=means.shape)
    before = score(name, means, factors, logvars)
    for invariance in METRICS[name].invariances:
        # Bins are closed on one side, as numpy's are: on edges a mirror image is another code.
        if given == "edges" and invariance == "sign" and "n_bins" in METRICS[name].options:
            continue
        # A group's shared value is drawn by label, so relabelling redraws the samples.
        drawn = invariance == "relabelling" and name in ("beta_vae_score", "factor_vae_score")
        for transform in TRANSFORMS[invariance]:
            after = score(name, *transform(means, factors, logvars))
            slack = 0.03 if drawn else SLACK.get(name, 1e-9)
            assert after == pytest.approx(before, abs=slack, nan_ok=True), invariance


def test_the_metrics_that_take_values_as_numbers_are_those_that_the_docs_name():
    means = GRID + RNG.normal(0, 0.05, GRID.shape)
    logvars = np.full(means.shape, -4.0)
    numbered_anew = GRID.copy()
    numbered_anew[:, 2] = np.array([3, 0, 5, 1, 4, 2])[GRID[:, 2]]

    def moved(name, **options):
        first, second = (score(name, means, f, logvars, **options) for f in (GRID, numbered_anew))
        return second != pytest.approx(first, abs=0.01)

    # docs/metrics.md, "Order"
    ordered = {"factor_regression", "mcc", "smoothness", "trustworthiness"}
    of_factors = {name for name, info in METRICS.items() if "factors" in info.requires}
    declared = {name for name, info in METRICS.items() if "relabelling" in info.invariances}
    assert {name for name in of_factors - declared if moved(name)} == ordered
    assert moved("sap_score", continuous=True)
    excluding = {name for name in ordered if "exclude" in METRICS[name].options}
    assert excluding == ordered - {"factor_regression"}
    assert not any(moved(name, exclude=(2,)) for name in excluding)


@pytest.mark.parametrize("name", [n for n, info in METRICS.items() if "scale" in info.invariances])
def test_every_definition_is_free_of_scale_or_says_that_it_is_not(name):
    means, factors = INPUTS["mixed"]
    logvars = np.random.default_rng(0).normal(size=means.shape)
    for label, fixed in METRICS[name].alternatives:
        options = dict(fixed)
        if ("learner", "gradient_boosting") in fixed:
            continue
        expected = score(name, means, factors, logvars, **options)
        for power in (900, -900):
            scaled = means * 2.0**power, factors, logvars + 2 * power * np.log(2)
            found = score(name, *scaled, **options)
            assert np.isfinite(found).all()
            if not options.keys() & {"absolute", "standardise"}:
                assert found == pytest.approx(expected, abs=1e-9), label


def test_what_depends_on_scale_goes_to_its_limit():
    means, factors = INPUTS["mixed"]
    large, larger, tiny = (
        [
            score("beta_vae_score", scale * means, factors, None),
            score("factor_vae_score", scale * means, factors, None, absolute=True),
            score("sap_score", scale * means, factors, None, standardise=False),
        ]
        for scale in (2.0**50, 2.0**900, 2.0**-900)
    )
    assert large == larger
    assert large[0] > 0.9
    assert tiny[0] < 0.5


@pytest.mark.parametrize("name", METRICS)
def test_malformed_input_names_the_argument(name):
    means, logvars = GRID.astype(float), np.full(GRID.shape, -12.0)
    argument = "means" if "means" in METRICS[name].requires else "logvars"
    nan = np.where(means > 2, np.nan, means)
    with pytest.raises(ValueError, match=f"{argument} has NaN"):
        score(name, nan, GRID, logvars if argument == "means" else nan)
    with pytest.raises(ValueError, match=f"{argument} must have shape"):
        score(name, means[0], GRID, logvars if argument == "means" else logvars[0])


@pytest.mark.parametrize("given", ["mixed", "rare"])
@pytest.mark.parametrize("name", METRICS)
def test_every_metric_is_within_its_range(name, given):
    means, factors = INPUTS[given]
    noise = np.random.default_rng(5).normal(size=means.shape)
    value = np.asarray(score(name, noise, factors, np.zeros(means.shape)))
    low, high = METRICS[name].range
    assert (value >= low).all()
    assert high is None or (value <= high).all()


ARRAYS = {"means": 0, "factors": 1, "logvars": 2}


@pytest.mark.parametrize("name", METRICS)
def test_masked_arrays_are_refused_and_those_without_a_masked_value_read(name):
    means, factors = INPUTS["mixed"]
    arrays = [means, factors, np.zeros(means.shape)]
    whole = [np.ma.array(array, mask=False) for array in arrays]
    before, after = (score(name, *given) for given in (arrays, whole))
    assert after == pytest.approx(before, abs=0, nan_ok=True)
    for argument in METRICS[name].requires:
        hidden = list(whole)
        mask = np.zeros(arrays[ARRAYS[argument]].shape, bool)
        mask[3, 0] = True
        hidden[ARRAYS[argument]] = np.ma.array(arrays[ARRAYS[argument]], mask=mask)
        with pytest.raises(ValueError, match=f"{argument} has 1 masked value"):
            score(name, *hidden)
