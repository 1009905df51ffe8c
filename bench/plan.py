"""What is to be done for a grid in an output folder. It is looked at, and nothing is changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .grid import BaseSpec, Execution, MetricRequest, Pack, Precision, RunSpec, make_packs, run_id
from .scoring import missing_scores
from .store import CODES, DamagedError, Store, StoredRun, outdated_runs


@dataclass(frozen=True)
class Plan:
    """What is to be done for a grid.

    Attributes
    ----------
    specs : dict
        The runs of the grid by id, in its order.
    requests : sequence of MetricRequest
        The metrics that it asks for.
    done : set of str
        The runs that are in the folder and stay.
    pending : list of RunSpec
        The others, which are to be made.
    again : dict
        Those of `pending` that have been made before and only lack codes, by id, with the precision
        that they were computed in.
    runs : list of StoredRun
        All sound runs of the folder, of whatever grid.
    damaged, outdated : dict
        Folders of runs that do not count, with the reason.
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
        """Return the packs of what is pending, each run in the precision that it once had."""
        by_precision: dict[Precision, list[BaseSpec]] = {}
        for spec in self.pending:
            precision = self.again.get(run_id(spec), execution.precision)
            by_precision.setdefault(precision, []).append(spec)
        return [
            pack
            for precision, specs in by_precision.items()
            for pack in make_packs(specs, replace(execution, precision=precision), size)
        ]


def plan(store: Store | None, specs: Iterable[RunSpec], requests: Sequence[MetricRequest]) -> Plan:
    """Compare the runs of a grid with those that an output folder has.

    Parameters
    ----------
    store : Store, optional
        The folder; None where there is none yet.
    specs : iterable of RunSpec
        The runs of the grid, in its order.
    requests : sequence of MetricRequest
        Its metrics: a baseline whose codes were left out is made again for a new one.
    """
    by_id = {run_id(spec): spec for spec in specs}
    runs, damaged, old = _stored(store) if store is not None else ([], {}, {})
    there = {run.run_id: run for run in runs if run.run_id in by_id}
    again: dict[str, Precision] = {
        identity: run.precision
        for identity, run in there.items()
        if store is not None and not run.has(CODES) and missing_scores(store, run, requests)
    }
    done = there.keys() - again.keys()
    pending = [spec for identity, spec in by_id.items() if identity not in done]
    return Plan(by_id, requests, done, pending, again, runs, damaged, old)


def _stored(store: Store) -> tuple[list[StoredRun], dict[Path, str], dict[Path, str]]:
    """Return the runs that count, and the folders of those that are damaged or outdated."""
    runs, damaged = store.scan()
    for run in runs:
        try:
            run.history()
            run.snapshots()
        except DamagedError as error:
            damaged[run.folder] = str(error)
    sound = [run for run in runs if run.folder not in damaged]
    reasons = outdated_runs(sound)
    old = {run.folder: reasons[run.run_id] for run in sound if run.run_id in reasons}
    return [run for run in sound if run.folder not in old], damaged, old
