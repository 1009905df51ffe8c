"""Bring the report of a start up to date: written only if it would say anything else."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from .grid import Grid
from .store import Store, StoredRun, digest_of_sources, note_report, report_is_up_to_date

log = logging.getLogger("disbench")


def update_report(
    store: Store, grid: Grid, runs: Sequence[StoredRun], *, parquet: bool, allow_imports: bool
) -> None:
    """Write tables, figures and page, unless they are up to date.

    Parameters
    ----------
    store : Store
        An output folder that is locked.
    grid : Grid
        The grid of this start.
    runs : sequence of StoredRun
        All runs of the folder, as they were read.
    parquet, allow_imports : bool
        As in `run_grid`.
    """
    there = store.still_there(runs)
    made_from = digest_of_sources(store, there, parquet=parquet)
    # Own figures depend on code that is not watched: they are drawn at every start.
    if not grid.figures and report_is_up_to_date(store, made_from):
        log.info("the report is up to date")
        return
    # Imported here, as importing pages and figures takes half a second of a start that writes none.
    from .report import build

    with _warnings() as found:
        build(store, runs=there, parquet=parquet, allow_imports=allow_imports)
    # What is warned of is said again at the next start.
    if not found:
        note_report(store, made_from)


@contextmanager
def _warnings() -> Iterator[list[logging.LogRecord]]:
    """Collect what is warned of inside the block."""
    found: list[logging.LogRecord] = []

    def keep(record: logging.LogRecord) -> bool:
        if record.levelno >= logging.WARNING:
            found.append(record)
        return True

    log.addFilter(keep)
    try:
        yield found
    finally:
        log.removeFilter(keep)
