"""One metric alone: what it is given, what it may return, and that its failure is its own."""

import ctypes
import dataclasses
import inspect
import json
import sys
import types
import warnings

import numpy as np
import pytest

from bench.engines.local import LocalEngine
from bench.errors import Stopped
from bench.external_codes.arrays import check_codes
from bench.external_codes.commit import ExternalCodes, commit_codes, dataset_entry
from bench.grid.metric_requests import MetricRequest, metric_requests
from bench.grid.specs import DatasetSpec
from bench.scoring import groups, runs as scoring, variants
from bench.scoring.evaluate import evaluate
from bench.scoring.tasks import score_stored
from bench.store.store import Store
from bench.store.stored_run import read_run
from bench.tables.collect import collect
from bench.tables.csv import write_tables
from metrics import METRICS

GRID = np.indices((4, 5, 3)).reshape(3, -1).T
MEANS = GRID + np.random.default_rng(0).normal(scale=0.1, size=GRID.shape)
LOGVARS = np.full(GRID.shape, -2.0)
FEW = {"n_pairs": 4, "n_train": 50, "n_test": 50, "n_draws": 20}


def _run(store, logvars=LOGVARS, *, means=MEANS, seed=0):
    """Return codes as a run of a store."""
    codes = check_codes("x", means, logvars, GRID)
    reference = DatasetSpec(name="codes", options={"factors": codes.labels_digest})
    model = ExternalCodes("x", seed, codes, reference, dataset_entry(codes))
    name = commit_codes(store, model, {})
    return read_run(store.folder / "runs" / name)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store", create=True)


@pytest.fixture
def outside(monkeypatch):
    """Let a function be named as one from outside."""
    digest = "0" * 16
    module = types.ModuleType(f"elsewhere@{digest}")
    monkeypatch.setitem(sys.modules, module.__name__, module)

    def named(function):
        # Not a name that was imported before: they are kept.
        name = f"own_{len(vars(module))}_{id(function)}"
        setattr(module, name, function)
        return MetricRequest(name=name, function=f"elsewhere:{name}@{digest}")

    return named


def _scores(store, run, requests):
    """Score a run; return column to entry, as it is read back from the disk."""
    scoring.score_run(store, run, requests)
    parts = store.read_scores(run.run_id, run.codes_digest).values()
    return {entry["column"]: entry for part in parts for entry in part}


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_does_with_arrays_that_cannot_be_written_to(name):
    info = METRICS[name]
    arrays = {"means": MEANS.copy(), "logvars": LOGVARS.copy(), "factors": GRID.copy()}
    if info.level == "group":
        arrays = {key: [array, array[:, ::-1].copy()] for key, array in arrays.items()}
    before = json.dumps(arrays, default=np.ndarray.tolist)
    options = {key: value for key, value in FEW.items() if key in info.options}
    columns = list(info.outputs) or ["a", "b"][: 2 if info.level == "group" else 1]
    for _, fixed in info.variants:
        for entry in evaluate(info, {**options, **dict(fixed)}, arrays, columns):
            assert entry["reason"] is None
            assert entry["value"] is not None
    assert json.dumps(arrays, default=np.ndarray.tolist) == before


def _subtract(means, factors):
    means -= means.mean(0)
    return 0.0


def _sort(factors):
    factors.sort(axis=0)
    return 0.0


def _shuffle(logvars):
    np.random.default_rng(0).shuffle(logvars)
    return 0.0


def _assign(means):
    means[0] = 0
    return 0.0


@pytest.mark.parametrize("function", [_subtract, _sort, _shuffle, _assign])
def test_a_metric_that_works_in_place_fails_alone_and_is_told_what_to_do(store, outside, function):
    request = outside(function)
    entries = _scores(store, _run(store), [request, MetricRequest(name="irs")])
    first = function.__code__.co_varnames[0]
    assert entries[request.name]["reason"].endswith(f"work on a copy: {first} = {first}.copy()")
    assert entries["irs"]["value"] > 0.8


def _reshape(means):
    means.shape = (-1,)
    return 1.0


def _unlock(means):
    means.flags.writeable = True
    means[:] = 0
    return 1.0


def _below(means):
    ctypes.memset(means.ctypes.data, 0, means.nbytes)
    return 1.0


def _settings(means):
    np.seterr(all="raise")
    warnings.simplefilter("error")
    return 1.0


