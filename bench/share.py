"""Copy an output folder to pass it on: without weights, and as small as it has to be.

    python -m bench.share results/paper-small shared --code-bits 10 --history-rows 200

The copy is an output folder like any other: `python -m bench.report` rebuilds its page, and a start
of its grid with more seeds adds to it. Where codes are rounded, every score of them is computed
again: what the tables say is what the codes beside them give.
"""

from __future__ import annotations

import argparse
import logging
import os
import secrets
import shutil
import sys
from collections.abc import Container, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .curves import coarser, history_text
from .derive import score_stored
from .engines import EngineOptions, open_engine
from .errors import GridError
from .files import DamagedError, WriteError, dump_json, fsync_path, read_json, write_text, writing
from .frames import stored_frames, trained_groups, write_frames
from .report import build
from .requests import metric_requests
from .specs import TrainedSpec
from .store import Store, StoreError, seal
from .stored import CODES, CURVES, SNAPSHOTS, WEIGHTS, Latents, StoredRun, codes_bytes

# A float32 has so many bits of significance.
EXACT = 24


def share(
    folder: str | Path,
    target: str | Path,
    *,
    code_bits: int = EXACT,
    history_rows: int | None = None,
    workers: int = 1,
    allow_imports: bool = False,
) -> Path:
    """Copy an output folder without what can be left out, and build its page.

    Left out are weights, the codes of baselines, what training looked like in those seeds of a
    group that no figure shows, and figures outside of the page.

    Parameters
    ----------
    folder : str or Path
        An output folder.
    target : str or Path
        The copy: a folder that is not there yet.
    code_bits : int
        Significant bits of means and log-variances, 1 to 24; 24 leaves them as they are. With fewer
        bits all scores are computed again, of what the copy has.
    history_rows : int, optional
        Rows of training curves at most; neighbouring windows of steps are averaged. As they are by
        default.
    workers : int
        Scores computed at the same time.
    allow_imports : bool
        Whether the grid may name metrics that are imported from outside of the suite.

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
    if history_rows is not None and history_rows < 1:
        raise ValueError(f"history_rows must be at least 1, not {history_rows}")
    source, target = Store(Path(folder)), Path(target)
    if os.path.lexists(target):
        raise StoreError(f"{target}: is there already; remove it or name another folder")
    staged = target.with_name(f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with writing(target), source.lock():
        try:
            copy = Store(staged, create=True)
            _copy(source, copy, code_bits, history_rows)
            with copy.lock():
                if code_bits < EXACT:
                    _score(copy, workers, allow_imports)
                build(copy)
            # The page has what figures there is room for; the others are drawn from what is here.
            shutil.rmtree(staged / "figures", ignore_errors=True)
            (staged / ".lock").unlink()
            staged.rename(target)
            fsync_path(target.parent)
        finally:
            shutil.rmtree(staged, ignore_errors=True)
    return target / "report.html"


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


def _copy(source: Store, copy: Store, code_bits: int, history_rows: int | None) -> None:
    """Copy runs, and what is derived from them or was noted beside them."""
    runs, damaged = source.scan()
    if damaged:
        reason = next(iter(damaged.values()))
        raise DamagedError(f"{reason}; a start of its grid makes it again")
    pictured = {members[0].run_id for members in trained_groups(runs)}
    for run in runs:
        leave = {WEIGHTS} if run.run_id in pictured else {WEIGHTS, SNAPSHOTS}
        _copy_run(run, copy.folder / "runs" / run.run_id, leave, code_bits, history_rows)
    for name in ("grid.json", "failures", "scores"):
        _copy_there(source.folder / name, copy.folder / name)
    # Decoded with the weights, which the copy has not.
    for name, frames in stored_frames(source, runs):
        maps = rounded(frames.tuning_maps, code_bits)
        write_frames(copy.frames_path(name), replace(frames, tuning_maps=maps))


def _copy_run(
    run: StoredRun, folder: Path, leave: Container[str], code_bits: int, history_rows: int | None
) -> None:
    folder.mkdir(parents=True)
    if run.is_baseline:
        # Its codes are still named, by their checksum: scores are of them.
        write_text(folder / "manifest.json", dump_json(run.manifest))
        return
    for name in run.files:
        if name not in leave:
            shutil.copyfile(run.path(name), folder / name)
    changed: dict[str, int] = run.manifest.get("shared", {})
    # Codes from elsewhere are their checksum: rounded they would be others.
    if code_bits < EXACT and isinstance(run.spec, TrainedSpec):
        changed = {**changed, "code_bits": code_bits}
        codes = run.latents()
        means = rounded(codes.means, code_bits)
        logvars = None if codes.logvars is None else rounded(codes.logvars, code_bits)
        (folder / CODES).write_bytes(
            codes_bytes(Latents(codes.indices, means, logvars, codes.factors), level=9)
        )
    history = run.history()
    if history_rows is not None and history is not None and len(history) > history_rows:
        changed = {**changed, "history_rows": history_rows}
        (folder / CURVES).write_text(history_text(coarser(history, history_rows)), encoding="utf-8")
    seal(folder, {**run.manifest, **({"shared": changed} if changed else {})})


def _copy_there(source: Path, target: Path) -> None:
    """Copy a file or folder, where there is one."""
    if source.is_dir():
        shutil.copytree(source, target)
    elif source.exists():
        shutil.copyfile(source, target)


def _score(store: Store, workers: int, allow_imports: bool) -> None:
    """Compute the scores of all runs that have codes, with the metrics of the grid."""
    path = store.folder / "grid.json"
    if not path.is_file():
        raise StoreError(f"{path}: is missing, so that its metrics are unknown; share exact codes")
    entries = read_json(path)["grid"]["metrics"]
    requests = metric_requests(entries, source=str(path), allow_imports=allow_imports)
    runs = [run for run in store.runs() if run.has(CODES)]
    with open_engine("local", EngineOptions(store.folder, workers)) as engine:
        failed = score_stored(store, runs, runs, requests, engine)
    if failed:
        raise StoreError(f"{store.folder}: {len(failed)} runs could not be scored")


def main(argv: Sequence[str] | None = None) -> int:
    """Copy an output folder and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.share",
        description="Copy an output folder to pass it on, without weights.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="an output folder")
    parser.add_argument("target", type=Path, metavar="COPY", help="a folder that is not there yet")
    parser.add_argument(
        "--code-bits",
        type=int,
        choices=range(1, EXACT + 1),
        default=EXACT,
        metavar="N",
        help=f"significant bits of the codes; {EXACT}, the default, leaves them as they are",
    )
    parser.add_argument("--history-rows", type=int, metavar="N", help="rows of curves at most")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="scores at a time")
    parser.add_argument(
        "--allow-imports",
        action="store_true",
        help="let the grid import metrics it names as package.module:function",
    )
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        page = share(
            options.folder,
            options.target,
            code_bits=options.code_bits,
            history_rows=options.history_rows,
            workers=options.workers,
            allow_imports=options.allow_imports,
        )
    except (StoreError, DamagedError, WriteError, GridError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"report: {page}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
