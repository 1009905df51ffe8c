"""Write tables, figures and page from stored runs. All of it is derived and can be deleted.

python -m bench.report results/quick
python -m bench.report alice/quick bob/quick results/mymodel --out leaderboard

The second compares folders of different people in one page, and only reads them.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .analysis import (
    Study,
    diagnosis_frame,
    information_table,
    load_study,
    verdict_frame,
)
from .commands import command, option, say
from .engines.progress import progress
from .errors import InputError, printable
from .grid import arguments as given
from .page import latex_files, render, summary_tables
from .plots import FIGURES, Drawn, draw_all, save_pdf, save_png, svg_text
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
from .tables import Tables, collect_joined, listed, write_table, write_tables

log = logging.getLogger("disbench")


def build(
    store: Store,
    *,
    png: bool = False,
    pdf: bool = False,
    runs: Sequence[StoredRun] | None = None,
    tables: Tables | None = None,
    title: str | None = None,
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
    runs : sequence of StoredRun, optional
        All of its runs, where they have just been read.
    tables : Tables, optional
        What `collect` makes of them, where it just has.
    title : str, optional
        The page's; by default the grid's name.
    """
    return _write(
        store, store, png=png, pdf=pdf, title=title, grid=_grid(store), runs=runs, tables=tables
    )


def compare(
    folders: Sequence[Path],
    target: Path,
    *,
    png: bool = False,
    pdf: bool = False,
    title: str | None = None,
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
    title : str, optional
        The page's; by default the names of the folders, or of one folder its grid's.

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
    stores = [Store(folder) for folder in folders]
    names = folder_names([store.folder for store in stores])
    report = ReportFolder(target, [store.folder for store in stores])
    with report.lock():
        if len(stores) == 1:
            return _write(stores[0], report, png=png, pdf=pdf, title=title, grid=_grid(stores[0]))
        return _write(join(stores), report, png=png, pdf=pdf, title=title or listed(names, most=4))


def _write(
    source: Store | Joined,
    folder: Folder,
    *,
    png: bool,
    pdf: bool,
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
        write_all_tables(folder, study)
        drawings = []
        for drawing in _write_figures(folder, study, png=png, pdf=pdf):
            while stages[ended] != drawing[0]:
                shown.end(ended, None)
                ended += 1
            drawings.append(drawing)
        for position in range(ended, len(stages) - 1):
            shown.end(position, None)
        path = folder.folder / "report.html"
        # A copy may lack the grid: then its folder is all that has a name.
        place = "" if isinstance(source, Joined) else printable(source.folder.name)
        write_text(path, render(study, grid, drawings, title, place))
        shown.end(len(stages) - 1, None)
    return path


def write_all_tables(store: Folder, study: Study) -> None:
    """Write everything that is in `tables/`."""
    write_tables(store, study.tables)
    write_table(store, "claims", verdict_frame(study.claims))
    write_table(store, "doctor", diagnosis_frame(study.diagnoses))
    write_table(store, "published", study.published)
    write_table(store, "ball_latents", study.ball_latents)
    write_table(store, "information", information_table(study))
    write_table(store, "utilisation", study.utilisation)
    if study.tables.folders:
        write_table(store, "repeated", study.tables.repeated)
    write_table(store, "scores_during_training", study.tables.scores_during_training)
    texts = {
        store.folder / "tables" / f"{name}.tex": text
        for name, text in latex_files(summary_tables(study)).items()
    }
    for path, text in texts.items():
        write_text(path, text)
    for old in (store.folder / "tables").glob("*.tex"):
        if old not in texts:
            remove(old)


def _write_figures(
    store: Folder, study: Study, *, png: bool, pdf: bool
) -> Iterator[tuple[str, Drawn, str]]:
    """Write every figure; yield its kind, itself and its SVG."""
    asked = [*([(".png", save_png)] if png else []), *([(".pdf", save_pdf)] if pdf else [])]
    current = set()
    for info, drawn in draw_all(study):
        path = store.folder / "figures" / f"{drawn.name}.svg"
        svg = svg_text(drawn.figure)
        write_text(path, svg)
        current.add(path)
        for suffix, save in asked:
            save(drawn.figure, path.with_suffix(suffix))
            current.add(path.with_suffix(suffix))
        yield info.name, drawn, svg
    for old in (store.folder / "figures").glob("*.*"):
        # A PNG or PDF of an earlier start shows other runs.
        if old.suffix in (".svg", ".png", ".pdf") and old not in current:
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
    parser = argparse.ArgumentParser(
        prog="python -m bench.report",
        description="Rebuild the tables, figures and report of an output folder, or compare "
        "several in one report.",
    )
    parser.add_argument(
        "folders",
        type=option(given.path),
        nargs="+",
        metavar="DIR",
        help="an output folder; several are compared in one report, and only read",
    )
    parser.add_argument(
        "--out",
        type=option(given.path),
        metavar="REPORT",
        help="write to a folder of its own instead; needed for several folders",
    )
    parser.add_argument(
        "--title", help="title of the page (default: the grid's name, or the folders' names)"
    )
    parser.add_argument(
        "--png", action="store_true", help="also write the figures as PNG with 300 dpi, for a paper"
    )
    parser.add_argument(
        "--pdf", action="store_true", help="also write the figures as vector PDF, for LaTeX"
    )

    def work() -> int:
        options = parser.parse_args(argv)
        title = None if options.title is None else printable(options.title)
        wanted = {"png": options.png, "pdf": options.pdf, "title": title}
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
