"""Render report.html from a study and its drawings, with a policy that runs only its own script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..analysis import SHORT_STEPS, Study
from ..analysis.published_models import ADDRESS
from . import explorer, facts, published, runs, tables
from .claims import claims_section
from .definitions import definitions
from .doctor import doctor_gist, doctor_tables
from .figures import UNFOLDED, Drawing, OwnDrawing, own_figures, page_figures
from .models import model_blocks
from .overview import overview

# The parts of the page's style and script, in their order.
STYLES = ("style.css", "tables.css", "overview.css", "models.css", "explorer.css", "print.css")
SCRIPTS = (
    "page.js",
    "tables.js",
    "columns.js",
    "definitions.js",
    "decoder.js",
    "explorer.js",
    "compare.js",
)
# A page of so few kinds of figures shows them all; of more, the first two.
FEW_FIGURES = 3
FIRST_FIGURES = 2
_TITLE_NAMES = 3


def render(
    study: Study,
    grid: dict[str, Any] | None,
    drawings: Sequence[Drawing],
    title: str | None = None,
    folder: str = "",
    own: Sequence[OwnDrawing] = (),
) -> str:
    """Return the page: one file that loads nothing from elsewhere.

    `own` are figures by the code of the grid's author.

    The page's title is the one given, else the name of the grid, of codes or of the folder.
    """
    templates = Path(__file__).parent / "templates"
    environment = Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    explorers, without_explorer = explorer.shown_models(study)
    drawn = page_figures(drawings)
    first = overview(study, explorers, drawn.kinds)
    # What the first screen shows is not shown again.
    kinds = [kind for kind in drawn.kinds if kind.figures[0] is not first.figure]
    blocks, blocks_left_out = model_blocks(study, explorers, drawn.of_models)
    summaries = tables.summary_tables(study)
    script = "".join((templates / name).read_text(encoding="utf-8") for name in SCRIPTS)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    values: dict[str, Any] = {
        # The page's policy lets this one script run, and no other that may have got into it.
        "script": script,
        "script_hash": f"sha256-{digest}",
        "styles": STYLES,
        "title": title or _title(study, grid) or folder or "disbench",
        "overview": first,
        "summaries": summaries,
        "choices": tables.choices(summaries),
        "differences": tables.difference_tables(study),
        "variants": tables.variant_tables(study),
        "explorers": explorers,
        "without_explorer": without_explorer,
        "blocks": blocks,
        "block_ids": {block.block for block in blocks},
        "blocks_left_out": blocks_left_out,
        "unfolded": UNFOLDED,
        "figures": kinds,
        "figures_open": len(kinds) if len(kinds) <= FEW_FIGURES else FIRST_FIGURES,
        "own_figures": own_figures(own),
        "doctor": doctor_tables(study.diagnoses, study.tables),
        "doctor_gist": doctor_gist(study.diagnoses),
        "published_titles": published.PARTS,
        "published_models": published.models_table(study.tables),
        "published_source": ADDRESS,
        "published": published.logs_parts(study.published),
        "short_steps": SHORT_STEPS,
        "ball": published.ball_parts(study.ball_latents),
        "utilisation": published.utilisation_parts(study.utilisation),
        "runs": runs.run_table(study),
        "failures": study.tables.failures.to_dict("records"),
        "definitions": definitions(study),
        "facts": facts.grid_facts(study, grid),
        "provenance": facts.provenance(study),
    }
    there = {
        "ball": values["ball"],
        "utilisation": values["utilisation"],
        "implementations": values["published_models"],
    }
    titles = {name: title for name, title in published.PARTS.items() if there[name]}
    values["claims"] = claims_section(study.claims, titles)
    values["contents"] = _contents(values)
    return environment.get_template("report.html").render(values)


def _title(study: Study, grid: dict[str, Any] | None) -> str:
    """Return the grid's name; of codes from elsewhere, which no grid made, the models'; or none."""
    if grid and "name" in grid:
        return str(grid["name"])
    runs = study.tables.runs
    names = [*dict.fromkeys(runs.loc[runs["kind"] == "codes", "label"])] if len(runs) else []
    several = f" and {len(names) - _TITLE_NAMES} more" if len(names) > _TITLE_NAMES else ""
    return ", ".join(names[:_TITLE_NAMES]) + several


def _contents(values: dict[str, Any]) -> list[tuple[str, str]]:
    """Return id and name of the sections that there are, in the order of the page.

    A section's template is called by its id.
    """
    published_numbers = values["published_models"] or values["ball"] or values["utilisation"]
    sections = (
        ("overview", "Findings", True),
        ("claims", "Claims", values["claims"].asked),
        ("scores", "Scores", True),
        ("models", "Models", values["blocks"]),
        ("figures", "Figures", values["figures"]),
        ("own-figures", "Own figures", values["own_figures"]),
        ("published", "Published numbers", published_numbers),
        ("doctor", "Capacity doctor", values["doctor"]),
        ("failures", "Failures", values["failures"]),
        ("runs", "Runs", True),
        ("metrics", "Metrics", True),
        ("provenance", "Provenance", True),
    )
    return [(name, text) for name, text, there in sections if there]
