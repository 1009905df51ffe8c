"""run_grid: every step from a grid to its report, in order."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .callbacks import Callbacks, Summary
from .engines import Crashed, Demand, Engine, EngineInfo, EngineOptions, engine_info
from .engines.progress import aloud, progress
from .grid import (
    BaseSpec,
    Execution,
    Grid,
    Pack,
    TrainedSpec,
    arguments as given,
    expand,
    load_grid,
    metric_requests,
    parse_grid,
    run_id,
    run_name,
)
from .plan import Plan, plan
from .scoring import (
    BackgroundScores,
    drop_superseded,
    each,
    missing_scores,
    scalar_scores,
    score_stored,
    scores_on_the_way,
)
from .store import (
    ON_THE_WAY,
    WEIGHTS,
    DamagedError,
    Failure,
    Store,
    StoredRun,
    dump_json,
    has_frames,
    shown_runs,
    write_text,
)
from .tables import check_parquet, counted
from .training.context import Scoring
from .training.device import settle_device
from .training.pack_size import pack_size
from .update_report import update_report

if TYPE_CHECKING:
    from .training.execute import RunStatus

log = logging.getLogger("disbench")


@aloud()
def run_grid(
    grid: Grid | Mapping[str, Any] | str | Path,
    *,
    out: str | Path | None = None,
    workers: int | None = None,
    execution: Execution | None = None,
    pack: int | None = None,
    engine: str = "local",
    address: str | None = None,
    gpus_per_run: float | None = None,
    slurm: Mapping[str, str | bool] | None = None,
    allow_imports: bool = False,
    checkpoint_seconds: float = given.CHECKPOINT_SECONDS,
    callbacks: Sequence[object] = (),
    parquet: bool = False,
) -> Summary:
    """Train the pending runs of a grid, score them, and write its tables, figures and report.

    How far it is shows as a bar on a terminal and in a notebook, and as log lines of the logger
    "disbench". Where no handler has been set up for these, they are printed to standard error.

    Worker processes do not import the script that calls this: it needs no `if __name__ ==
    "__main__"`.

    Parameters
    ----------
    grid : Grid, mapping, str or Path
        A grid, plain data of the same form, or the path of a grid file.
    out : str or Path, optional
        Output folder, `results/<grid name>` by default.
    workers : int, optional
        Tasks at the same time. On this machine each is a process, and by default everything runs in
        this one; a cluster takes by default as many as it has room for.
    execution : Execution, optional
        Device, precision and threads per model; by default the CPU in float32.
    pack : int, optional
        Models trained together; by default as many as are fastest on this GPU, and one on a CPU.
    engine : str
        Where tasks run, one of `engines.ENGINES`: "local", "ray" or "slurm".
    address : str, optional
        HOST:PORT of the Ray cluster's head node; by default RAY_ADDRESS, or the cluster that this
        machine belongs to.
    gpus_per_run : float, optional
        Share of a GPU that each pack takes on a cluster, 1 by default.
    slurm : mapping, optional
        Options of sbatch for all jobs by their names, without dashes; True for those without a
        value.
    allow_imports : bool
        Whether the grid may import its author's own objectives, architectures, datasets, metrics
        and figures.
    checkpoint_seconds : float
        Time between two checkpoints of a run.
    callbacks : sequence of object
        Objects with some of the methods of `callbacks.Callback`, such as those of `trackers`. They
        are called in this process; their exceptions are logged and stop nothing.
    parquet : bool
        Whether to write every table as Parquet too; needs pyarrow.

    Returns
    -------
    Summary
        Counts and the folder.

    Raises
    ------
    GridError, StoreError, EngineError, InputError
        If the grid, the folder or the engine cannot be used, or pyarrow is missing; nothing has
        been trained then.
    ValueError
        If a callback has none of these methods, or a number or path is not valid.

    Examples
    --------
    >>> summary = run_grid("grids/quick.yaml")  # doctest: +SKIP
    >>> summary.report                          # doctest: +SKIP
    PosixPath('results/quick/report.html')
    """
    listeners = Callbacks(callbacks)
    execution = execution or Execution()
    given.check(
        out=out,
        workers=workers,
        threads=execution.threads,
        pack=pack,
        gpus_per_run=gpus_per_run,
        slurm=slurm,
        checkpoint_seconds=checkpoint_seconds,
    )
    if parquet:
        check_parquet()
    where = engine_info(engine)
    several = (workers or 1) > 1
    grid = _validated(grid, allow_imports)
    specs = expand(grid, allow_imports=allow_imports)
    requests = metric_requests(grid.metrics, allow_imports=allow_imports)
    store = Store(given.path(out) if out else Path("results") / grid.name, create=True)
    options = EngineOptions(
        store.folder, workers, address, gpus_per_run, given.sbatch_options(slurm or {})
    )
    with store.lock(), where.open(options) as machines:
        todo = plan(store, specs, requests)
        _set_aside(store, todo)
        drop_superseded(store, todo.runs, todo.specs.keys(), requests)
        write_text(store.folder / "grid.json", dump_json({"grid": grid.model_dump(mode="json")}))
        counts = counted(len(specs), "run"), len(todo.done), len(todo.pending)
        log.info("%s: %d done, %d to make", *counts)
        if todo.pending:
            # Now, as a version that is installed while models train may not fit this one.
            import_module(".report", __package__)
        scoring = None
        if grid.metrics_at is not None:
            _note_never_scored(todo)
            scoring = Scoring(grid.metrics_at, partial(scores_on_the_way, requests))
        packs = _packs(todo, execution, pack, machines, where)
        listeners.notify("on_start", todo.pending)
        # On this machine a GPU trains one pack at a time, so the other workers are free to score.
        idle = where.is_here and several and _demand(packs).gpu
        with BackgroundScores(store, requests, machines) if idle else nullcontext() as background:
            # Absolute, as a worker on another machine has another working folder.
            call = partial(_execute, store.folder.absolute(), checkpoint_seconds, scoring)
            failed = _make(store, packs, machines, call, listeners, background)
        store.clear_checkpoints()
        runs = store.runs() if todo.pending else todo.runs
        failed |= _score(store, todo, runs, machines, listeners)
        failed |= _decode_shown(store, todo, runs, machines)
        update_report(store, grid, runs, parquet=parquet, allow_imports=allow_imports)
    made = todo.specs.keys() - todo.done - failed
    summary = Summary(store.folder, len(made), len(todo.done), len(failed))
    listeners.notify("on_end", summary)
    return summary


def _validated(grid: Grid | Mapping[str, Any] | str | Path, allow_imports: bool) -> Grid:
    """Return a validated grid, whichever form it was given in."""
    if isinstance(grid, str | Path):
        return load_grid(grid, allow_imports=allow_imports)
    return grid if isinstance(grid, Grid) else parse_grid(grid, allow_imports=allow_imports)


def _set_aside(store: Store, todo: Plan) -> None:
    """Set aside damaged and outdated runs, which are made again."""
    for folder, reason in todo.damaged.items():
        log.warning("set aside %s: %s", store.set_aside(folder), reason)
    for folder, reason in todo.outdated.items():
        log.warning("set aside %s: %s", store.set_aside(folder, "outdated"), reason)


def _note_never_scored(todo: Plan) -> None:
    """Say that runs have no scores on the way: what is done is not trained again for these."""
    without = [
        run
        for run in todo.runs
        if run.run_id in todo.done and isinstance(run.spec, TrainedSpec) and not run.has(ON_THE_WAY)
    ]
    if without:
        log.warning(
            "metrics_at: %d of the runs that are done were trained without it, and have no scores "
            "on the way; a start with another --out trains them again",
            len(without),
        )


def _packs(
    todo: Plan, execution: Execution, size: int | None, engine: Engine, where: EngineInfo
) -> list[Pack]:
    """Return the pending runs as packs, of the size that trains fastest."""
    if not todo.pending:
        return []
    how = settle_device(execution, engine)
    # This machine knows nothing about a cluster's GPUs.
    best = pack_size(todo.pending, how) if size is None and where.is_here else 1
    return todo.packs(how, size or best)


def _make(
    store: Store,
    packs: Sequence[Pack],
    engine: Engine,
    call: Callable[..., list[RunStatus]],
    listeners: Callbacks,
    background: BackgroundScores | None,
) -> set[str]:
    """Run all packs, commit their results, and return the runs that failed."""
    failed: set[str] = set()
    with progress(
        "train", [_name(pack) for pack in packs], [pack.steps for pack in packs], engine.status
    ) as shown:

        def on_progress(position: int, reported: tuple[Any, ...]) -> None:
            shown.update(position, reported)
            listeners.notify_progress(position, packs[position].specs, *reported[:2])

        for position, answer in engine.run_tasks(
            call, packs, progress=on_progress, demand=_demand(packs)
        ):
            if isinstance(answer, Crashed):
                # Runs that the worker committed before it died are kept.
                lost = [spec for spec in packs[position].specs if not store.has(run_id(spec))]
                reasons = {run_id(spec): str(answer) for spec in lost}
                for spec in lost:
                    store.commit(Failure(spec, str(answer)), {})
            else:
                reasons = {run.run_id: run.failure for run in answer if run.failure is not None}
            failed |= reasons.keys()
            for spec in packs[position].specs:
                _notify_outcome(store, spec, reasons.get(run_id(spec)), listeners)
            if background is not None:
                background.add([name for name in packs[position].run_ids if name not in reasons])
            shown.end(position, next(iter(reasons.values()), None))
    return failed


def _score(
    store: Store, todo: Plan, runs: Sequence[StoredRun], engine: Engine, listeners: Callbacks
) -> set[str]:
    """Score the grid's runs, announce those with new scores, and return those that failed."""
    ours = [run for run in runs if run.run_id in todo.specs]
    # With ten thousand runs this takes seconds, so it is done only for callbacks.
    unscored = [
        run
        for run in ours
        if listeners
        and todo.requests
        and (run.run_id not in todo.done or missing_scores(store, run, todo.requests))
    ]
    failed = score_stored(store, runs, ours, todo.requests, engine)
    for run in unscored:
        if run.run_id not in failed:
            listeners.notify("on_scores", run, scalar_scores(store, run))
    return failed


