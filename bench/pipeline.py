"""run_grid: every arrow from a grid to its report, in order."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .checkpoints import CHECKPOINT_SECONDS
from .config import Grid, expand, load_grid, parse_grid
from .engines.local import Crashed, run_tasks
from .files import DamagedError, dump_json, write_text
from .frames import read_frames, shown_runs, trained_groups
from .outcome import Failure
from .packs import Execution, Pack, make_packs
from .progress import progress
from .report import build
from .requests import MetricRequest, metric_requests
from .score import (
    compare_run,
    level_terms,
    measure_levels,
    missing_comparisons,
    missing_group_scores,
    missing_scores,
    score_group,
    score_run,
)
from .specs import run_id
from .store import Store
from .stored import StoredRun, read_run

if TYPE_CHECKING:
    from .execute import Outcome

log = logging.getLogger("disbench")


@dataclass(frozen=True)
class Summary:
    """What a start of a grid did.

    Attributes
    ----------
    folder : Path
        The output folder.
    trained, already_done, failed : int
        Runs made now, runs that were there, and runs that could not be made or scored.
    """

    folder: Path
    trained: int
    already_done: int
    failed: int

    @property
    def report(self) -> Path:
        """The page that shows everything."""
        return self.folder / "report.html"


def run_grid(
    grid: Grid | Mapping[str, Any] | str | Path,
    *,
    out: str | Path | None = None,
    workers: int = 1,
    execution: Execution | None = None,
    pack: int = 1,
    allow_imports: bool = False,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> Summary:
    """Train what is not yet done of a grid, score it, and write its tables, figures and report.

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
    allow_imports : bool
        Whether the grid may name metrics that are imported from outside of the suite.
    checkpoint_seconds : float
        Time between two checkpoints of a run.

    Returns
    -------
    Summary
        Counts and the folder.

    Raises
    ------
    GridError, StoreError
        If the grid or the folder cannot be used. Nothing was trained then.

    Examples
    --------
    >>> summary = run_grid("grids/quick.yaml")  # doctest: +SKIP
    >>> summary.report                          # doctest: +SKIP
    PosixPath('results/quick/report.html')
    """
    if isinstance(grid, str | Path):
        grid = load_grid(grid, allow_imports=allow_imports)
    elif not isinstance(grid, Grid):
        grid = parse_grid(grid, allow_imports=allow_imports)
    specs = {run_id(spec): spec for spec in expand(grid)}
    requests = metric_requests(grid.metrics, allow_imports=allow_imports)
    store = Store(Path(out) if out else Path("results") / grid.name, create=True)
    with store.lock():
        runs = _sound_runs(store)
        write_text(store.folder / "grid.json", dump_json({"grid": grid.model_dump(mode="json")}))
        done = {run.run_id for run in runs} & specs.keys()
        pending = [spec for identity, spec in specs.items() if identity not in done]
        log.info("%d runs: %d done, %d to make", len(specs), len(done), len(pending))
        packs = make_packs(pending, settled(execution or Execution()), pack) if pending else []
        failed = _make(store, packs, workers, checkpoint_seconds)
        store.clear_checkpoints()
        if pending:
            runs = store.runs()
        made = [run for run in runs if run.run_id in specs]
        failed |= _score(store, runs, made, requests, workers)
        there = [run for run in runs if store.has(run.run_id)]
        wanted = [run for run in shown_runs(store, there) if run.run_id in specs]
        undecoded = [r for r in wanted if read_frames(store.frames_path(r.run_id)) is None]
        failed |= _each(store, "decode", _decode, [(run,) for run in undecoded], workers)
        build(store)
    new = {run_id(spec) for spec in pending}
    return Summary(store.folder, len(new - failed), len(done), len(failed))


def _sound_runs(store: Store) -> list[StoredRun]:
    """Return the committed runs that tables can be made of; set the others aside."""
    runs, damaged = store.scan()
    for run in runs:
        try:
            run.history()
            run.snapshots()
        except DamagedError as error:
            damaged[run.folder] = str(error)
    for folder, reason in damaged.items():
        log.warning("set aside %s: %s", store.set_aside(folder), reason)
    return [run for run in runs if run.folder not in damaged]


def _make(store: Store, packs: Sequence[Pack], workers: int, checkpoint_seconds: float) -> set[str]:
    """Make the results of all packs; return the runs that failed."""
    failed: set[str] = set()
    with progress(
        "train", [_name(pack) for pack in packs], [pack.steps for pack in packs]
    ) as shown:
        call = partial(_execute, store.folder, checkpoint_seconds)
        for position, answer in run_tasks(call, packs, workers=workers, progress=shown.tell):
            if isinstance(answer, Crashed):
                # What the worker committed before it died is there.
                lost = [spec for spec in packs[position].specs if not store.has(run_id(spec))]
                reasons = {run_id(spec): str(answer) for spec in lost}
                for spec in lost:
                    store.commit(Failure(spec, str(answer)), {})
            else:
                reasons = {o.run_id: o.failure for o in answer if o.failure is not None}
            failed |= reasons.keys()
            shown.end(position, next(iter(reasons.values()), None))
    return failed


def _score(
    store: Store,
    stored: Sequence[StoredRun],
    runs: Sequence[StoredRun],
    requests: Sequence[MetricRequest],
    workers: int,
) -> set[str]:
    """Score runs, what else goes by the scores' names, and groups; return the runs that failed."""
    unscored = [run for run in runs if missing_scores(store, run, requests)]
    # Chance and ceiling are those of many runs: once each, before all need them at the same time.
    alike = {level_terms(run): run for run in unscored}
    call = partial(_of_run, measure_levels, requests)
    failed = _each(store, "levels", call, [[run] for run in alike.values()], workers)
    unscored = [run for run in unscored if run.run_id not in failed]
    call = partial(_of_run, score_run, requests)
    failed |= _each(store, "score", call, [[run] for run in unscored], workers)
    # A group is all that the store has of it, as tables will have it, not this grid's part.
    mine = {run.run_id for run in runs}
    there = [run for run in stored if store.has(run.run_id)]
    groups = [group for group in trained_groups(there) if mine & {run.run_id for run in group}]
    shown = [
        [run]
        for run in shown_runs(store, there)
        if run.run_id in mine and missing_comparisons(store, run, requests)
    ]
    failed |= _each(store, "compare", partial(_of_run, compare_run, requests), shown, workers)
    groups = [
        group
        for group in groups
        if not failed & {run.run_id for run in group}
        and missing_group_scores(store, group, requests)
    ]
    return failed | _each(store, "group", partial(_of_group, requests), groups, workers)


