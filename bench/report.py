"""Write tables, figures and page from stored runs. All of it is derived and can be deleted.

disbench report results/quick
disbench report alice/quick bob/quick results/mymodel --out leaderboard

The second compares folders of different people in one page, and only reads them.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .analysis import (
    Study,
    diagnosis_frame,
    information_table,
    load_study,
    verdict_frame,
)
from .commands import command, say
from .engines.progress import progress
from .errors import InputError, printable
from .options.report import parser
from .page import latex_files, render, summary_tables
from .plots import FIGURES, Drawn, draw_all, draw_own, save_pdf, save_png, svg_text
from .store import (
    DamagedError,
    Folder,
    Joined,
    ReportFolder,
    Store,
    StoredRun,
    check_grid,
    folder_names,
    join,
    read_json,
    remove,
    write_text,
)
from .tables import Tables, check_parquet, collect_joined, listed, write_table, write_tables

log = logging.getLogger("disbench")


@dataclass(frozen=True)
class Wanted:
    """What is written beside the page, SVG and CSV: checked before any work is done."""

    png: bool = False
    pdf: bool = False
    parquet: bool = False
    allow_imports: bool = False

    def __post_init__(self) -> None:
        if self.parquet:
            check_parquet()


def build(
    store: Store,
    *,
    png: bool = False,
    pdf: bool = False,
    parquet: bool = False,
    runs: Sequence[StoredRun] | None = None,
    tables: Tables | None = None,
    title: str | None = None,
    allow_imports: bool = False,
) -> Path:
    """Write `tables/`, `figures/` and `report.html` from what is stored; return the page's path.

    The same runs give the same bytes: nothing derived holds a time, a host or a path.

    Parameters
    ----------
    store : Store
        An output folder that is locked.
    png : bool
        Whether to write every figure as a PNG of 300 dpi too, for a paper.
    pdf : bool
        Whether to write every figure as a PDF too, for LaTeX.
    parquet : bool
        Whether to write every table as Parquet too; needs pyarrow.
    runs : sequence of StoredRun, optional
        All of its runs, where they have just been read.
    tables : Tables, optional
        What `collect` makes of them, where it just has.
    title : str, optional
        The page's; by default the grid's name.
    allow_imports : bool
        Whether the functions that the grid names for its own figures may be imported; without it
        these figures are left out, and the log says so.
    """
    wanted = Wanted(png, pdf, parquet, allow_imports)
    return _write(store, store, wanted, title=title, grid=_grid(store), runs=runs, tables=tables)


def compare(
    folders: Sequence[Path],
    target: Path,
    *,
    png: bool = False,
    pdf: bool = False,
    parquet: bool = False,
    title: str | None = None,
    allow_imports: bool = False,
) -> Path:
    """Write the report of output folders to a folder of its own; return the page's path.

    The output folders are only read, without their lock, so they may be anybody's, on a disk that
    cannot be written, or that of a grid that is running.

    Parameters
    ----------
    folders : sequence of Path
        Output folders, at least one. Where two have the same run, the first one's counts.
    target : Path
        A new or empty folder, or one that holds such a report.
    png, pdf : bool
        Whether to write every figure as a PNG of 300 dpi or as a PDF too.
    parquet : bool
        Whether to write every table as Parquet too; needs pyarrow.
    title : str, optional
        The page's; by default the names of the folders, or of one folder its grid's.
    allow_imports : bool
        Whether the functions that the grid of a single folder names for its own figures may be
        imported.

    Raises
    ------
    StoreError, DamagedError, WriteError
        If a folder cannot be read or is named twice, or the target is or lies in an output folder,
        holds anything else, or cannot be written.

    Examples
    --------
    >>> compare([Path("alice/quick"), Path("bob/quick")], Path("leaderboard"))  # doctest: +SKIP
    PosixPath('leaderboard/report.html')
    """
    wanted = Wanted(png, pdf, parquet, allow_imports)
    stores = [Store(folder) for folder in folders]
    names = folder_names([store.folder for store in stores])
    report = ReportFolder(target, [store.folder for store in stores])
    with report.lock():
        if len(stores) == 1:
            return _write(stores[0], report, wanted, title=title, grid=_grid(stores[0]))
        return _write(join(stores), report, wanted, title=title or listed(names, most=4))


def _write(
    source: Store | Joined,
    folder: Folder,
    wanted: Wanted,
    *,
    title: str | None = None,
    grid: dict[str, Any] | None = None,
    runs: Sequence[StoredRun] | None = None,
    tables: Tables | None = None,
) -> Path:
    """Write everything that is derived from a source to a folder."""
    # By kind of figure: how many there are of each is known only when they are drawn.
    stages = ("tables", *FIGURES, "page")
    with progress("report", stages, [1] * len(stages)) as shown:
        ended = 0
        if isinstance(source, Joined):
            tables = collect_joined(source)
        study = load_study(source, runs, tables)
        write_all_tables(folder, study, parquet=wanted.parquet)
        drawings = []
        figures = _Figures(folder, wanted)
        for info, drawn in draw_all(study):
            while stages[ended] != info.name:
                shown.end(ended, None)
                ended += 1
            svg = svg_text(drawn.figure)
            figures.write(drawn, svg)
            drawings.append((info.name, drawn, svg))
        references = grid.get("figures", ()) if grid else ()
        own = list(draw_own(study, references, allow_imports=wanted.allow_imports))
        for drawn, svg in own:
            figures.write(drawn, svg)
        figures.remove_others()
        for position in range(ended, len(stages) - 1):
            shown.end(position, None)
        path = folder.folder / "report.html"
        # A copy may lack the grid: then its folder is all that has a name.
        place = "" if isinstance(source, Joined) else printable(source.folder.name)
        write_text(path, render(study, grid, drawings, title, place, own))
        shown.end(len(stages) - 1, None)
    return path


def write_all_tables(store: Folder, study: Study, *, parquet: bool = False) -> None:
    """Write everything that is in `tables/`."""
    write_tables(store, study.tables, parquet=parquet)
    further = {
        "claims": verdict_frame(study.claims),
        "doctor": diagnosis_frame(study.diagnoses),
        "published": study.published,
        "ball_latents": study.ball_latents,
        "information": information_table(study),
        "utilisation": study.utilisation,
        "scores_during_training": study.tables.scores_during_training,
    }
    if study.tables.folders:
        further["repeated"] = study.tables.repeated
    for name, frame in further.items():
        write_table(store, name, frame, parquet=parquet)
    texts = {
        store.folder / "tables" / f"{name}.tex": text
        for name, text in latex_files(summary_tables(study)).items()
    }
    for path, text in texts.items():
        write_text(path, text)
    for old in (store.folder / "tables").glob("*.tex"):
        if old not in texts:
            remove(old)


class _Figures:
    """The files in `figures/`: what is drawn now, and nothing of an earlier start."""

    def __init__(self, store: Folder, wanted: Wanted) -> None:
        self._folder = store.folder / "figures"
        self._asked = [
            *([(".png", save_png)] if wanted.png else []),
            *([(".pdf", save_pdf)] if wanted.pdf else []),
        ]
        self._current = set[Path]()

    def write(self, drawn: Drawn, svg: str) -> None:
        """Write a figure in every form that was asked for."""
        path = self._folder / f"{drawn.name}.svg"
        write_text(path, svg)
        self._current.add(path)
        for suffix, save in self._asked:
            save(drawn.figure, path.with_suffix(suffix))
            self._current.add(path.with_suffix(suffix))

    def remove_others(self) -> None:
        """Remove figures that were not written."""
        for old in self._folder.glob("*.*"):
            # A PNG or PDF of an earlier start shows other runs.
            if old.suffix in (".svg", ".png", ".pdf") and old not in self._current:
                remove(old)


def _grid(store: Store) -> dict[str, Any] | None:
    """Return the grid of the last start, None where there is none to trust."""
    path = store.folder / "grid.json"
    try:
        body = read_json(path)
        check_grid(body)
    except FileNotFoundError:
        return None
    except (OSError, DamagedError) as error:
        log.warning("%s: is left out: %s", path, error)
        return None
    grid: dict[str, Any] = body["grid"]
    return grid


def main(argv: Sequence[str] | None = None) -> int:
    """Write the derived files of an output folder, or of several, and return the exit code."""

    def work() -> int:
        options = parser().parse_args(argv)
        title = None if options.title is None else printable(options.title)
        wanted = {
            "png": options.png,
            "pdf": options.pdf,
            "parquet": options.parquet,
            "title": title,
            "allow_imports": options.allow_imports,
        }
        if options.out is not None:
            path = compare(options.folders, options.out, **wanted)
        elif len(options.folders) > 1:
            reason = "several folders are compared in a report of their own; name its folder"
            raise InputError("--out", "", f"{reason}, such as --out comparison")
        else:
            store = Store(options.folders[0])
            with store.lock():
                path = build(store, **wanted)
        say(f"report: {path}")
        return 0

    return command(work, stopped="the same command starts again from the beginning")


if __name__ == "__main__":
    sys.exit(main())
