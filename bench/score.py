"""Stored latents -> scores. Its own task, without torch: a new metric never trains anything."""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Iterable
from typing import Any

from ._siblings import datasets, metrics
from .config import MetricRequest
from .store import Store, StoredRun

# The columns `kl` and `active_units` are there whatever a grid asks for.
ALWAYS = (MetricRequest(name="kl_per_dimension"), MetricRequest(name="active_units"))


def missing_scores(
    store: Store, run_id: str, requests: Iterable[MetricRequest]
) -> dict[str, MetricRequest]:
    """Return the requests that a run has no stored scores of, by the key they are stored under."""
    scores = store.read_scores(run_id)
    wanted = {_key(request): request for request in (*ALWAYS, *requests)}
    return {key: request for key, request in wanted.items() if key not in scores}


def score_run(store: Store, run: StoredRun, requests: Iterable[MetricRequest]) -> None:
    """Compute and store what is missing of a run's scores.

    Raises
    ------
    DamagedError
        If the run's codes are not what was committed.
    """
    latents = run.latents()
    reference = run.spec.dataset
    dataset = datasets.load(reference.name, **reference.options)
    available = {
        "means": latents.means,
        "logvars": latents.logvars,
        "factors": dataset.factors(latents.indices),
    }
    scores = store.read_scores(run.run_id)
    for key, request in missing_scores(store, run.run_id, requests).items():
        scores[key] = [
            _score(request, suffix, dict(fixed), available)
            for suffix, fixed in metrics.METRICS[request.name].variants
        ]
    store.write_scores(run.run_id, scores)


def _key(request: MetricRequest) -> str:
    return json.dumps([request.name, request.options], sort_keys=True)


def _score(
    request: MetricRequest, suffix: str, fixed: dict[str, Any], available: dict[str, Any]
) -> dict[str, Any]:
    """Return one variant of a metric as plain JSON values."""
    info = metrics.METRICS[request.name]
    chosen = [f"{key}_{value}" for key, value in sorted(request.options.items())]
    options = {**request.options, **fixed}
    column = "_".join(part for part in (request.name, suffix, *chosen) if part)
    score: dict[str, Any] = {"column": column, "options": options, "value": None, "reason": None}
    if fixed.get("estimator") == "posterior":
        options = {**options, "logvars": available["logvars"]}
    needed = [*info.requires, *(["logvars"] if "logvars" in options else [])]
    absent = [name for name in needed if available[name] is None]
    if absent:
        return {**score, "reason": f"the run has no {absent[0]}"}
    started = time.monotonic()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", metrics.MetricWarning)
        try:
            value = info.function(*(available[name] for name in info.requires), **options)
        except ValueError as error:
            return {**score, "reason": str(error)}
    score["warnings"] = [str(w.message) for w in caught]
    score["seconds"] = round(time.monotonic() - started, 3)
    score["value"] = value.tolist() if hasattr(value, "tolist") else value
    return score