def _each(
    store: Store,
    stage: str,
    call: Callable[[Store, Sequence[StoredRun]], None],
    tasks: Sequence[Sequence[StoredRun]],
    workers: int,
) -> set[str]:
    """Derive something from runs, or from groups of them; return the runs where it failed."""
    failed: set[str] = set()
    names = [[run.run_id for run in runs] for runs in tasks]
    shown_names = [
        f"{runs[0].spec.dataset.name} {runs[0].spec.kind} seed {runs[0].spec.seed}"
        for runs in tasks
    ]
    with progress(stage, shown_names, [1] * len(tasks)) as shown:
        task = partial(_derive, call, store.folder)
        for position, answer in run_tasks(task, names, workers=workers, progress=shown.tell):
            if answer is not None:
                failed.update(names[position])
            shown.end(position, None if answer is None else str(answer))
    return failed


def _execute(
    folder: Path, checkpoint_seconds: float, pack: Pack, tell: Callable[..., None]
) -> list[Outcome]:
    # Torch is loaded by whoever trains, not by whoever looks.
    from .execute import execute

    store = Store(folder)
    return execute(pack, store.commit, tell, store.checkpoints, checkpoint_seconds)


def _derive(
    call: Callable[[Store, Sequence[StoredRun]], None],
    folder: Path,
    names: Sequence[str],
    tell: Callable[..., None],
) -> str | None:
    """Call what derives something from stored runs; return why it could not."""
    store = Store(folder)
    try:
        call(store, [read_run(folder / "runs" / name) for name in names])
    except DamagedError as error:
        places = [store.set_aside(place) for place in store.damaged(names)]
        listed = ", ".join(map(str, places))
        return f"{error}; set aside in {listed}, the next start makes it again"
    except Exception as error:
        log.debug("%s", names, exc_info=True)
        return f"{type(error).__name__}: {error}"
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


def _decode(store: Store, runs: Sequence[StoredRun]) -> None:
    from .decode import decode_run

    decode_run(store, runs[0])


def settled(execution: Execution) -> Execution:
    """Settle which device `auto` is, and refuse a card that is not there."""
    if execution.device == "cpu":
        return execution
    import torch

    there = torch.cuda.is_available()
    if execution.device == "cuda" and not there:
        raise DeviceError("--device cuda: torch finds no CUDA device here; use --device cpu")
    return replace(execution, device="cuda" if there else "cpu")


class DeviceError(RuntimeError):
    """The device that was asked for is not there."""


def _name(pack: Pack) -> str:
    first = pack.specs[0]
    alone = f"{first.dataset.name} {first.template.format(**first.model_dump())} seed {first.seed}"
    return alone if len(pack.specs) == 1 else f"{alone} and {len(pack.specs) - 1} more"
