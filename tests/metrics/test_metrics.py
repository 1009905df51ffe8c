"""Known answers and the invariants that each metric of the registry declares."""

import dataclasses
import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate

import metrics
from metrics import (
    METRICS,
    mig,
    mutual_information_matrix as information,
)

GRID = np.indices((4, 5, 6)).reshape(3, -1).T
LOGVARS = np.full(GRID.shape, -12.0)


# What keeps these fast here; the defaults are those of the protocols.
FAST = {
    "beta_vae_score": {"n_train": 3_000, "n_test": 3_000},
    "factor_vae_score": {"n_train": 3_000, "n_test": 3_000},
}


def _call(name, means, factors, logvars):
    info = METRICS[name]
    given = {"means": means, "factors": factors, "logvars": logvars}
    if info.level == "group":
        # Two more models, whose codes are functions of the first one's.
        given["means"] = [means, np.tanh(means), means**3]
        given["logvars"] = [logvars, logvars, logvars]
    value = info.function(*(given[key] for key in info.requires), **FAST.get(name, {}))
    return np.array(dataclasses.astuple(value)) if dataclasses.is_dataclass(value) else value


def test_mig_of_the_factors_is_one_and_of_a_duplicate_zero():
    means = GRID.astype(float)
    assert mig(means, GRID) == pytest.approx(1)
    assert mig(means, GRID, estimator="posterior", logvars=LOGVARS) == pytest.approx(1, abs=1e-3)
    assert mig(np.hstack([means, means]), GRID) == pytest.approx(0)
    assert mig(np.zeros_like(means), GRID) == 0


def test_histogram_of_twenty_bins_merges_what_it_cannot_resolve():
    # Known: 32 values in 20 bins are 12 pairs and 8 single values.
    values = np.arange(32)[:, None]
    expected = (np.log(32) - 24 / 32 * np.log(2)) / np.log(32)
    assert mig(values.astype(float), values) == pytest.approx(expected)


@pytest.mark.parametrize(("levels", "sigma"), [(2, 0.5), (4, 0.3), (8, 1.5)])
def test_posterior_information_agrees_with_quadrature(levels, sigma):
    values = np.arange(levels)

    def integrand(z):
        q = np.exp(-((z - values) ** 2) / 2 / sigma**2).mean() / np.sqrt(2 * np.pi) / sigma
        return -q * np.log(q) if q > 0 else 0.0

    mixed = integrate.quad(integrand, -8 * sigma, levels - 1 + 8 * sigma, limit=500)[0]
    expected = mixed - 0.5 * np.log(2 * np.pi * np.e * sigma**2)
    means = np.repeat(values, 50)[:, None]
    found = information(
        means,
        means,
        estimator="posterior",
        logvars=np.full(means.shape, 2 * np.log(sigma)),
    )[0, 0]
    assert found == pytest.approx(expected, abs=1e-3)


TRANSFORMS = {
    "sample_order": lambda m, f, v: (m[::-1], f[::-1], v[::-1]),
    "latent_order": lambda m, f, v: (m[:, ::-1], f, v[:, ::-1]),
    "sign": lambda m, f, v: (-m, f, v),
    "scale": lambda m, f, v: (4 * m, f, v),
    "relabelling": lambda m, f, v: (m, 7 - f, v),
}


@pytest.mark.parametrize("invariance", TRANSFORMS)
@pytest.mark.parametrize("name", METRICS)
def test_declared_invariances_hold(name, invariance):
    if invariance not in METRICS[name].invariances:
        pytest.skip(f"{name} does not promise this")
    rng = np.random.default_rng(3)
    means = GRID @ rng.normal(size=(3, 4)) + rng.normal(size=(len(GRID), 4))
    logvars = rng.normal(size=means.shape)
    before = _call(name, means, GRID, logvars)
    after = _call(name, *TRANSFORMS[invariance](means, GRID, logvars))
    # A group's shared value is drawn by label, so relabelling redraws the samples.
    slack = 0.03 if name in ("beta_vae_score", "factor_vae_score") else 1e-9
    assert after == pytest.approx(before, abs=slack)


@pytest.mark.parametrize("name", METRICS)
def test_malformed_input_names_the_argument(name):
    means = GRID.astype(float)
    with pytest.raises(ValueError, match="means has NaN"):
        _call(name, np.where(means > 2, np.nan, means), GRID, LOGVARS)
    with pytest.raises(ValueError, match="means must have shape"):
        _call(name, means[0], GRID, LOGVARS)


def test_every_metric_is_within_its_range():
    means = np.random.default_rng(5).normal(size=(120, 6))
    for name, info in METRICS.items():
        value = np.asarray(_call(name, means, GRID, np.zeros(means.shape)))
        low, high = info.range
        assert (value >= low).all()
        assert high is None or (value <= high).all()


def test_the_registry_covers_every_metric_and_every_metric_has_a_test_file():
    takes_codes = {
        name
        for name in metrics.__all__
        if inspect.isfunction(function := getattr(metrics, name))
        and inspect.signature(function).parameters.keys() & {"means", "list_of_means"}
    }
    # The matrix that metrics are read from, and all of a metric's definitions, are no scores.
    assert takes_codes - {"mutual_information_matrix", "compare_variants"} == set(METRICS)
    for info in METRICS.values():
        file = info.function.__module__.rpartition(".")[2]
        assert (Path(__file__).parent / f"test_{file}.py").exists(), file


def test_the_packages_load_neither_torch_nor_scikit_learn():
    heavy = "[m for m in ('torch', 'sklearn') if m in sys.modules]"
    code = f"import metrics, datasets, sys; print({heavy})"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("name", [name for name in METRICS if "bootstrap" in METRICS[name].options])
def test_an_interval_is_around_the_value_and_within_the_range(name):
    rng = np.random.default_rng(1)
    factors = np.tile(GRID, (3, 1))
    means = factors + rng.normal(scale=1.5, size=factors.shape)
    given = {"means": means, "factors": factors}
    info = METRICS[name]
    options = {key: min(value, 300) for key, value in FAST.get(name, {}).items()}
    arrays = [given[key] for key in info.requires]
    value, low, high = info.function(*arrays, bootstrap=8, **options)
    assert value == info.function(*arrays, **options)
    least, most = info.range
    assert least <= low < value < high
    assert most is None or high <= most
    # The same seed, the same replicates; and nobody's random state was touched.
    assert (value, low, high) == info.function(*arrays, bootstrap=8, **options)


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    # The truth is the value of so many samples that resampling does not matter.
    def draw(n, seed):
        rng = np.random.default_rng(seed)
        factors = rng.integers(4, size=(n, 2))
        return factors + rng.normal(scale=0.8, size=factors.shape), factors

    options = {"estimator": "posterior"}

    def score(n, seed, **more):
        means, factors = draw(n, seed)
        return mig(means, factors, logvars=np.full(means.shape, -2.0), **options, **more)

    truth = score(200_000, 0)
    inside = [
        low <= truth <= high for _, low, high in (score(400, s, bootstrap=40) for s in range(1, 41))
    ]
    # 95% of 40 with forty replicates each; far from what half or double the spread would give.
    assert 31 <= sum(inside) <= 40
    assert score(400, 1, bootstrap=40)[2] - score(400, 1, bootstrap=40)[1] > 0
    widths = {n: np.ptp(score(n, 1, bootstrap=40)[1:]) for n in (400, 6_400)}
    assert 2 < widths[400] / widths[6_400] < 8
