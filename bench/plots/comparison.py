"""The paper's Figure 2: what β = 1 makes of the ball beside what high β does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..collapse import collapse_note
from ..frames import COLLAPSED
from ..headings import by_dataset
from ..setting import settings
from ._base import Drawn, FigureInfo, new_figure, stem
from ._images import INACTIVE, active, block_height, draw_block, state

if TYPE_CHECKING:
    from ..study import Study

# The paper's high β. Where a code collapses depends on the size of the ball, and here it may have.
PAPERS_BETA = 150
# Inches of a model; the more there are, the narrower, so that text is read at a page's width.
_WIDTHS = {2: 4.9, 3: 3.6}
_BETWEEN = 0.12


def draw(study: Study) -> Iterator[Drawn]:
    """Yield β = 1 beside high β, per dataset with positions and per setting of the rest."""
    for heading, name, rows in low_and_high(study):
        frames = [study.frames[row["run_id"]] for row in rows]
        width = _WIDTHS[len(rows)]
        height = max(block_height(each, width) for each in frames)
        figure = new_figure(len(rows) * (width + _BETWEEN), height)
        for place, (row, each) in enumerate(zip(rows, frames, strict=True)):
            lines = (f"β = {row['beta']:g}, seed {row['seed']}", state(each))
            last = place == len(rows) - 1
            draw_block(figure, each, lines, place * (width + _BETWEEN), width, legend=last)
        titles = [_title(row) for row in rows]
        counts = [
            f"at β = {row['beta']:g} {active(each)} of {len(each.kl)} latents have a KL of at "
            f"least {INACTIVE} nat, {each.kl.sum():.2f} nats in all"
            for row, each in zip(rows, frames, strict=True)
        ]
        yield Drawn(
            stem("low-and-high-beta", name),
            f"{heading}: {' beside '.join(titles)}",
            f"Side by side, originals, reconstructions, traversals and position-tuning maps on "
            f"{heading}: {'; '.join(counts)}.",
            figure,
            rows[0]["dataset"],
            note=_note(rows[0]),
        )


def _note(row: dict[str, Any]) -> str:
    """Return below which β the data has a code, which is computed for the Bernoulli likelihood."""
    if row["likelihood"] != "bernoulli":
        return ""
    return collapse_note(row["dataset"], row["dataset_options"])


def low_and_high(study: Study) -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
    """Yield the models that tell what β does to a code of positions.

    Yields
    ------
    tuple
        Per dataset with positions and setting of everything but β: a heading, a name, and the rows
        of `Tables.runs` by ascending β. They are β = 1, the largest β that is not collapsed, and
        the paper's β or, without it, the largest, which is there to be seen collapsed.
    """
    runs = study.tables.runs
    shown = runs[runs["run_id"].isin(list(study.frames))] if len(runs) else runs
    for dataset, part in by_dataset(shown):
        swept = part[part["kind"].isin(["vae", "beta_vae"])]
        for setting, alike in settings(swept):
            records: Any = alike.to_dict("records")
            rows = [row for row in records if study.frames[row["run_id"]].tuning_maps.size]
            chosen = _chosen(rows)
            if len(chosen) > 1:
                parts = [dataset, *([setting] if setting else [])]
                yield ", ".join(parts), " ".join(parts), chosen


def _chosen(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    by_beta = {float(row["beta"]): row for row in reversed(rows)}
    if 1.0 not in by_beta:
        return []
    alive = [beta for beta, row in by_beta.items() if beta > 1 and row["kl"] > COLLAPSED]
    last = float(PAPERS_BETA) if PAPERS_BETA in by_beta else max(by_beta)
    return [by_beta[beta] for beta in sorted({1.0, max(alive, default=1.0), last})]


def _title(row: dict[str, Any]) -> str:
    return f"β = {row['beta']:g}" + (" (collapsed)" if row["kl"] <= COLLAPSED else "")


INFO = FigureInfo(
    "comparison",
    "Low beside high β",
    "β = 1 beside the largest β of the grid whose code is not collapsed (KL above 1 nat) and the "
    f"paper's β = {PAPERS_BETA}, or else the grid's largest. A collapsed code shows the mean "
    "image, whatever it is given. Of each β the lowest seed that is not collapsed. Rows, from the "
    "top: images, reconstructions, and one latent each, sorted by mean KL, moved from −3 to 3 with "
    "the others at the posterior mean of the first image. Squares: the mean of the latent at every "
    "position of the ball (x to the right, y downwards), blue −3, white 0, red 3.",
    "Figure 2",
    draw,
)
