"""Render report.html from a study and its drawings, with a policy that runs only its own script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ..analysis import SHORT_STEPS, Study
from ..analysis.published_models import ADDRESS
from ..plots import Drawn
from . import explorer, facts, figures, published, runs, tables
from .claims import claims_section
from .definitions import definitions
from .doctor import doctor_tables

# The parts of the page's script, in their order.
SCRIPTS = ("tables.js", "columns.js", "definitions.js", "decoder.js", "explorer.js")


def render(
    study: Study,
    grid: dict[str, Any] | None,
    drawings: Sequence[tuple[str, Drawn, str]],
    title: str | None = None,
) -> str:
    """Return the page: one file that loads nothing from elsewhere; its title if not the grid's."""
    templates = Path(__file__).parent / "templates"
    environment = Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    summaries = tables.summary_tables(study)
    models, models_left_out = explorer.shown_models(study)
    opened = next((i for i, model in enumerate(models) if model.has_code), 0)
    script = "".join((templates / name).read_text(encoding="utf-8") for name in SCRIPTS)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template("report.html").render(
        # The page's policy lets this one script run, and no other that may have got into it.
        script=Markup(script),  # noqa: S704 - our own
        script_hash=f"sha256-{digest}",
        title=title or str((grid or {}).get("name", "disbench")),
        facts=facts.grid_facts(study, grid),
        notices=facts.notices(study),
        claims=claims_section(study.claims),
        summaries=summaries,
        choices=tables.choices(summaries),
        differences=tables.difference_tables(study),
        variants=tables.variant_tables(study),
        unfolded=figures.UNFOLDED,
        figures=figures.figure_kinds(drawings),
        doctor=doctor_tables(study.diagnoses, study.tables),
        published_models=published.models_table(study.tables),
        published_source=ADDRESS,
        published=published.logs_parts(study.published),
        short_steps=SHORT_STEPS,
        ball=published.ball_parts(study.ball_latents),
        utilisation=published.utilisation_parts(study.utilisation),
        models=models,
        models_left_out=models_left_out,
        opened=opened,
        runs=runs.run_table(study),
        failures=study.tables.failures.to_dict("records"),
        definitions=definitions(study),
        provenance=facts.provenance(study),
    )
