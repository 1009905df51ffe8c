"""Bounds that were measured before are read from the cache folder, and never out of date."""

import dataclasses

import numpy as np
import pytest

from bench.grid import MetricRequest
from bench.scoring import bounds_cache as module, known_bounds
from bench.scoring.bounds import BoundCodes, measured_bounds
from metrics import METRICS

GRID = np.indices((4, 5, 3)).reshape(3, -1).T
NAMES = ("shape", "x", "y")
MIG = MetricRequest(name="mig")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DISBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "bounds"


@pytest.fixture
def measured(monkeypatch):
    """Return the requests that were measured and not read."""
    calls = []

    def measure(request, *args):
        calls.append(request)
        return measured_bounds(request, *args)

    monkeypatch.setattr(module, "measured_bounds", measure)
    return calls


def _bounds(request=MIG, factors=GRID, n_latents=4, names=NAMES):
    return known_bounds(request, BoundCodes(factors, n_latents), names)


def test_bounds_are_measured_once_and_then_the_same(measured):
    expected = measured_bounds(MIG, BoundCodes(GRID, 4), NAMES)
    assert [_bounds() for _ in range(3)] == [expected] * 3
    # An interval is no part of a bound.
    assert _bounds(MetricRequest(name="mig", options={"bootstrap": 9})) == expected
    assert len(measured) == 1


def test_what_bounds_depend_on_is_measured_apart(measured, monkeypatch):
    without = MetricRequest(name="mig", options={"exclude": ["shape"]})
    _bounds()
    _bounds(n_latents=5)
    _bounds(factors=GRID[:-1])
    _bounds(factors=GRID[:, ::-1])
    _bounds(MetricRequest(name="mig", options={"n_bins": 10}))
    _bounds(without)
    _bounds(without, names=("x", "shape", "y"))
    monkeypatch.setattr(module, "versions", lambda names: {"numpy": "another"})
    _bounds()
    monkeypatch.setattr(module, "_code", lambda: "other code")
    _bounds()
    assert len(measured) == 9


def test_the_code_of_every_metric_and_of_the_codes_counts():
    names = {path.name for path in module._sources()}
    assert {"mig.py", "_shared.py", "bounds.py", "evaluate.py"} <= names


@pytest.mark.parametrize("damage", ["", "{}", "nonsense", "flipped"])
def test_a_damaged_file_is_measured_and_written_again(cache, measured, damage):
    expected = _bounds()
    (path,) = cache.iterdir()
    sound = path.read_text()
    path.write_text(sound.replace('"chance": 0', '"chance": 9') if damage == "flipped" else damage)
    assert path.read_text() != sound
    assert _bounds() == expected
    assert path.read_text() == sound
    assert len(measured) == 2


def test_a_folder_that_cannot_be_used_costs_nothing_but_time(cache, measured, monkeypatch):
    cache.parent.write_text("a file")
    assert _bounds() == _bounds()
    monkeypatch.setenv("DISBENCH_CACHE", "~nosuchuser/cache")
    assert _bounds() == _bounds()
    assert len(measured) == 4


def test_what_may_succeed_later_and_what_is_not_ours_is_not_kept(cache, monkeypatch):
    def fail(*args):
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr("bench.scoring.bounds.score_request", fail)
        assert not _bounds()[1]
    assert not cache.exists()
    # Chance and perfection mean something only where a higher value is better.
    assert _bounds(MetricRequest(name="active_units")) == ([{}], True)
    # A function that is not of the package, whatever it is called.
    monkeypatch.setitem(METRICS, "mig", dataclasses.replace(METRICS["mig"], function=_other))
    assert _bounds()[1]
    assert not cache.exists()


def _other(means, factors, *, estimator="histogram", logvars=None):
    return 0.5
