"""Run the scoring of stored runs as tasks of an engine. No torch."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from ..engines import BRIEF, Engine
from ..engines.progress import progress, silence
from ..errors import named
from ..grid import MetricRequest, short_name
from ..store import DamagedError, Store, StoredRun, shown_runs, trained_groups
from ..uncollected import uncollected
from .groups import missing_group_scores, score_group
from .keys import by_key, missing
from .runs import bounds_terms, failed_scores, measure_bounds, score_run
from .variants import missing_variants, score_variants

log = logging.getLogger("disbench")


def score_stored(
    store: Store,
    stored: Sequence[StoredRun],
    runs: Sequence[StoredRun],
    requests: Sequence[MetricRequest],
    engine: Engine,
) -> set[str]:
    """Score runs, what else goes by the scores' names, and groups; return the runs that failed."""
    failed = score_runs(store, runs, requests, engine)
    # A group is all that the store has of it, as tables will have it, not this grid's part.
    mine = {run.run_id for run in runs}
    there = store.still_there(stored)
    groups = [group for group in trained_groups(there) if mine & {run.run_id for run in group}]
    shown = [
        [run]
        for run in shown_runs(store, there)
        if run.run_id in mine and missing_variants(store, run, requests)
    ]
    failed |= each(store, "compare", partial(_of_run, score_variants, requests), shown, engine)
    groups = [
        group
        for group in groups
        if not failed & {run.run_id for run in group}
        and missing_group_scores(store, group, requests)
    ]
    return failed | each(store, "group", partial(_of_group, requests), groups, engine)


def score_runs(
    store: Store,
    runs: Sequence[StoredRun],
    requests: Sequence[MetricRequest],
    engine: Engine,
    *,
    quiet: bool = False,
) -> set[str]:
    """Score runs, each by itself; return those that failed."""
    wanted = by_key("run", requests)
    with uncollected():
        unscored = [run for run in runs if missing(wanted, store.scored(run).done)]
    # Many runs share their bounds, so each is computed once, before all runs need it at once.
    alike = {bounds_terms(run): run for run in unscored}
    call = partial(_of_run, measure_bounds, requests)
    first = [[run] for run in alike.values()]
    failed = each(store, "bounds", call, first, engine, quiet=quiet)
    unscored = [run for run in unscored if run.run_id not in failed]
    call = partial(_of_run, score_run, requests)
    failed |= each(store, "score", call, [[run] for run in unscored], engine, quiet=quiet)
    if not quiet:
        _warn_of_failed(store, [run for run in unscored if run.run_id not in failed])
    return failed


def _warn_of_failed(store: Store, runs: Sequence[StoredRun]) -> None:
    """Warn of metrics that failed for reasons other than the data: nothing else fails with them."""
    reasons: dict[str, list[str]] = {}
    for run in runs:
        for column, reason in failed_scores(store, run).items():
            reasons.setdefault(column, []).append(reason)
    for column, found in reasons.items():
        several = f"{len(found)} runs have" if len(found) > 1 else "a run has"
        log.warning("%s: %s no score: %s; the next start tries again", column, several, found[0])


def each(
    store: Store,
    stage: str,
    call: Callable[[Store, Sequence[StoredRun]], None],
    tasks: Sequence[Sequence[StoredRun]],
    engine: Engine,
    *,
    quiet: bool = False,
) -> set[str]:
    """Derive something from runs, or from groups of them; return the runs where it failed."""
    failed: set[str] = set()
    names = [[run.run_id for run in runs] for runs in tasks]
    shown_names = [
        f"{short_name(runs[0].spec.dataset.name)} {runs[0].spec.kind} seed {runs[0].spec.seed}"
        for runs in tasks
    ]
    bar = progress(stage, shown_names, [1] * len(tasks), engine.status)
    with silence() if quiet else bar as shown:
        task = partial(_derive, call, store.folder.absolute())
        answers = engine.run_tasks(task, names, progress=shown.update, demand=BRIEF)
        for position, answer in answers:
            if answer is not None:
                failed.update(names[position])
            shown.end(position, None if answer is None else str(answer))
    return failed


def _derive(
    call: Callable[[Store, Sequence[StoredRun]], None],
    folder: Path,
    names: Sequence[str],
    report: Callable[..., None],
) -> str | None:
    """Call what derives something from stored runs; return why it could not."""
    store = Store(folder)
    try:
        call(store, [store.run(name) for name in names])
    except DamagedError as error:
        places = [store.set_aside(place) for place in store.damaged(names)]
        if not places:
            return str(error)
        listed = ", ".join(map(str, places))
        return f"{error}; set aside in {listed}, the next start makes it again"
    except (Exception, SystemExit) as error:
        # Own code may even exit.
        log.debug("%s", names, exc_info=True)
        return named(error)
    return None


def _of_run(
    call: Callable[[Store, StoredRun, Sequence[MetricRequest]], None],
    requests: Sequence[MetricRequest],
    store: Store,
    runs: Sequence[StoredRun],
) -> None:
    call(store, runs[0], requests)


def _of_group(requests: Sequence[MetricRequest], store: Store, runs: Sequence[StoredRun]) -> None:
    score_group(store, runs, requests)
