"""Stored latents -> scores. Its own task, without torch: a new metric never trains anything."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import metadata
from typing import Any

import numpy as np

from ._siblings import datasets, metrics
from .levels import chance_codes, perfect_codes
from .requests import MetricRequest, column_name, metric_requests
from .specs import Codes
from .store import Store
from .stored import StoredRun

# The columns `kl` and `active_units` are there whatever a grid asks for.
ALWAYS = (MetricRequest(name="kl_per_dimension"), MetricRequest(name="active_units"))
# Scores have a request for key, and a reason why there was none has this before the metric's name.
_NOTE = "without "
# The codes of a run and the factors of its images, by the names that metrics give them.
Arrays = Mapping[str, Any]


def missing_scores(
    store: Store, run: StoredRun, requests: Iterable[MetricRequest]
) -> dict[str, MetricRequest]:
    """Return the requests that a run has no stored scores of, by the key they are stored under."""
    scores = store.read_scores(run.run_id, run.codes)
    wanted = {request_key(request): request for request in (*ALWAYS, *_of_level("run", requests))}
    return {key: request for key, request in wanted.items() if key not in scores}


def score_run(store: Store, run: StoredRun, requests: Iterable[MetricRequest]) -> None:
    """Compute and store what is missing of a run's scores.

    Raises
    ------
    DamagedError
        If the run's codes are not what was committed.
    """
    arrays = _arrays(run)
    scores = store.read_scores(run.run_id, run.codes)
    for key, request in missing_scores(store, run, requests).items():
        entries = _entries(request, arrays, run)
        for entry, levels in zip(entries, _levels(store, run, request, arrays), strict=True):
            entry.update(levels)
        scores[key] = entries
        # At once: what comes next may take long, or not come at all.
        store.write_scores(run.run_id, run.codes, scores)


def note_unscored(store: Store, run: StoredRun, reasons: Mapping[str, str]) -> None:
    """Store why a run has no scores of some metrics, in place of what was noted before."""
    stored = store.read_scores(run.run_id, run.codes)
    scores = {key: entries for key, entries in stored.items() if not key.startswith(_NOTE)}
    done = {json.loads(key)[0] for key in scores}
    for name, reason in reasons.items():
        if name not in done:
            scores[f"{_NOTE}{name}"] = [{"column": name, "value": None, "reason": reason}]
    if scores != stored:
        store.write_scores(run.run_id, run.codes, scores)


def measure_levels(store: Store, run: StoredRun, requests: Iterable[MetricRequest]) -> None:
    """Compute and store chance level and ceiling for runs like this one."""
    arrays = _arrays(run)
    for request in missing_scores(store, run, requests).values():
        _levels(store, run, request, arrays)


def missing_group_scores(
    store: Store, runs: Sequence[StoredRun], requests: Iterable[MetricRequest]
) -> dict[str, MetricRequest]:
    """Return the requests that a group has no stored scores of; a new seed makes them missing."""
    wanted = {request_key(request): request for request in _of_level("group", requests)}
    if len(runs) < 2:
        return {}
    scores = store.read_scores(_group_name(runs), _group_codes(runs))
    return {key: request for key, request in wanted.items() if key not in scores}


def score_group(store: Store, runs: Sequence[StoredRun], requests: Iterable[MetricRequest]) -> None:
    """Compute and store what is missing of the scores that a group's runs have of one another."""
    codes = [run.latents() for run in runs]
    without = any(code.logvars is None for code in codes)
    arrays = {
        "means": [code.means for code in codes],
        "logvars": None if without else [code.logvars for code in codes],
    }
    scores = store.read_scores(_group_name(runs), _group_codes(runs))
    for key, request in missing_group_scores(store, runs, requests).items():
        column = column_name(request, "", {})
        reason = _why_not(request.info, request.options, arrays)
        if reason is None:
            (entry,) = _evaluate(request.info, request.options, arrays, [column])
        else:
            entry = {"column": column, "value": None, "reason": reason}
        values = entry["value"] or [None] * len(runs)
        common = {**entry, "options": request.options, "versions": _versions()}
        scores[key] = [
            {**common, "run_id": run.run_id, "value": value}
            for run, value in zip(runs, values, strict=True)
        ]
    store.write_scores(_group_name(runs), _group_codes(runs), scores)


def read_group_scores(store: Store, runs: Sequence[StoredRun]) -> dict[str, list[dict[str, Any]]]:
    """Return what a group's runs score by one another: run id to entries."""
    found: dict[str, list[dict[str, Any]]] = {}
    for entries in store.read_scores(_group_name(runs), _group_codes(runs)).values():
        for entry in entries:
            found.setdefault(entry["run_id"], []).append(entry)
    return found