@pytest.mark.parametrize("function", [_reshape, _unlock, _below, _settings])
def test_nothing_that_a_metric_does_reaches_the_next_one(store, outside, function):
    request = outside(function)
    run = _run(store, np.where(np.arange(3) == 1, 800.0, -2.0) * np.ones(GRID.shape))
    other = [MetricRequest(name="irs"), MetricRequest(name="mig")]
    expected = {k: e["value"] for k, e in _scores(store, run, other).items()}
    (store.folder / "scores" / f"{run.run_id}.json").unlink()
    settings = np.geterr()
    found = _scores(store, run, [request, *other])
    assert found.pop(request.name)["value"] == 1.0
    assert {key: entry["value"] for key, entry in found.items()} == expected
    assert np.geterr() == settings


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (np.float32(0.5), 0.5),
        (np.array(0.25), 0.25),
        (True, 1.0),
        (3, 3.0),
        (float("nan"), "returned nan"),
        (-np.inf, "returned -inf"),
        (np.ones((2, 3)), "returned ndarray of shape (2, 3)"),
        ([0.0] * 10_000, "returned list"),
        (None, "returned NoneType"),
        ("0.5", "returned text"),
        (1j, "returned complex"),
        (10**400, "returned int"),
        (object(), "returned object"),
    ],
)
def test_what_a_function_from_outside_may_return(store, outside, value, stored):
    request = outside(lambda means: value)
    entry = _scores(store, _run(store), [request])[request.name]
    if isinstance(stored, float):
        assert (entry["value"], entry["reason"]) == (stored, None)
    else:
        assert entry["value"] is None
        assert entry["reason"].endswith(f"{stored}; it must return one finite number")


class Unspeakable(BaseException):
    """Cannot even say what it is."""

    def __str__(self):
        raise RuntimeError


@pytest.mark.parametrize(
    "error", [SystemExit(3), Unspeakable(), ValueError("\udcff\n\x1b[31m" + "x" * 5_000)]
)
def test_whatever_a_function_from_outside_raises_is_a_reason_that_can_be_shown(
    store, outside, error
):
    def failing(means):
        raise error

    request, run = outside(failing), _run(store)
    entries = _scores(store, run, [request, MetricRequest(name="irs")])
    reason = entries[request.name]["reason"]
    assert type(error).__name__ in reason
    assert reason.isprintable()
    assert len(reason) < 700
    assert entries["irs"]["value"] > 0.8
    write_tables(store, collect(store, [run]))
    assert type(error).__name__ in (store.folder / "tables" / "scores.csv").read_text()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), Stopped(15)])
def test_who_stops_the_process_is_not_held_up(store, outside, error):
    def stopped(means):
        raise error

    with pytest.raises(type(error)):
        scoring.score_run(store, _run(store), [outside(stopped)])


def _failing(monkeypatch, name, error, *calls):
    """Let some calls of a metric, counted from 1, raise an error; return the list of calls."""
    info, made = METRICS[name], []

    def function(*args, **options):
        made.append(options)
        if len(made) in calls:
            raise error
        return info.function(*args, **options)

    function.__name__ = name
    function.__signature__ = inspect.signature(info.function)
    monkeypatch.setitem(METRICS, name, dataclasses.replace(info, function=function))
    return made