def _decode_shown(store: Store, todo: Plan, runs: Sequence[StoredRun], engine: Engine) -> set[str]:
    """Decode the pictures of the models that the report shows; return the runs that failed."""
    there = store.still_there(runs)
    undecoded = [
        run
        for run in shown_runs(store, there)
        if run.run_id in todo.specs and run.has(WEIGHTS) and not has_frames(store, run)
    ]
    return each(store, "decode", _decode, [(run,) for run in undecoded], engine)


def _demand(packs: Sequence[Pack]) -> Demand:
    """Return what each pack needs of a machine; all packs are executed alike."""
    execution = packs[0].execution if packs else Execution()
    return Demand(execution.threads, gpu=execution.device == "cuda")


def _notify_outcome(store: Store, spec: BaseSpec, reason: str | None, listeners: Callbacks) -> None:
    """Notify callbacks of the result or the failure of a run."""
    if reason is not None:
        listeners.notify("on_failure", spec, reason)
        return
    try:
        run = store.run(run_id(spec))
    except DamagedError as error:
        log.warning("%s", error)
        return
    listeners.notify("on_result", run)


def _execute(
    folder: Path,
    checkpoint_seconds: float,
    scoring: Scoring | None,
    pack: Pack,
    report: Callable[..., None],
) -> list[RunStatus]:
    # Imported here, so that only the process that trains loads torch.
    from .training.execute import execute

    store = Store(folder)
    return execute(pack, store.commit, report, store.checkpoints, checkpoint_seconds, scoring)


def _decode(store: Store, runs: Sequence[StoredRun]) -> None:
    from .models.decode import decode_run

    decode_run(store, runs[0])


def _name(pack: Pack) -> str:
    alone = run_name(pack.specs[0])
    return alone if len(pack.specs) == 1 else f"{alone} and {len(pack.specs) - 1} more"
