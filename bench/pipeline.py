"""run_grid: every arrow from a grid to its report, in order."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .callbacks import Callbacks
from .checkpoints import CHECKPOINT_SECONDS
from .config import Grid, expand, load_grid, parse_grid
from .derive import each, score_stored
from .engines.local import Crashed, run_tasks
from .files import DamagedError, dump_json, write_text
from .frames import read_frames, shown_runs
from .outcome import Failure
from .packs import Execution, Pack, make_packs
from .progress import progress
from .report import build
from .requests import metric_requests
from .scoring import missing_scores, scalar_scores
from .specs import BaseSpec, run_id
from .store import Store
from .stored import WEIGHTS, StoredRun, read_run

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
    callbacks: Sequence[object] = (),
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
    callbacks : sequence of object
        Told what happens, in this process: objects with some of the methods of
        `callbacks.Callback`. What they raise is logged and stops nothing.

    Returns
    -------
    Summary
        Counts and the folder.

    Raises
    ------
    GridError, StoreError
        If the grid or the folder cannot be used. Nothing was trained then.
    ValueError
        If a callback has none of the methods of one.

    Examples
    --------
    >>> summary = run_grid("grids/quick.yaml")  # doctest: +SKIP
    >>> summary.report                          # doctest: +SKIP
    PosixPath('results/quick/report.html')
    """
    hearers = Callbacks(callbacks)
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
        hearers.tell("on_start", pending)
        failed = _make(store, packs, workers, checkpoint_seconds, hearers)
        store.clear_checkpoints()
        if pending:
            runs = store.runs()
        made = [run for run in runs if run.run_id in specs]
        # Of ten thousand runs this takes seconds: only where somebody hears of it.
        unscored = [run for run in made if callbacks and missing_scores(store, run, requests)]
        failed |= score_stored(store, runs, made, requests, workers)
        for run in [run for run in unscored if run.run_id not in failed]:
            hearers.tell("on_scores", run, scalar_scores(store, run))
        there = [run for run in runs if store.has(run.run_id)]
        wanted = [run for run in shown_runs(store, there) if run.run_id in specs]
        undecoded = [
            run
            for run in wanted
            if run.has(WEIGHTS) and read_frames(store.frames_path(run.run_id)) is None
        ]
        failed |= each(store, "decode", _decode, [(run,) for run in undecoded], workers)
        build(store, runs=[run for run in runs if store.has(run.run_id)])
    new = {run_id(spec) for spec in pending}
    summary = Summary(store.folder, len(new - failed), len(done), len(failed))
    hearers.tell("on_end", summary)
    return summary


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


def _make(
    store: Store,
    packs: Sequence[Pack],
    workers: int,
    checkpoint_seconds: float,
    hearers: Callbacks,
) -> set[str]:
    """Make the results of all packs; return the runs that failed."""
    failed: set[str] = set()
    with progress(
        "train", [_name(pack) for pack in packs], [pack.steps for pack in packs]
    ) as shown:
        call = partial(_execute, store.folder, checkpoint_seconds)

        def tell(position: int, told: tuple[Any, ...]) -> None:
            shown.tell(position, told)
            hearers.tell_progress(position, packs[position].specs, *told)

        for position, answer in run_tasks(call, packs, workers=workers, progress=tell):
            if isinstance(answer, Crashed):
                # What the worker committed before it died is there.
                lost = [spec for spec in packs[position].specs if not store.has(run_id(spec))]
                reasons = {run_id(spec): str(answer) for spec in lost}
                for spec in lost:
                    store.commit(Failure(spec, str(answer)), {})
            else:
                reasons = {o.run_id: o.failure for o in answer if o.failure is not None}
            failed |= reasons.keys()
            for spec in packs[position].specs:
                _tell_outcome(store, spec, reasons.get(run_id(spec)), hearers)
            shown.end(position, next(iter(reasons.values()), None))
    return failed


def _tell_outcome(store: Store, spec: BaseSpec, reason: str | None, hearers: Callbacks) -> None:
    """Tell callbacks what became of a run."""
    if reason is not None:
        hearers.tell("on_failure", spec, reason)
        return
    try:
        run = read_run(store.folder / "runs" / run_id(spec))
    except DamagedError as error:
        log.warning("%s", error)
        return
    hearers.tell("on_result", run)


def _execute(
    folder: Path, checkpoint_seconds: float, pack: Pack, tell: Callable[..., None]
) -> list[Outcome]:
    # Torch is loaded by whoever trains, not by whoever looks.
    from .execute import execute

    store = Store(folder)
    return execute(pack, store.commit, tell, store.checkpoints, checkpoint_seconds)


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
