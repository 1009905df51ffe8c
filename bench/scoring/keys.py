"""The names that scores are stored under."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence

from ..grid import MetricRequest, metric_requests
from ..store import NOTE, Store, StoredRun

# KL, σ and use of the latents are there whatever a grid asks for.
ALWAYS = tuple(
    MetricRequest(name=name)
    for name in ("kl_per_dimension", "posterior_std_per_dimension", "active_units")
)


def request_key(request: MetricRequest) -> str:
    """Return the key that a request's scores are stored under.

    That of an own metric has the digest of its source: after a change there is no score yet.
    """
    foreign = [request.function] if request.function else []
    return json.dumps([request.name, request.options, *foreign], sort_keys=True)


def of_scope(scope: str, requests: Iterable[MetricRequest]) -> list[MetricRequest]:
    """Return the requests whose metrics are of single runs ("run"), or of several ("group")."""
    return [request for request in requests if request.info.level == scope]


def by_key(scope: str, requests: Iterable[MetricRequest]) -> dict[str, MetricRequest]:
    """Return the requests of a scope by the keys of their scores; of runs, with `ALWAYS` first."""
    wanted = [*ALWAYS, *requests] if scope == "run" else requests
    return {request_key(request): request for request in of_scope(scope, wanted)}


def missing(wanted: Mapping[str, MetricRequest], done: Collection[str]) -> dict[str, MetricRequest]:
    """Return the requests whose keys are not among those that are done, by their keys."""
    return {key: request for key, request in wanted.items() if key not in done}


def superseded(requests: Iterable[MetricRequest], keys: Iterable[str]) -> list[str]:
    """Return the keys of scores by another source, or another function, of the own metrics here.

    A column has the scores of one source. What was stored before there were digests is by another.
    """
    ours = {request.name: request_key(request) for request in requests if request.function}
    if not ours:
        return []
    names = {key: json.loads(key)[0] for key in keys if not key.startswith(NOTE)}
    return [key for key, name in names.items() if name in ours and key != ours[name]]


def variants_name(run: StoredRun) -> str:
    """Return the name of what else goes by the names of a run's scores."""
    return f"variants/{run.manifest.run_id}"


def group_name(runs: Sequence[StoredRun]) -> str:
    """Return the name of what a group's runs score by one another."""
    return f"groups/{runs[0].manifest.group_id}-{runs[0].precision}"


def group_codes(runs: Sequence[StoredRun]) -> str:
    """Return what a group's scores are of: a new or another member makes them stale."""
    return " ".join(run.codes_digest for run in runs)


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
        keys.update(dict.fromkeys(store.read_scores(group_name(runs), group_codes(runs))))
    # Every run has these, asked for or not.
    for request in ALWAYS:
        keys.pop(request_key(request), None)
    found = []
    for key in keys:
        if key.startswith(NOTE):
            continue
        name, options, *foreign = json.loads(key)
        entries = {name: foreign[0]} if foreign else [{"name": name, **options}]
        found += metric_requests(entries, str(store.folder / "scores"), allow_imports=allow_imports)
    return found