ERRORS = [
    MemoryError(),
    RecursionError("too deep"),
    ZeroDivisionError("1 / 0"),
    FloatingPointError("overflow"),
    np.linalg.LinAlgError("singular"),
    TypeError("no"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_in_a_metric_or_its_levels_takes_nothing_with_it(store, monkeypatch, error):
    requests = [MetricRequest(name="irs"), MetricRequest(name="modularity")]
    # The score, then codes that know nothing, then perfect ones.
    expected = {1: ("value",), 2: ("chance",), 3: ("ceiling",)}
    for call, missing in expected.items():
        run = _run(store, seed=call)
        for path in (store.folder / "scores").glob("levels/*"):
            path.unlink()
        with monkeypatch.context() as patch:
            _failing(patch, "irs", error, call)
            entries = _scores(store, run, requests)
        values = {key: entries["irs"][key] for key in ("value", "chance", "ceiling")}
        assert tuple(key for key, value in values.items() if value is None) == missing
        assert (entries["irs"]["reason"] is None) == (call > 1)
        assert entries["modularity"]["ceiling"] == pytest.approx(1)
        assert entries["kl_per_dimension"]["value"] is not None


def test_what_does_not_lie_in_the_data_is_said_and_tried_again_at_the_next_start(
    store, monkeypatch, outside, caplog
):
    run, answers = _run(store), [None, 0.5]
    requests = [MetricRequest(name="irs"), outside(lambda means: answers.pop(0))]
    with monkeypatch.context() as patch:
        # After chance and ceiling, which come first.
        _failing(patch, "irs", MemoryError("no room"), 3)
        assert score_stored(store, [run], [run], requests, LocalEngine(1)) == set()
    said = [record.getMessage() for record in caplog.records]
    assert said[0] == "irs: a run has no score: MemoryError: no room; the next start tries again"
    assert len(said) == 2
    first = {
        entry["column"]: entry
        for part in store.read_scores(run.run_id, run.codes_digest).values()
        for entry in part
    }
    assert first["irs"]["reason"] == "MemoryError: no room"
    assert len(scoring.missing_scores(store, run, requests)) == 2
    second = _scores(store, run, requests)
    assert second["irs"]["value"] > 0.8
    assert second[requests[1].name]["value"] == 0.5
    assert not scoring.missing_scores(store, run, requests)
    # What lies in the data does not change.
    few = MetricRequest(name="mig", options={"exclude": [0, 1, 2]})
    assert _scores(store, run, [few])["mig_histogram_exclude_0_1_2"]["value"] is None
    assert not scoring.missing_scores(store, run, [few])


@pytest.mark.parametrize("name", ["irs", "factor_vae_score"])
def test_an_error_in_resampling_leaves_the_value(store, monkeypatch, name):
    def full(*args):
        raise MemoryError("no room")

    monkeypatch.setattr(sys.modules["metrics._bootstrap"], "_replicates", full)
    options = {key: value for key, value in FEW.items() if key in METRICS[name].options}
    request = MetricRequest(name=name, options={**options, "bootstrap": 3})
    entries = _scores(store, _run(store), [request])
    entry = next(entry for column, entry in entries.items() if column.startswith(name))
    assert entry["value"] > 0.5
    assert entry["low"] is entry["high"] is None
    assert "no room" in entry["warnings"][0]


@pytest.mark.parametrize("error", ERRORS[:3], ids=lambda error: type(error).__name__)
def test_an_error_in_a_groups_metric_or_in_one_definition_leaves_the_others(
    store, monkeypatch, error
):
    runs = [_run(store, seed=seed, means=MEANS * (1 + seed)) for seed in (0, 1)]
    requests = metric_requests(["udr", {"name": "udr", "similarity": "spearman"}, "irs", "jemmig"])
    _failing(monkeypatch, "udr", error, 1)
    # Score, chance and ceiling of both runs, then the definition that is no score: it fails.
    _failing(monkeypatch, "irs", error, 5)
    assert score_stored(store, runs, runs, requests, LocalEngine(1)) == set()
    entries = [entry for part in groups.read_group_scores(store, runs).values() for entry in part]
    values = {(entry.column, entry.value is None) for entry in entries}
    assert values == {("udr", True), ("udr_spearman", False)}
    assert all(str(error) in entry.reason for entry in entries if entry.value is None)
    assert len(entries) == 4
    compared = variants.read_variants(store, runs[0])
    assert list(compared["irs"]) == ["99% quantile of deviations"]


INFINITE = {
    "all latents": np.full(GRID.shape, 800.0),
    "one latent": np.where(np.arange(3) == 1, 800.0, -2.0) * np.ones(GRID.shape),
    "the mean over samples": np.full(GRID.shape, 709.7),
}


@pytest.mark.parametrize("case", INFINITE)
def test_an_infinite_divergence_costs_no_other_score(store, case):
    run = _run(store, INFINITE[case])
    requests = [MetricRequest(name=name) for name in ("irs", "kl_decomposition", "mig")]
    entries = _scores(store, run, requests)
    assert entries["irs"]["value"] > 0.8
    assert entries["mig_histogram"]["value"] > 0.5
    kl = entries["kl_per_dimension"]
    assert "infinite in latent " + ("1 " if case == "one latent" else "0, 1, 2") in kl["reason"]
    tables = collect(store, [run])
    write_tables(store, tables)
    assert tables.runs["kl"].isna().all()
    assert tables.runs["irs"].notna().all()
    assert "kl" not in scoring.scalar_scores(store, run)


def test_a_definition_that_is_a_score_is_not_computed_again(store, monkeypatch):
    run = _run(store)
    made = _failing(monkeypatch, "irs", None)
    requests = metric_requests(["irs", {"name": "dcimig", "n_bins": 5}])
    assert score_stored(store, [run], [run], requests, LocalEngine(1)) == set()
    # Chance, ceiling and score; then the other definition alone.
    assert [options.get("diff_quantile") for options in made] == [None, None, None, 1.0]
    values = scoring.scalar_scores(store, run)
    compared = variants.read_variants(store, run)
    assert compared["irs"]["99% quantile of deviations"] == values["irs"]
    # A score with other options is another definition.
    assert compared["dcimig"]["histogram"] != values["dcimig_n_bins_5"]
    arrays = variants.arrays_of(run)
    expected = METRICS["dcimig"].function(arrays["means"], arrays["factors"])
    assert compared["dcimig"]["histogram"] == expected
