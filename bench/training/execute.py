"""execute(pack, commit): the one function that an engine calls to train and commit a pack."""

from __future__ import annotations

import platform
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from ..grid import BaseSpec, OwnVAESpec, Pack, group_id, is_pinned, run_id
from ..grid.arguments import CHECKPOINT_SECONDS
from ..store import MADE_WITH, Failure, Result, WriteError, describe, git_commit, provenance
from .checkpoints import Checkpoints, checkpoint_name
from .context import Context, Scoring
from .process import prepare
from .producers import PRODUCERS

Commit = Callable[[Result | Failure, dict[str, Any]], None]
# Members of a pack fail so together, and would again; or the machine did.
_OF_NO_MEMBER = (MemoryError, torch.cuda.OutOfMemoryError, WriteError)


@dataclass(frozen=True)
class RunStatus:
    """What became of a run, in a line."""

    run_id: str
    failure: str | None = None


def execute(
    pack: Pack,
    commit: Commit,
    report: Callable[..., None],
    scratch: Path | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    scoring: Scoring | None = None,
) -> list[RunStatus]:
    """Make and commit the results of a pack; an exception is recorded, never raised.

    Where own code fails in a pack it may be that of one member, so each is made again, alone.

    Parameters
    ----------
    pack : Pack
        The runs. What they have of own code is imported: their grid was allowed to.
    commit : callable
        Takes every Result or Failure as it comes, with the record of its execution.
    report : callable
        Takes (model-steps done, latest loss), after training also what is being done.
    scratch : Path, optional
        Folder for checkpoints; without it none are kept.
    checkpoint_seconds : float
        Time between two checkpoints.
    scoring : Scoring, optional
        How what is trained is scored on the way. It changes nothing of what is trained.

    Returns
    -------
    list of RunStatus
        One for each member of the pack.
    """
    started = time.monotonic()
    statuses: dict[str, RunStatus] = {}
    again: list[BaseSpec] = []
    record: dict[str, Any] = {"versions": versions(), "git_commit": git_commit()}
    try:
        record["execution"] = _execution(pack)
        prepare(pack.execution)
        dataset = pack.specs[0].dataset.load(allow_imports=True)
        record["dataset"] = describe(dataset)
        name = checkpoint_name(pack, versions(), dataset.fingerprint)
        place = scratch / name if scratch else None
        context = Context(report, Checkpoints(place, seconds=checkpoint_seconds), scoring)
        for outcome in PRODUCERS[pack.specs[0].kind](pack, dataset, context):
            if isinstance(outcome, Result) and outcome.spec.dataset.is_own:
                # Whoever scores the run need not have the dataset's source.
                outcome = replace(outcome, factors=dataset.factors(outcome.indices))
            commit(outcome, _timed(outcome, record, started))
            failure = outcome.reason if isinstance(outcome, Failure) else None
            statuses[run_id(outcome.spec)] = RunStatus(run_id(outcome.spec), failure)
    except (Exception, SystemExit) as error:
        # Own code may even exit.
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        left = [spec for spec in pack.specs if run_id(spec) not in statuses]
        if len(pack.specs) > 1 and _is_own(pack) and not isinstance(error, _OF_NO_MEMBER):
            again = left
        else:
            for spec in left:
                failed = Failure(spec, reason, traceback.format_exc())
                commit(failed, _timed(failed, record, started))
                statuses[run_id(spec)] = RunStatus(run_id(spec), reason)
    # Not inside the handler: the error holds the whole pack in memory.
    done = pack.steps - sum(Pack((spec,)).steps for spec in again)
    for spec in again:
        alone = Pack((spec,), pack.execution)
        further = _after(done, report)
        (status,) = execute(alone, commit, further, scratch, checkpoint_seconds, scoring)
        statuses[status.run_id] = status
        done += alone.steps
    return list(statuses.values())


def _is_own(pack: Pack) -> bool:
    """Return whether members of a pack have an objective or an architecture by own code."""
    return any(
        isinstance(spec, OwnVAESpec) or is_pinned(getattr(spec, "architecture", ""))
        for spec in pack.specs
    )


def _after(done: int, report: Callable[..., None]) -> Callable[..., None]:
    """Return what reports model-steps of a pack of which so many were done before."""
    return lambda steps, *further: report(done + steps, *further)


def versions() -> dict[str, str]:
    """Return the versions that a number may depend on."""
    return provenance.versions(MADE_WITH, torch=torch.__version__)


def _execution(pack: Pack) -> dict[str, Any]:
    name = torch.cuda.get_device_name() if pack.execution.device == "cuda" else platform.machine()
    return {**asdict(pack.execution), "device_name": name, "pack": list(pack.run_ids)}


def _timed(outcome: Result | Failure, record: dict[str, Any], started: float) -> dict[str, Any]:
    return {
        **record,
        "group_id": group_id(outcome.spec),
        "duration_seconds": round(time.monotonic() - started, 3),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }
