"""Stored latents -> scores. Its own task, without torch: a new metric never trains anything."""

from __future__ import annotations

import hashlib
import json
import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .._siblings import metrics
from ..grid.metric_requests import MetricRequest, column_name, metric_requests
from ..grid.specs import Codes
from ..store.provenance import SCORED_WITH, versions
from ..store.store import Store
from ..store.stored_run import StoredRun
from .bounds import LevelCodes
from .evaluate import Arrays, as_if_alone, evaluate, handed, plain

log = logging.getLogger("disbench")
# KL, σ and use of the latents are there whatever a grid asks for.
ALWAYS = tuple(
    MetricRequest(name=name)
    for name in ("kl_per_dimension", "posterior_std_per_dimension", "active_units")
)
# Scores have a request for key, and a reason why there was none has this before the metric's name.
_NOTE = "without "


def missing_scores(
    store: Store, run: StoredRun, requests: Iterable[MetricRequest]
) -> dict[str, MetricRequest]:
    """Return the requests that a run has no stored scores of, by the key they are stored under."""
    scores = store.read_scores(run.run_id, run.codes_digest)
    return _missing((*ALWAYS, *_of_level("run", requests)), scores)


def score_run(store: Store, run: StoredRun, requests: Iterable[MetricRequest]) -> None:
    """Compute and store what is missing of a run's scores.

    Raises
    ------
    DamagedError
        If the run's codes are not what was committed.
    """
    arrays = _arrays(run)
    made = _level_codes(run, arrays)
    scores = store.read_scores(run.run_id, run.codes_digest)
    for key, request in missing_scores(store, run, requests).items():
        entries = _entries(request, arrays, run)
        for entry, levels in zip(entries, _levels(store, run, request, made), strict=True):
            entry.update(levels)
        scores[key] = entries
        # At once: what comes next may take long, or not come at all.
        store.write_scores(run.run_id, run.codes_digest, scores)


def failed_scores(store: Store, run: StoredRun) -> dict[str, str]:
    """Return column to reason, where that is not in the data: another start may have a score."""
    parts = store.read_scores(run.run_id, run.codes_digest).values()
    return {e["column"]: e["reason"] for entries in parts for e in entries if e.get("retry")}


def note_unscored(store: Store, run: StoredRun, reasons: Mapping[str, str]) -> None:
    """Store why a run has no scores of some metrics, in place of what was noted before."""
    stored = store.read_scores(run.run_id, run.codes_digest)
    scores = {key: entries for key, entries in stored.items() if not key.startswith(_NOTE)}
    done = {json.loads(key)[0] for key in scores}
    for name, reason in reasons.items():
        if name not in done:
            scores[f"{_NOTE}{name}"] = [{"column": name, "value": None, "reason": reason}]
    if scores != stored:
        store.write_scores(run.run_id, run.codes_digest, scores)


def measure_levels(store: Store, run: StoredRun, requests: Iterable[MetricRequest]) -> None:
    """Compute and store chance level and ceiling for runs like this one."""
    arrays = _arrays(run)
    made = _level_codes(run, arrays)
    for request in missing_scores(store, run, requests).values():
        _levels(store, run, request, made)


