"""Copy an output folder to pass it on: without most weights, and as small as it has to be.

    disbench share results/paper-small shared --code-bits 10 --history-rows 200

The copy is an ordinary output folder: `disbench report` rebuilds its page, and its grid with
more seeds adds runs to it. Where codes are rounded, all their scores are computed again, so that
tables and codes agree.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .commands import command, say
from .engines import EngineOptions, open_engine
from .grid import MetricRequest, TrainedSpec, arguments as given
from .options.share import EXACT, LEAST_ROWS, parser
from .report import build
from .scoring import missing_scores, score_stored, scored_requests, superseded
from .store import (
    CODES,
    CURVES,
    SNAPSHOTS,
    WEIGHTS,
    DamagedError,
    Frames,
    Latents,
    Store,
    StoredRun,
    StoreError,
    clear,
    coarser,
    codes_bytes,
    dump_json,
    fsync_path,
    history_text,
    new_folder,
    read_frames,
    read_json,
    resolved,
    seal,
    shown_runs,
    trained_groups,
    write_frames,
    write_text,
    writing,
)
from .tables import counted

# A float16 has so many.
HALF = 11
# Marks a folder as a copy that is not complete yet.
_MARK = ".unfinished"


def share(
    folder: str | Path,
    target: str | Path,
    *,
    code_bits: int = EXACT,
    history_rows: int | None = None,
    weights: bool = False,
    workers: int = 1,
    allow_imports: bool = False,
) -> Path:
    """Copy an output folder without what can be left out, and build its page.

    Left out are weights (all, or those of all seeds but the lowest), the codes of baselines that
    are scored, what training looked like in those seeds of a group that no figure shows, and
    figures outside of the page. Pictures are those that the exact codes and weights gave.

    Parameters
    ----------
    folder : str or Path
        An output folder, in which its lock can be taken.
    target : str or Path
        The copy: a folder that is not there yet, and not inside of an output folder. While it is
        made it is called `.<name>.unfinished`; one that a killed start left behind is emptied.
    code_bits : int
        Significant bits of means and log-variances, 1 to 24; 24 leaves them as they are. With fewer
        bits all scores that are stored are computed again, of what the copy has.
    history_rows : int, optional
        Rows of training curves at most, 100 or more; neighbouring windows of steps are averaged. As
        they are by default.
    weights : bool
        Whether the lowest seed of every model keeps its weights, in half precision: `load_run`
        reads them. Needs torch.
    workers : int
        Scores computed at the same time.
    allow_imports : bool
        Whether scores may be computed again, and the grid's own figures drawn, by functions from
        outside of the suite.

    Returns
    -------
    Path
        The copy's page.

    Raises
    ------
    StoreError, DamagedError, WriteError, GridError
        If the folder cannot be read or scored, or the copy is there already or cannot be written.
        There is no copy then.
    ValueError
        If a number is out of its range.

    Examples
    --------
    >>> share("results/quick", "shared/quick", code_bits=10)  # doctest: +SKIP
    PosixPath('shared/quick/report.html')
    """
    if not 1 <= code_bits <= EXACT:
        raise ValueError(f"code_bits must be from 1 to {EXACT}, not {code_bits}")
    if history_rows is not None and history_rows < LEAST_ROWS:
        raise ValueError(f"history_rows must be at least {LEAST_ROWS}, not {history_rows}")
    given.check(workers=workers)
    source, target = Store(resolved(_path(folder))), _path(target)
    with source.lock(), _unfinished(target, source.folder) as copy:
        runs = _readable_runs(source)
        rounded_runs = [run for run in runs if code_bits < EXACT and _is_rounded(run)]
        requests = scored_requests(source, trained_groups(runs), allow_imports=allow_imports)
        _copy_runs(source, runs, copy, requests, code_bits, history_rows, weights)
        _copy_records(source, copy)
        _copy_frames(source, runs, copy, code_bits)
        chosen = {run.run_id for run in rounded_runs}
        chosen |= {run.run_id for run in runs if _is_of_no_source(source, run, requests)}
        _score(copy, chosen, requests, workers)
        build(copy, allow_imports=allow_imports)
    return target / "report.html"


@contextmanager
def _unfinished(target: Path, source: Path) -> Iterator[Store]:
    """Yield an empty output folder beside the target, and rename it to the target on success.

    One that was left behind by a copy that was killed is cleared and used again: it has a mark.
    """
    target = new_folder(target)
    folder = target.with_name(f".{target.name}.unfinished")
    if os.path.islink(folder):
        raise StoreError(f"{folder}: is a link; remove it or name another folder")
    if folder == source or folder in source.parents:
        raise StoreError(f"{source}: lies where the copy is made; name another folder")
    mark = folder / _MARK
    left = {*os.listdir(folder)} - {"store.json", ".lock"} if os.path.isdir(folder) else set()
    if left and _MARK not in left:
        raise StoreError(f"{folder}: was not left behind by a copy; move it or name another folder")
    copy = Store(folder, create=True)
    with copy.lock():
        try:
            if _MARK not in left:
                with writing(mark):
                    # Not through a link that has come there meanwhile.
                    mark.touch(exist_ok=False)
            clear(copy.folder, lambda name: name not in ("store.json", ".lock", _MARK))
            yield copy
            # The page has what figures there is room for; the others are drawn from what is here.
            clear(copy.folder, lambda name: name == "figures")
            with writing(target):
                (copy.folder / ".lock").unlink()
                mark.unlink()
                copy.folder.rename(target)
                fsync_path(target.parent)
        finally:
            shutil.rmtree(copy.folder, ignore_errors=True)


def _path(path: str | Path) -> Path:
    try:
        return given.path(path)
    except ValueError as error:
        raise StoreError(f"{path}: {error}") from None


def rounded(values: NDArray[np.float32], bits: int) -> NDArray[np.float32]:
    """Return values rounded to so many significant bits.

    Examples
    --------
    >>> rounded(np.float32([1.0, 1.1, -0.011]), 3)
    array([ 1.        ,  1.        , -0.01171875], dtype=float32)
    """
    fraction, exponent = np.frexp(values)
    nearest: NDArray[np.float32] = np.ldexp(np.rint(np.ldexp(fraction, bits)), exponent - bits)
    return nearest


def _readable_runs(source: Store) -> list[StoredRun]:
    runs, damaged = source.scan()
    if damaged:
        reason = next(iter(damaged.values()))
        raise DamagedError(f"{reason}; a start of its grid makes it again")
    return runs


def _is_rounded(run: StoredRun) -> bool:
    # Codes from elsewhere are their checksum: rounded they would be others.
    return isinstance(run.spec, TrainedSpec)


def _is_of_no_source(source: Store, run: StoredRun, requests: Sequence[MetricRequest]) -> bool:
    """Return whether own metrics scored a run before scores had digests, so that none is known."""
    return run.has(CODES) and bool(superseded(requests, source.scored(run).done))


def _copy_runs(
    source: Store,
    runs: Sequence[StoredRun],
    copy: Store,
    requests: Sequence[MetricRequest],
    code_bits: int,
    history_rows: int | None,
    weights: bool,
) -> None:
    pictured = {members[0].run_id for members in trained_groups(runs)}
    for run in runs:
        folder = copy.run_folder(run.run_id)
        folder.mkdir(parents=True)
        # In a copy its codes may be left out already, whatever is not scored yet.
        if not run.has(CODES) or (run.is_baseline and not missing_scores(source, run, requests)):
            # Its codes are still named, by their checksum: its scores are of them.
            write_text(folder / "manifest.json", dump_json(read_json(run.folder / "manifest.json")))
            continue
        leave = set() if run.run_id in pictured else {WEIGHTS, SNAPSHOTS}
        leave |= set() if weights else {WEIGHTS}
        _copy_run(run, folder, leave, code_bits if _is_rounded(run) else EXACT, history_rows)


def _copy_run(
    run: StoredRun, folder: Path, leave: Container[str], code_bits: int, history_rows: int | None
) -> None:
    for name in run.files:
        if name not in leave:
            (folder / name).write_bytes(_half(run) if name == WEIGHTS else run.content(name))
    manifest = read_json(run.folder / "manifest.json")
    shared: dict[str, int] = manifest.get("shared", {})
    if WEIGHTS in run.files and WEIGHTS not in leave:
        shared = {**shared, "weight_bits": HALF}
    if code_bits < (run.manifest.shared.code_bits or EXACT):
        shared = {**shared, "code_bits": code_bits}
        codes = run.latents()
        means = rounded(codes.means, code_bits)
        logvars = None if codes.logvars is None else rounded(codes.logvars, code_bits)
        (folder / CODES).write_bytes(
            codes_bytes(Latents(codes.indices, means, logvars, codes.factors), level=9)
        )
    history = run.history()
    if history_rows is not None and history is not None and len(history) > history_rows:
        shared = {**shared, "history_rows": history_rows}
        (folder / CURVES).write_text(history_text(coarser(history, history_rows)), encoding="utf-8")
    seal(folder, {**manifest, **({"shared": shared} if shared else {})})


def _half(run: StoredRun) -> bytes:
    # Torch takes seconds to load, and most copies have no weights.
    from .models.weights import NO_WEIGHTS, halved

    try:
        return halved(run.content(WEIGHTS))
    except NO_WEIGHTS as error:
        raise DamagedError(f"{run.folder / WEIGHTS}: holds no weights: {error}") from None


def _copy_records(source: Store, copy: Store) -> None:
    """Copy scores, failures and the grid: what is ours and undamaged, and nothing else."""
    for pattern in ("grid.json", "failures/*.json", "scores/*.json", "scores/*/*.json"):
        for path in source.folder.glob(pattern):
            try:
                body = read_json(path)
            except (OSError, DamagedError) as error:
                logging.warning("left out: %s", error)
                continue
            write_text(copy.folder / path.relative_to(source.folder), dump_json(body))


def _copy_frames(source: Store, runs: Sequence[StoredRun], copy: Store, code_bits: int) -> None:
    """Copy the pictures that were decoded with the weights, which the copy has not."""
    for run in shown_runs(source, runs):
        frames: Frames | None = read_frames(source.frames_path(run.run_id))
        if frames is not None:
            maps = rounded(frames.tuning_maps, code_bits)
            codes = None if frames.codes is None else rounded(frames.codes, code_bits)
            frames = replace(frames, tuning_maps=maps, codes=codes)
            write_frames(copy.frames_path(run.run_id), frames)
        elif run.has(WEIGHTS):
            raise StoreError(
                f"{source.folder}: has no pictures of run {run.run_id} yet, and the copy will have "
                f"no weights to make them with; start its grid once more"
            )


def _score(
    store: Store, names: Container[str], requests: Sequence[MetricRequest], workers: int
) -> None:
    """Compute scores again, of runs whose codes are no longer what they were."""
    runs = store.runs()
    chosen = [run for run in runs if run.run_id in names]
    with open_engine("local", EngineOptions(store.folder, workers)) as engine:
        failed = score_stored(store, runs, chosen, requests, engine)
    if failed:
        raise StoreError(f"{store.folder}: {counted(len(failed), 'run')} could not be scored")


def main(argv: Sequence[str] | None = None) -> int:
    """Copy an output folder and return the exit code."""

    def work() -> int:
        options = parser().parse_args(argv)
        page = share(
            options.folder,
            options.target,
            code_bits=options.code_bits,
            history_rows=options.history_rows,
            weights=options.weights,
            workers=options.workers,
            allow_imports=options.allow_imports,
        )
        say(f"report: {page}")
        return 0

    return command(work, stopped="no copy is left")


if __name__ == "__main__":
    sys.exit(main())
