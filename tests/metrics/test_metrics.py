"""Known answers, the registry, and intervals."""

import inspect
import re
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
from metrics._imports import imported
from tests.random_states import global_states

GRID = np.indices((4, 5, 6)).reshape(3, -1).T
LOGVARS = np.full(GRID.shape, -12.0)


def test_mig_of_the_factors_is_one_and_of_a_duplicate_zero():
    means = GRID.astype(float)
    assert mig(means, GRID) == pytest.approx(1)
    assert mig(means, GRID, estimator="posterior", logvars=LOGVARS) == pytest.approx(1, abs=1e-3)
    assert mig(np.hstack([means, means]), GRID) == pytest.approx(0)
    assert mig(np.zeros_like(means), GRID) == 0


def test_histogram_of_twenty_bins_merges_what_it_cannot_resolve():
    # Known: 32 values in 20 bins are 12 pairs and 8 single values.
    values = np.tile(np.arange(32), 10)[:, None]
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


def test_the_registry_covers_every_metric_and_every_metric_has_a_test_file():
    takes_codes = {
        name
        for name in metrics.__all__
        if inspect.isfunction(function := getattr(metrics, name))
        and inspect.signature(function).parameters.keys() & {"means", "list_of_means", "logvars"}
    }
    # The matrix that metrics are read from, and all of a metric's definitions, are no scores.
    assert takes_codes - {"mutual_information_matrix", "compare_variants"} == set(METRICS)
    for info in METRICS.values():
        file = info.function.__module__.rpartition(".")[2]
        assert (Path(__file__).parent / f"test_{file}.py").exists(), file


# In an interpreter that has loaded nothing yet: what a first call imports may draw.
FIRST_CALLS = """
import random, sys
import numpy as np
import metrics, datasets
print([m for m in ("torch", "sklearn", "scipy.stats") if m in sys.modules])
def state():
    drawn = np.random.get_state()
    return random.getstate(), drawn[1].tolist(), drawn[2:]
before = state()
factors = np.indices((3, 3, 3)).reshape(3, -1).T
arrays = {"means": factors * 1.0, "factors": factors, "logvars": factors - 4.0}
few = {"n_train": 30, "n_test": 30}
for name, info in metrics.METRICS.items():
    given = [arrays[key] for key in info.requires]
    given = [[array, -array] for array in given] if info.level == "group" else given
    info.function(*given, **(few if "n_train" in info.options else {}))
    print([name] * (state() != before))
metrics.infomec(arrays["means"], factors, estimator="knn")
print(["knn"] * (state() != before))
print(["nothing imported"] * ("sklearn.linear_model" not in sys.modules))
"""


def test_the_packages_load_little_and_first_calls_leave_random_state_alone():
    command = [sys.executable, "-W", "ignore", "-c", FIRST_CALLS]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert set(found.stdout.split()) == {"[]"}


def test_an_import_that_draws_is_undone(tmp_path, monkeypatch):
    text = "import random, numpy\ndrawn = random.random(), numpy.random.random()\n"
    (tmp_path / "draws_when_imported.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    before = global_states()
    assert len(imported("draws_when_imported").drawn) == 2
    assert global_states() == before


def test_nothing_else_is_imported_late():
    for path in (Path(metrics.__file__).parent).glob("*.py"):
        lines = path.read_text(encoding="utf-8").splitlines()
        late = [line for line in lines if re.match(r" +(import \w|from \w\S* import)", line)]
        assert not late, path.name


@pytest.mark.parametrize("name", [name for name in METRICS if "bootstrap" in METRICS[name].options])
def test_an_interval_is_around_the_value_and_within_the_range(name):
    rng = np.random.default_rng(1)
    factors = np.tile(GRID, (3, 1))
    means = factors + rng.normal(scale=1.5, size=factors.shape)
    given = {"means": means, "factors": factors}
    info = METRICS[name]
    options = {"n_train": 300, "n_test": 300} if "n_train" in info.options else {}
    arrays = [given[key] for key in info.requires]
    value, low, high = info.function(*arrays, bootstrap=8, **options)
    assert value == info.function(*arrays, **options)
    least, most = info.range
    assert least <= low < value < high
    assert most is None or high <= most
    # The same seed, the same replicates; and nobody's random state was touched.
    assert (value, low, high) == info.function(*arrays, bootstrap=8, **options)


@pytest.mark.parametrize("value", [float("nan"), -0.5, float("inf")])
def test_thresholds_that_nothing_can_be_compared_with_are_refused(value):
    arrays = {"means": GRID.astype(float), "logvars": LOGVARS, "factors": GRID}
    names = {"prune_below", "threshold", "least_information", "kl_threshold"}
    found = [(info, key) for info in METRICS.values() for key in names & info.options.keys()]
    assert len(found) == 7
    for info, key in found:
        given = [arrays[name] for name in info.requires]
        if info.level == "group":
            given = [[array, array] for array in given]
        with pytest.raises(ValueError, match=f"{key} must be a number of 0 or more"):
            info.function(*given, **{key: value})


def test_what_has_a_number_for_each_latent():
    found = {name for name, info in METRICS.items() if info.per_latent}
    assert found == {"kl_per_dimension", "posterior_std_per_dimension"}


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