def missing_group_scores(
    store: Store, runs: Sequence[StoredRun], requests: Iterable[MetricRequest]
) -> dict[str, MetricRequest]:
    """Return the requests that a group has no stored scores of; a new seed makes them missing."""
    if len(runs) < 2:
        return {}
    scores = store.read_scores(_group_name(runs), _group_codes(runs))
    return _missing(_of_level("group", requests), scores)


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
        columns = [column_name(request, "", {})] * len(runs)
        entries = evaluate(request.info, request.options, arrays, columns)
        common = {"options": request.options, "versions": versions(SCORED_WITH)}
        scores[key] = [
            {**entry, **common, "run_id": run.run_id}
            for run, entry in zip(runs, entries, strict=True)
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
    factor_names = run.factor_names
    for name in missing_comparisons(store, run, requests):
        given = {key: handed(array) for key, array in arrays.items()}
        try:
            with as_if_alone():
                found = metrics.compare_variants(name, **given, factor_names=factor_names)
        except Exception:
            # The score itself has the reason.
            log.debug("%s", name, exc_info=True)
            found = {}
        stored[name] = {label: plain(value) for label, value in found.items()}
    store.write_scores(_comparison_name(run), run.codes_digest, stored)


def read_comparisons(store: Store, run: StoredRun) -> dict[str, dict[str, float]]:
    """Return metric to label to value, of what `compare_run` stored."""
    return store.read_scores(_comparison_name(run), run.codes_digest)


def scalar_scores(store: Store, run: StoredRun) -> dict[str, float]:
    """Return the scores of a run that are numbers, by column; `kl` is the sum over latents."""
    entries = [e for part in store.read_scores(run.run_id, run.codes_digest).values() for e in part]
    found = {entry["column"]: entry["value"] for entry in entries}
    per_latent = found.pop("kl_per_dimension", None)
    scalars = {name: value for name, value in found.items() if isinstance(value, int | float)}
    whole = total(per_latent)
    return scalars if whole is None else {**scalars, "kl": whole}


def total(per_latent: Sequence[float] | None) -> float | None:
    """Return the sum over latents; None where there is nothing to sum, or it is infinite.

    Examples
    --------
    >>> total([0.5, 2.0]), total([1e308, 1e308]), total(None)
    (2.5, None, None)
    """
    whole = sum(per_latent) if per_latent else math.inf
    return whole if math.isfinite(whole) else None


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
            keys.update(dict.fromkeys(store.read_scores(run.run_id, run.codes_digest)))
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


def _missing(
    requests: Iterable[MetricRequest], scores: Mapping[str, Sequence[Mapping[str, Any]]]
) -> dict[str, MetricRequest]:
    """Return what has no stored scores, or had none for a reason that may be gone."""
    wanted = {request_key(request): request for request in requests}
    there = {key for key, entries in scores.items() if not any(e.get("retry") for e in entries)}
    return {key: request for key, request in wanted.items() if key not in there}


def _comparison_name(run: StoredRun) -> str:
    return f"variants/{run.run_id}"


def _group_name(runs: Sequence[StoredRun]) -> str:
    return f"groups/{runs[0].group_id}-{runs[0].precision}"


def _group_codes(runs: Sequence[StoredRun]) -> str:
    """Name what a group's scores are of: a new or another member makes them stale."""
    return " ".join(run.codes_digest for run in runs)


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _arrays(run: StoredRun) -> Arrays:
    latents = run.latents()
    factors = latents.factors
    # Codes from elsewhere have their own factors, or none.
    if not isinstance(run.spec, Codes):
        factors = run.spec.dataset.load().factors(latents.indices)
    return {"means": latents.means, "logvars": latents.logvars, "factors": factors}


def level_terms(run: StoredRun) -> str:
    """Return what chance and ceiling depend on, beside the metric."""
    evaluation = run.spec.evaluation.model_dump(mode="json")
    n_latents = len(run.latent_names)
    return json.dumps([run.fingerprint, evaluation, n_latents])


def _entries(request: MetricRequest, arrays: Arrays, run: StoredRun) -> list[dict[str, Any]]:
    """Return every variant of a metric, and every output of a variant, as plain JSON values."""
    info = request.info
    chosen = _by_position(request.options, run.factor_names)
    entries = []
    for suffix, fixed in info.variants:
        column = column_name(request, suffix, dict(fixed))
        outputs = [f"{column}_{output}" for output in info.outputs] or [column]
        entries += evaluate(info, {**chosen, **dict(fixed)}, arrays, outputs)
    common = {"options": request.options, "versions": versions(SCORED_WITH)}
    return [{**common, **entry} for entry in entries]


def _by_position(options: Mapping[str, Any], factor_names: Sequence[str]) -> dict[str, Any]:
    """Replace names of factors by their columns; what a dataset does not have needs no leaving out.

    A grid may have datasets with other factors: shape is left out where there is one.
    """
    if "exclude" not in options:
        return dict(options)
    known = {name: place for place, name in enumerate(factor_names)}
    places = [known.get(name, name) for name in options["exclude"]]
    return {**options, "exclude": [place for place in places if isinstance(place, int)]}


def _level_codes(run: StoredRun, arrays: Arrays) -> LevelCodes | None:
    """Return what chance and ceiling are computed of, None where there are no factors."""
    n_latents = len(run.latent_names)
    return None if arrays["factors"] is None else LevelCodes(arrays["factors"], n_latents)


def _levels(
    store: Store, run: StoredRun, request: MetricRequest, made: LevelCodes | None
) -> list[dict[str, Any]]:
    """Return the chance level and the ceiling of each entry: computed once for equal factors.

    Only where a higher value is better do chance and perfection mean anything.
    """
    info = request.info
    n_entries = len(info.variants) * max(1, len(info.outputs))
    if info.higher_is_better is not True or made is None:
        return [{} for _ in range(n_entries)]
    # Of labels that are no ranks there are levels from before these were taken.
    labels = "" if made.of_ranks else " by rank"
    of = f"{level_terms(run)} {request_key(request)}{labels}"
    name = f"levels/{request.name}-{_short(of)}"
    stored = store.read_scores(name, of)
    if len(stored.get("levels", ())) != n_entries:
        options = {key: v for key, v in request.options.items() if key != "bootstrap"}
        alone = request.model_copy(update={"options": options})
        found: dict[str, Sequence[Mapping[str, Any]]] = {}
        for level in ("chance", "ceiling"):
            try:
                codes = made.chance if level == "chance" else made.perfect
                found[level] = _entries(alone, codes, run)
            except Exception:
                # The score is none the worse for it.
                found[level] = [{"value": None, "retry": True}] * n_entries
        stored = {
            "levels": [
                {level: entries[place]["value"] for level, entries in found.items()}
                for place in range(n_entries)
            ]
        }
        # What may be had at another time is not stored as if it never could.
        if not any(entry.get("retry") for entries in found.values() for entry in entries):
            store.write_scores(name, of, stored)
    levels: list[dict[str, Any]] = stored["levels"]
    return levels
