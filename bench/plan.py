"""Plan: what is still to be done for a grid in an output folder. Nothing is changed here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .grid import (
    BaseSpec,
    DatasetSpec,
    Execution,
    MetricRequest,
    Pack,
    Precision,
    RunSpec,
    make_packs,
    run_id,
)
from .scoring import missing_scores
from .store import CODES, DamagedError, Store, StoredRun, outdated_runs
from .uncollected import uncollected


@dataclass(frozen=True)
class Plan:
    """What is still to be done for a grid.

    Attributes
    ----------
    specs : dict
        The runs of the grid by id, in its order.
    requests : sequence of MetricRequest
        The metrics that it asks for.
    done : set of str
        The runs that the folder already has.
    pending : list of RunSpec
        The other runs, which are to be made.
    again : dict
        Ids of pending runs that were made before and only lack their codes, with the precision that
        they were computed in.
    runs : list of StoredRun
        All intact runs of the folder, whichever grid they belong to.
    damaged, outdated : dict
        Folders of runs that are to be set aside, with the reason.
    """

    specs: dict[str, RunSpec]
    requests: Sequence[MetricRequest]
    done: set[str]
    pending: list[RunSpec]
    again: dict[str, Precision]
    runs: list[StoredRun]
    damaged: dict[Path, str]
    outdated: dict[Path, str]

    def packs(self, execution: Execution, size: int) -> list[Pack]:
        """Return the pending runs as packs; runs made again keep the precision they had."""
        by_precision: dict[Precision, list[BaseSpec]] = {}
        for spec in self.pending:
            precision = self.again.get(run_id(spec), execution.precision)
            by_precision.setdefault(precision, []).append(spec)
        return [
            pack
            for precision, specs in by_precision.items()
            for pack in make_packs(specs, replace(execution, precision=precision), size)
        ]


@uncollected()
def plan(store: Store | None, specs: Iterable[RunSpec], requests: Sequence[MetricRequest]) -> Plan:
    """Compare the runs of a grid with those in an output folder.

    Parameters
    ----------
    store : Store, optional
        The folder; None if it does not exist yet.
    specs : iterable of RunSpec
        The runs of the grid, in its order.
    requests : sequence of MetricRequest
        Its metrics. A baseline stored without codes is made again if a metric needs them.
    """
    by_id = {run_id(spec): spec for spec in specs}
    datasets = {spec.dataset for spec in by_id.values()}
    runs, damaged, old = _stored(store, datasets) if store is not None else ([], {}, {})
    there = {run.run_id: run for run in runs if run.run_id in by_id}
    again: dict[str, Precision] = {
        identity: run.precision
        for identity, run in there.items()
        if store is not None and not run.has(CODES) and missing_scores(store, run, requests)
    }
    done = there.keys() - again.keys()
    pending = [spec for identity, spec in by_id.items() if identity not in done]
    return Plan(by_id, requests, done, pending, again, runs, damaged, old)


def _stored(
    store: Store, datasets: Collection[DatasetSpec]
) -> tuple[list[StoredRun], dict[Path, str], dict[Path, str]]:
    """Return the intact runs, and the folders of damaged and of outdated ones."""
    runs, damaged = store.scan()
    for run in runs:
        try:
            run.history()
            run.snapshots()
            run.scores_during_training()
        except DamagedError as error:
            damaged[run.folder] = str(error)
    sound = [run for run in runs if run.folder not in damaged]
    reasons = outdated_runs(sound, datasets)
    old = {run.folder: reasons[run.run_id] for run in sound if run.run_id in reasons}
    return [run for run in sound if run.folder not in old], damaged, old
