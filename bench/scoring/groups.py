"""Score groups: metrics that compare several seeds of one model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..grid import MetricRequest, column_name
from ..store import SCORED_WITH, ScoreEntry, Source, Store, StoredRun, done_keys, versions
from .evaluate import evaluate
from .keys import by_key, group_codes, group_name, missing


def missing_group_scores(
    store: Store, runs: Sequence[StoredRun], requests: Iterable[MetricRequest]
) -> dict[str, MetricRequest]:
    """Return the requests that a group has no stored scores of; a new seed makes them missing."""
    if len(runs) < 2:
        return {}
    done = done_keys(store.entries(group_name(runs), group_codes(runs)))
    return missing(by_key("group", requests), done)


def score_group(store: Store, runs: Sequence[StoredRun], requests: Iterable[MetricRequest]) -> None:
    """Compute and store what is missing of the scores that a group's runs have of one another."""
    codes = [run.latents() for run in runs]
    without = any(code.logvars is None for code in codes)
    arrays = {
        "means": [code.means for code in codes],
        "logvars": None if without else [code.logvars for code in codes],
    }
    scores = store.read_scores(group_name(runs), group_codes(runs))
    for key, request in missing_group_scores(store, runs, requests).items():
        columns = [column_name(request, "", {})] * len(runs)
        entries = evaluate(request.info, request.options, arrays, columns)
        common = {"options": request.options, "versions": versions(SCORED_WITH)}
        scores[key] = [
            {**entry, **common, "run_id": run.run_id}
            for run, entry in zip(runs, entries, strict=True)
        ]
    store.write_scores(group_name(runs), group_codes(runs), scores)


def read_group_scores(store: Source, runs: Sequence[StoredRun]) -> dict[str, list[ScoreEntry]]:
    """Return what a group's runs score by one another: run id to entries."""
    # Where folders are joined, a run may have another id there than it is stored under.
    ids = {run.manifest.run_id: run.run_id for run in runs}
    found: dict[str, list[ScoreEntry]] = {}
    for entries in store.entries(group_name(runs), group_codes(runs)).values():
        for entry in entries:
            found.setdefault(ids.get(str(entry.run_id), ""), []).append(entry)
    return found
