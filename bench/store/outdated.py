"""Find runs of images that have changed since: their dataset's drawing or file did. No torch."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable

from ..grid import Codes, DatasetSpec
from .stored_run import StoredRun

log = logging.getLogger("disbench")


def outdated_runs(
    runs: Iterable[StoredRun], importable: Collection[DatasetSpec] = ()
) -> dict[str, str]:
    """Return the runs whose dataset has other images today than when they were made.

    Parameters
    ----------
    runs : iterable of StoredRun
        Of any datasets. The fingerprint of each dataset is taken once. Codes that were made
        elsewhere have their own factors with them, and are never outdated.
    importable : collection of DatasetSpec
        The datasets by own code that may be imported. Others of that kind are left alone: a folder
        is data, and their source is part of what they are.

    Returns
    -------
    dict
        Run id to reason. A run whose dataset cannot be loaded here is left alone, with a warning.
    """
    today: dict[DatasetSpec, str | None] = {}
    reasons = {}
    for run in runs:
        if isinstance(run.spec, Codes):
            continue
        reference = run.spec.dataset
        if reference.is_own and reference not in importable:
            continue
        if reference not in today:
            today[reference] = _fingerprint(reference)
        now, then = today[reference], run.fingerprint
        if now is not None and now != then:
            reasons[run.run_id] = (
                f"it was made of other images: {reference.name} was {then} and is now {now}"
            )
    return reasons


def _fingerprint(reference: DatasetSpec) -> str | None:
    try:
        return reference.load(allow_imports=reference.is_own).fingerprint
    except (ValueError, TypeError, OSError) as error:
        log.warning(
            "%s: cannot check whether its runs are of today's images: %s", reference.name, error
        )
        return None