def missing_comparisons(
    store: Store, run: StoredRun, requests: Iterable[MetricRequest]
) -> list[str]:
    """Return the metrics whose other definitions a run has no stored values of."""
    stored = read_comparisons(store, run)
    several = [r.name for r in _of_level("run", requests) if len(r.info.alternatives) > 1]
    return [name for name in dict.fromkeys(several) if name not in stored]


def compare_run(store: Store, run: StoredRun, requests: Iterable[MetricRequest]) -> None:
    """Compute and store what else goes by the names of the metrics, on the codes of a run."""
    stored = read_comparisons(store, run)
    arrays = _arrays(run)
    factor_names = run.manifest["dataset"]["factor_names"]
    for name in missing_comparisons(store, run, requests):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", metrics.MetricWarning)
            try:
                stored[name] = metrics.compare_variants(name, **arrays, factor_names=factor_names)
            except ValueError:
                # The score itself has the reason.
                stored[name] = {}
    store.write_scores(_comparison_name(run), run.codes, stored)


def read_comparisons(store: Store, run: StoredRun) -> dict[str, dict[str, float]]:
    """Return metric to label to value, of what `compare_run` stored."""
    return store.read_scores(_comparison_name(run), run.codes)


def scalar_scores(store: Store, run: StoredRun) -> dict[str, float]:
    """Return the scores of a run that are numbers, by column; `kl` is the sum over latents."""
    entries = [e for part in store.read_scores(run.run_id, run.codes).values() for e in part]
    found = {entry["column"]: entry["value"] for entry in entries}
    per_latent = found.pop("kl_per_dimension", None)
    scalars = {name: value for name, value in found.items() if isinstance(value, int | float)}
    return scalars | ({"kl": sum(per_latent)} if per_latent else {})


def request_key(request: MetricRequest) -> str:
    """Return the key that a request's scores are stored under."""
    foreign = [request.function] if request.function else []
    return json.dumps([request.name, request.options, *foreign], sort_keys=True)


def scored_requests(
    store: Store, groups: Iterable[Sequence[StoredRun]], *, allow_imports: bool = False
) -> list[MetricRequest]:
    """Return what some groups of runs have stored scores of.

    Raises
    ------
    GridError
        If this version has no such metric, or it is code from outside that may not be imported.
    """
    # In the order they were asked for, which is that of the columns of tables.
    keys: dict[str, None] = {}
    for runs in groups:
        for run in runs:
            keys.update(dict.fromkeys(store.read_scores(run.run_id, run.codes)))
        keys.update(dict.fromkeys(store.read_scores(_group_name(runs), _group_codes(runs))))
    # Of what every run has nobody knows whether it was asked for.
    for request in ALWAYS:
        keys.pop(request_key(request), None)
    found = []
    for key in keys:
        if key.startswith(_NOTE):
            continue
        name, options, *foreign = json.loads(key)
        entries = {name: foreign[0]} if foreign else [{"name": name, **options}]
        found += metric_requests(entries, str(store.folder / "scores"), allow_imports=allow_imports)
    return found


def _of_level(level: str, requests: Iterable[MetricRequest]) -> list[MetricRequest]:
    return [request for request in requests if request.info.level == level]


def _comparison_name(run: StoredRun) -> str:
    return f"variants/{run.run_id}"


def _group_name(runs: Sequence[StoredRun]) -> str:
    first = runs[0].manifest
    return f"groups/{first['group_id']}-{first['execution']['precision']}"


def _group_codes(runs: Sequence[StoredRun]) -> str:
    """Name what a group's scores are of: a new or another member makes them stale."""
    return " ".join(run.codes for run in runs)


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _arrays(run: StoredRun) -> Arrays:
    latents = run.latents()
    factors = latents.factors
    reference = run.spec.dataset
    # Codes from elsewhere have their own factors, or none.
    if not isinstance(run.spec, Codes):
        dataset = datasets.load(reference.name, **reference.options)
        factors = dataset.factors(latents.indices)
    return {"means": latents.means, "logvars": latents.logvars, "factors": factors}


def level_terms(run: StoredRun) -> str:
    """Return what chance and ceiling depend on, beside the metric."""
    evaluation = run.spec.evaluation.model_dump(mode="json")
    n_latents = len(run.manifest["latent_names"])
    return json.dumps([run.manifest["dataset"]["fingerprint"], evaluation, n_latents])


