"""run_grid: every arrow from a grid to its tables, in order."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .config import Grid, expand, load_grid, metric_requests, parse_grid
from .engines.local import Crashed, run_tasks
from .outcome import Failure
from .packs import Execution, Pack, make_packs
from .score import score_run
from .specs import run_id
from .store import Store
from .tables import write_tables

if TYPE_CHECKING:
    from collections.abc import Callable

    from .execute import Outcome

log = logging.getLogger("disbench")


@dataclass(frozen=True)
class Summary:
    """What a start of a grid did."""

    folder: Path
    trained: int
    already_done: int
    failed: int


def run_grid(
    grid: Grid | Mapping[str, Any] | str | Path,
    *,
    out: str | Path | None = None,
    workers: int = 1,
    execution: Execution | None = None,
    pack: int = 1,
) -> Summary:
    """Train what is not yet done of a grid, score it and write its tables.

    Parameters
    ----------
    grid : Grid, mapping, str or Path
        A grid, plain data of the same form, or the path of a grid file.
    out : str or Path, optional
        Output folder, `results/<grid name>` by default.
    workers : int
        Processes; 1 runs everything in this one.
    execution : Execution, optional
        Device, precision and threads a model; the CPU in float32 by default.
    pack : int
        Models trained together.

    Returns
    -------
    Summary
        Counts and the folder.

    Raises
    ------
    GridError, StoreError
        If the grid or the folder cannot be used. Nothing was trained then.
    """
    if isinstance(grid, str | Path):
        grid = load_grid(grid)
    elif not isinstance(grid, Grid):
        grid = parse_grid(grid)
    specs = {run_id(spec): spec for spec in expand(grid)}
    requests = metric_requests(grid)
    store = Store(Path(out) if out else Path("results") / grid.name, create=True)
    with store.lock():
        runs, damaged = store.scan()
        for folder, reason in damaged.items():
            log.warning("set aside %s: %s", store.set_aside(folder), reason)
        done = {run.run_id for run in runs} & specs.keys()
        pending = [spec for identity, spec in specs.items() if identity not in done]
        packs = make_packs(pending, execution or Execution(), pack)
        log.info("%d runs, %d done, %d to make", len(specs), len(done), len(pending))
        failed = 0
        call = partial(_execute, store.folder)
        for position, answer in run_tasks(call, packs, workers=workers, progress=_quiet):
            if isinstance(answer, Crashed):
                for spec in packs[position].specs:
                    store.commit(Failure(spec, str(answer)), {})
                failed += len(packs[position].specs)
                log.info("failed: %s", answer)
                continue
            for outcome in answer:
                failed += outcome.failure is not None
                log.info("%s %s", outcome.run_id, outcome.failure or "done")
        for run in store.scan()[0]:
            if run.run_id in specs:
                score_run(store, run, requests)
        write_tables(store)
    return Summary(store.folder, len(pending) - failed, len(done), failed)


def _execute(folder: Path, pack: Pack, tell: Callable[..., None]) -> list[Outcome]:
    # Torch is loaded by whoever trains, not by whoever looks.
    from .execute import execute

    return execute(pack, Store(folder).commit, tell)


def _quiet(position: int, told: tuple[Any, ...]) -> None:
    """Leave progress to whoever shows it."""
