"""Stored runs -> tables, figures and page. Everything here is derived and can be deleted."""

from __future__ import annotations

import argparse
import base64
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from . import page
from .claims import verdict_frame
from .claims.page import claims_section
from .doctor import diagnosis_frame
from .doctor.page import doctor_tables
from .files import DamagedError, WriteError, read_json, remove, write_text
from .latex import latex_files
from .plots import FIGURES, draw_all, save_png, svg_text
from .published import published_page, published_table
from .sprites import traversal_sheet
from .store import Store, StoreError
from .stored import StoredRun
from .study import Study, load_study
from .tables import write_table, write_tables

# Pages stay small: of more models than this the sliders are left out, and the page says so.
MAX_SHOWN = 60


def build(store: Store, *, png: bool = False, runs: Sequence[StoredRun] | None = None) -> Path:
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
    """
    study = load_study(store, runs)
    write_tables(store, study.tables)
    write_table(store, "claims", verdict_frame(study.claims))
    write_table(store, "doctor", diagnosis_frame(study.diagnoses))
    write_table(store, "published", published_table(study.tables))
    texts = {
        store.folder / "tables" / f"{name}.tex": text
        for name, text in latex_files(page.summary_tables(study)).items()
    }
    for path, text in texts.items():
        write_text(path, text)
    for old in (store.folder / "tables").glob("*.tex"):
        if old not in texts:
            remove(old)
    drawings, current = [], set()
    for info, drawn in draw_all(study):
        path = store.folder / "figures" / f"{drawn.name}.svg"
        svg = svg_text(drawn.figure)
        write_text(path, svg)
        drawings.append((info.name, drawn, svg))
        current.add(path)
        if png:
            save_png(drawn.figure, path.with_suffix(".png"))
            current.add(path.with_suffix(".png"))
    for old in (store.folder / "figures").glob("*.*"):
        # A PNG of an earlier start shows other runs.
        if old.suffix in (".svg", ".png") and old not in current:
            remove(old)
    path = store.folder / "report.html"
    write_text(path, render(study, _grid(store), drawings))
    return path


def render(study: Study, grid: dict[str, Any] | None, drawings: Sequence[Any]) -> str:
    """Return the page: one file that asks nobody for anything."""
    templates = Path(__file__).parent / "templates"
    environment = Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    columns, runs, left_out = page.run_table(study)
    figures = [
        {
            "info": info,
            "drawn": [
                {
                    "title": d.title,
                    "alt": d.alt,
                    "note": d.note,
                    # An SVG of our own making; ids are made unique so that figures do not mix.
                    "svg": Markup(_inline(svg, d.name)),  # noqa: S704
                }
                for name, d, svg in drawings
                if name == info.name
            ],
        }
        for info in FIGURES.values()
    ]
    script = (templates / "script.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template("report.html").render(
        # The page's policy lets this one script run, and no other that may have got into it.
        script=Markup(script),  # noqa: S704 - our own
        script_hash=f"sha256-{digest}",
        title=str((grid or {}).get("name", "disbench")),
        facts=page.grid_facts(study, grid),
        notices=page.notices(study),
        claims=claims_section(study.claims),
        summaries=page.summary_tables(study),
        differences=page.difference_tables(study),
        variants=page.variant_tables(study),
        figures=[figure for figure in figures if figure["drawn"]],
        doctor=doctor_tables(study.diagnoses, study.tables),
        published=published_page(published_table(study.tables)),
        models=_models(study),
        models_left_out=max(0, len(study.frames) - MAX_SHOWN),
        run_columns=columns,
        runs=runs,
        runs_left_out=left_out,
        failures=study.tables.failures.to_dict("records"),
        definitions=page.definitions(study),
        provenance=page.provenance(study),
    )


def _models(study: Study) -> list[dict[str, Any]]:
    """Return what the sliders need, for every shown run in the order of the tables."""
    models: list[dict[str, Any]] = []
    for row in study.tables.runs.to_dict("records"):
        frames = study.frames.get(row["run_id"])
        if frames is None or len(models) == MAX_SHOWN:
            continue
        models.append(
            {
                "run_id": row["run_id"],
                "label": f"{row['label']}, {row['dataset']}, seed {row['seed']}",
                "sheet": traversal_sheet(frames),
                "values": [f"{value:.1f}" for value in frames.values],
                "latents": [
                    (int(latent), page.number(float(kl)))
                    for latent, kl in zip(frames.latents, frames.kl, strict=True)
                ],
            }
        )
    return models


def _inline(svg: str, name: str) -> str:
    """Return an SVG document as an element of a page."""
    body = svg[svg.index("<svg") :]
    for mark in ('id="', "url(#", 'href="#'):
        body = body.replace(mark, f"{mark}{name}-")
    return body.replace("<svg ", '<svg aria-hidden="true" ', 1)


def _grid(store: Store) -> dict[str, Any] | None:
    try:
        grid: dict[str, Any] = read_json(store.folder / "grid.json")["grid"]
    except (OSError, DamagedError, KeyError):
        return None
    return grid


def main(argv: Sequence[str] | None = None) -> int:
    """Rebuild the derived files of an output folder and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.report", description="Rebuild tables, figures and page."
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="an output folder")
    parser.add_argument(
        "--png", action="store_true", help="write figures as PNG of 300 dpi too, for a paper"
    )
    options = parser.parse_args(argv)
    try:
        store = Store(options.folder)
        with store.lock():
            path = build(store, png=options.png)
    except (StoreError, DamagedError, WriteError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"report: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
