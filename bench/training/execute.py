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

from ..grid import Pack, group_id, run_id
from ..grid.arguments import CHECKPOINT_SECONDS
from ..store import MADE_WITH, Failure, Result, describe, git_commit, provenance
from .checkpoints import Checkpoints, checkpoint_name
from .context import Context, Scoring
from .process import prepare
from .producers import PRODUCERS

Commit = Callable[[Result | Failure, dict[str, Any]], None]


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
        for spec in pack.specs:
            if run_id(spec) not in statuses:
                failed = Failure(spec, reason, traceback.format_exc())
                commit(failed, _timed(failed, record, started))
                statuses[run_id(spec)] = RunStatus(run_id(spec), reason)
    return list(statuses.values())


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