def _entries(request: MetricRequest, arrays: Arrays, run: StoredRun) -> list[dict[str, Any]]:
    """Return every variant of a metric, and every output of a variant, as plain JSON values."""
    info = request.info
    chosen = _by_position(request.options, run.manifest["dataset"]["factor_names"])
    entries = []
    for suffix, fixed in info.variants:
        column = column_name(request, suffix, dict(fixed))
        options = {**chosen, **dict(fixed)}
        reason = _why_not(info, options, arrays)
        outputs = [f"{column}_{output}" for output in info.outputs] or [column]
        if reason is None:
            entries += _evaluate(info, options, arrays, outputs)
        else:
            entries += [{"column": name, "value": None, "reason": reason} for name in outputs]
    return [{"options": request.options, "versions": _versions(), **entry} for entry in entries]


def _by_position(options: Mapping[str, Any], factor_names: Sequence[str]) -> dict[str, Any]:
    """Replace names of factors by their columns; what a dataset does not have needs no leaving out.

    A grid may have datasets with other factors: shape is left out where there is one.
    """
    if "exclude" not in options:
        return dict(options)
    known = {name: place for place, name in enumerate(factor_names)}
    places = [known.get(name, name) for name in options["exclude"]]
    return {**options, "exclude": [place for place in places if isinstance(place, int)]}


def _why_not(info: Any, options: Mapping[str, Any], arrays: Arrays) -> str | None:
    """Return why a run's arrays do not do for a metric, None where they do."""
    needed = [*info.requires, *(["logvars"] if options.get("estimator") == "posterior" else [])]
    absent = [name for name in needed if arrays[name] is None]
    return f"the run has no {absent[0]}" if absent else None


def _evaluate(
    info: Any, options: dict[str, Any], arrays: Arrays, columns: Sequence[str]
) -> list[dict[str, Any]]:
    """Call a metric and return an entry for each of its outputs."""
    if options.get("estimator") == "posterior":
        options = {**options, "logvars": arrays["logvars"]}
    started = time.monotonic()
    with warnings.catch_warnings(record=True) as caught, metrics.details() as detail:
        warnings.simplefilter("always", metrics.MetricWarning)
        try:
            value = info.function(*(arrays[name] for name in info.requires), **options)
        except ValueError as error:
            return [{"column": name, "value": None, "reason": str(error)} for name in columns]
    common: dict[str, Any] = {
        "reason": None,
        "warnings": [str(w.message) for w in caught if w.category is metrics.MetricWarning],
        "seconds": round(time.monotonic() - started, 3),
        "detail": {key: _plain(found) for key, found in detail.items()},
    }
    if info.outputs:
        fields = {
            field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
        common["detail"].update({k: v for k, v in fields.items() if k not in info.outputs})
        return [
            {"column": column, "value": fields[output], **common}
            for column, output in zip(columns, info.outputs, strict=True)
        ]
    if isinstance(value, tuple):
        value, low, high = value
        common.update(low=_plain(low), high=_plain(high))
    return [{"column": columns[0], "value": _plain(value), **common}]


def _levels(
    store: Store, run: StoredRun, request: MetricRequest, arrays: Arrays
) -> list[dict[str, Any]]:
    """Return the chance level and the ceiling of each entry: computed once for equal factors.

    Only where a higher value is better do chance and perfection mean anything.
    """
    info = request.info
    n_entries = len(info.variants) * max(1, len(info.outputs))
    if info.higher_is_better is not True or arrays["factors"] is None:
        return [{} for _ in range(n_entries)]
    n_latents = len(run.manifest["latent_names"])
    of = f"{level_terms(run)} {request_key(request)}"
    name = f"levels/{request.name}-{_short(of)}"
    stored = store.read_scores(name, of)
    if len(stored.get("levels", ())) != n_entries:
        plain = request.model_copy(
            update={"options": {k: v for k, v in request.options.items() if k != "bootstrap"}}
        )
        factors = arrays["factors"]
        chance, ceiling = (
            [entry["value"] for entry in _entries(plain, {**codes, "factors": factors}, run)]
            for codes in (chance_codes(factors, n_latents), perfect_codes(factors))
        )
        pairs = zip(chance, ceiling, strict=True)
        stored = {"levels": [{"chance": low, "ceiling": high} for low, high in pairs]}
        store.write_scores(name, of, stored)
    levels: list[dict[str, Any]] = stored["levels"]
    return levels


@cache
def _versions() -> dict[str, str]:
    """Return the versions that a score may depend on."""
    return {name: metadata.version(name) for name in ("numpy", "scipy", "scikit-learn")}


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: lists for arrays, None for what is not finite."""
    if isinstance(value, np.ndarray):
        return [_plain(item) for item in value.tolist()]
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value
