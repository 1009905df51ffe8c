"""Stored runs -> tables, figures and page. Everything here is derived and can be deleted."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from . import page
from .files import DamagedError, read_json, write_text
from .plots import FIGURES, draw_all, svg_text
from .sprites import traversal_sheet
from .store import Store, StoreError
from .study import Study, load_study
from .tables import write_tables

# Pages stay small: of more models than this the sliders are left out, and the page says so.
MAX_SHOWN = 60


def build(store: Store) -> Path:
    """Write `tables/`, `figures/` and `report.html` from what is stored; return the page's path.

    The same runs give the same bytes: nothing derived holds a time, a host or a path.
    """
    study = load_study(store)
    write_tables(store, study.tables)
    drawings = []
    for info, drawn in draw_all(study):
        svg = svg_text(drawn.figure)
        write_text(store.folder / "figures" / f"{drawn.name}.svg", svg)
        drawings.append((info.name, drawn, svg))
    current = {f"{drawn.name}.svg" for _, drawn, _ in drawings}
    for old in (store.folder / "figures").glob("*.svg"):
        if old.name not in current:
            old.unlink()
    path = store.folder / "report.html"
    write_text(path, render(study, _grid(store), drawings))
    return path


def render(study: Study, grid: dict[str, Any] | None, drawings: Sequence[Any]) -> str:
    """Return the page: one file that asks nobody for anything."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
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
                # An SVG of our own making; ids are made unique so that figures do not mix.
                {"title": d.title, "alt": d.alt, "svg": Markup(_inline(svg, d.name))}  # noqa: S704
                for name, d, svg in drawings
                if name == info.name
            ],
        }
        for info in FIGURES.values()
    ]
    return environment.get_template("report.html").render(
        title=str((grid or {}).get("name", "disbench")),
        facts=page.grid_facts(study, grid),
        notices=page.notices(study),
        summaries=page.summary_tables(study),
        differences=page.difference_tables(study),
        variants=page.variant_tables(study),
        figures=[figure for figure in figures if figure["drawn"]],
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
    options = parser.parse_args(argv)
    try:
        store = Store(options.folder)
        with store.lock():
            path = build(store)
    except (StoreError, DamagedError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"report: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
