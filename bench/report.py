"""Write tables, figures and page from stored runs. All of it is derived and can be deleted."""

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
from .grid import arguments as given
from .page import latex_files, render, summary_tables
from .plots import FIGURES, Drawn, draw_all, save_png, svg_text
from .store import DamagedError, Store, StoredRun, check_grid, read_json, remove, write_text
from .tables import Tables, write_table, write_tables

log = logging.getLogger("disbench")


def build(
    store: Store,
    *,
    png: bool = False,
    runs: Sequence[StoredRun] | None = None,
    tables: Tables | None = None,
) -> Path:
    """Write `tables/`, `figures/` and `report.html` from what is stored; return the page's path.

    The same runs give the same bytes: nothing derived holds a time, a host or a path.

    Parameters
    ----------
    store : Store
        An output folder that is locked.
    png : bool
        Whether to write every figure as a PNG of 300 dpi too, for a paper.
    runs : sequence of StoredRun, optional
        All of its runs, where they have just been read.
    tables : Tables, optional
        What `collect` makes of them, where it just has.
    """
    # By kind of figure: how many there are of each is known only when they are drawn.
    stages = ("tables", *FIGURES, "page")
    with progress("report", stages, [1] * len(stages)) as shown:
        ended = 0
        study = load_study(store, runs, tables)
        write_all_tables(store, study)
        drawings = []
        for drawing in _write_figures(store, study, png=png):
            while stages[ended] != drawing[0]:
                shown.end(ended, None)
                ended += 1
            drawings.append(drawing)
        for position in range(ended, len(stages) - 1):
            shown.end(position, None)
        path = store.folder / "report.html"
        write_text(path, render(study, _grid(store), drawings))
        shown.end(len(stages) - 1, None)
    return path


def write_all_tables(store: Store, study: Study) -> None:
    """Write everything that is in `tables/`."""
    write_tables(store, study.tables)
    write_table(store, "claims", verdict_frame(study.claims))
    write_table(store, "doctor", diagnosis_frame(study.diagnoses))
    write_table(store, "published", study.published)
    write_table(store, "ball_latents", study.ball_latents)
    write_table(store, "information", information_table(study))
    write_table(store, "utilisation", study.utilisation)
    texts = {
        store.folder / "tables" / f"{name}.tex": text
        for name, text in latex_files(summary_tables(study)).items()
    }
    for path, text in texts.items():
        write_text(path, text)
    for old in (store.folder / "tables").glob("*.tex"):
        if old not in texts:
            remove(old)


def _write_figures(store: Store, study: Study, *, png: bool) -> Iterator[tuple[str, Drawn, str]]:
    """Write every figure; yield its kind, itself and its SVG."""
    current = set()
    for info, drawn in draw_all(study):
        path = store.folder / "figures" / f"{drawn.name}.svg"
        svg = svg_text(drawn.figure)
        write_text(path, svg)
        current.add(path)
        if png:
            save_png(drawn.figure, path.with_suffix(".png"))
            current.add(path.with_suffix(".png"))
        yield info.name, drawn, svg
    for old in (store.folder / "figures").glob("*.*"):
        # A PNG of an earlier start shows other runs.
        if old.suffix in (".svg", ".png") and old not in current:
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
    """Rebuild the derived files of an output folder and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.report",
        description="Rebuild the tables, figures and report of an output folder.",
    )
    parser.add_argument("folder", type=option(given.path), metavar="DIR", help="the output folder")
    parser.add_argument(
        "--png", action="store_true", help="also write the figures as PNG with 300 dpi, for a paper"
    )

    def work() -> int:
        options = parser.parse_args(argv)
        store = Store(options.folder)
        with store.lock():
            path = build(store, png=options.png)
        say(f"report: {path}")
        return 0

    return command(work, stopped="the same command starts again from the beginning")


if __name__ == "__main__":
    sys.exit(main())
