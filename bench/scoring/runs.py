"""Score stored runs, one at a time and without torch: a new metric never trains anything."""

from __future__ import annotations

import hashlib
import json
import logging
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from .._siblings import metrics
from ..grid import MetricRequest
from ..store import NOTE, ScoreEntry, Source, Store, StoredRun
from .bounds import BoundCodes
from .bounds_cache import known_bounds
from .evaluate import Arrays, arrays_of, score_request
from .keys import by_key, missing, request_key, superseded

log = logging.getLogger("disbench")


def missing_scores(
    store: Store, run: StoredRun, requests: Iterable[MetricRequest]
) -> dict[str, MetricRequest]:
    """Return the requests that a run has no stored scores of, by the key they are stored under."""
    return missing(by_key("run", requests), store.scored(run).done)


def score_run(store: Store, run: StoredRun, requests: Sequence[MetricRequest]) -> None:
    """Compute and store what is missing of a run's scores, in place of what is superseded.

    Raises
    ------
    DamagedError
        If the run's codes are not what was committed.
    """
    arrays = arrays_of(run)
    made = _bound_codes(run, arrays)
    scores = _current(store, run, requests)
    with metrics.shared():
        for key, request in missing_scores(store, run, requests).items():
            entries = score_request(request, arrays, run.factor_names)
            for entry, bounds in zip(entries, _bounds(store, run, request, made), strict=True):
                entry.update(bounds)
            scores[key] = entries
            # At once: what comes next may take long, or not come at all.
            store.write_scores(run.run_id, run.codes_digest, scores)


def drop_superseded(
    store: Store,
    stored: Iterable[StoredRun],
    mine: Collection[str],
    requests: Sequence[MetricRequest],
) -> None:
    """Remove scores by another source of the own metrics among some requests, and say so.

    Otherwise those of `stored` that are not `mine`, which are scored now, would keep them, in one
    column with the new ones.
    """
    if not any(request.function for request in requests):
        return
    had = [run for run in stored if superseded(requests, store.scored(run).done)]
    for run in had:
        store.write_scores(run.run_id, run.codes_digest, _current(store, run, requests))
    if had:
        log.info("own metrics have changed: their old scores are dropped, of %s", _runs(len(had)))
    others = sum(run.run_id not in mine for run in had)
    if others:
        log.warning(
            "own metrics: %s beside those of this start lost scores by an older source; the next "
            "start that scores them computes new ones",
            _runs(others),
        )


def _runs(count: int) -> str:
    return f"{count} run" if count == 1 else f"{count} runs"


def _current(store: Store, run: StoredRun, requests: Iterable[MetricRequest]) -> dict[str, Any]:
    """Return a run's stored scores but for those that are superseded."""
    scores = store.read_scores(run.run_id, run.codes_digest)
    old = superseded(requests, scores)
    return {key: entries for key, entries in scores.items() if key not in old}


def failed_scores(store: Store, run: StoredRun) -> dict[str, str]:
    """Return column to reason, where that is not in the data: another start may have a score."""
    entries = run_entries(store, run)
    return {entry.column: entry.reason or "" for entry in entries if entry.retry}


def note_unscored(store: Store, run: StoredRun, reasons: Mapping[str, str]) -> None:
    """Store why a run has no scores of some metrics, in place of what was noted before."""
    stored = store.read_scores(run.run_id, run.codes_digest)
    scores = {key: entries for key, entries in stored.items() if not key.startswith(NOTE)}
    done = {json.loads(key)[0] for key in scores}
    for name, reason in reasons.items():
        if name not in done:
            scores[f"{NOTE}{name}"] = [{"column": name, "value": None, "reason": reason}]
    if scores != stored:
        store.write_scores(run.run_id, run.codes_digest, scores)


def run_entries(store: Source, run: StoredRun) -> list[ScoreEntry]:
    """Return the stored scores of a run, and the notes why there are none."""
    parts = store.entries(run.manifest.run_id, run.codes_digest).values()
    return [entry for entries in parts for entry in entries]


def scalar_scores(store: Source, run: StoredRun) -> dict[str, float]:
    """Return the scores of a run that are numbers, by column; `kl` is the sum over latents."""
    found: dict[str, Any] = {entry.column: entry.value for entry in run_entries(store, run)}
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


def measure_bounds(store: Store, run: StoredRun, requests: Iterable[MetricRequest]) -> None:
    """Compute and store chance and ceiling for runs like this one."""
    arrays = arrays_of(run)
    made = _bound_codes(run, arrays)
    with metrics.shared():
        for request in missing_scores(store, run, requests).values():
            _bounds(store, run, request, made)


def bounds_terms(run: StoredRun) -> str:
    """Return what chance and ceiling depend on, beside the metric."""
    evaluation = run.spec.evaluation.model_dump(mode="json")
    n_latents = len(run.latent_names)
    return json.dumps([run.fingerprint, evaluation, n_latents])


def _bound_codes(run: StoredRun, arrays: Arrays) -> BoundCodes | None:
    """Return what chance and ceiling are computed of, None where there are no factors."""
    n_latents = len(run.latent_names)
    return None if arrays["factors"] is None else BoundCodes(arrays["factors"], n_latents)


def _bounds(
    store: Store, run: StoredRun, request: MetricRequest, made: BoundCodes | None
) -> list[dict[str, Any]]:
    """Return chance and ceiling of each entry: computed once for equal factors.

    Only where a higher value is better do chance and perfection mean anything.
    """
    info = request.info
    n_entries = len(info.variants) * max(1, len(info.outputs))
    if info.higher_is_better is not True or made is None:
        return [{} for _ in range(n_entries)]
    # Labels that are not ranks may have stored bounds from before ranks were used: a new name.
    labels = "" if made.of_ranks else " by rank"
    of = f"{bounds_terms(run)} {request_key(request)}{labels}"
    name = f"levels/{request.name}-{_short(of)}"
    stored = store.read_scores(name, of)
    if len(stored.get("levels", ())) != n_entries:
        found, final = known_bounds(request, made, run.factor_names)
        stored = {"levels": found}
        # Bounds that may succeed at another try are not stored as if they never could.
        if final:
            store.write_scores(name, of, stored)
    bounds: list[dict[str, Any]] = stored["levels"]
    return bounds


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
