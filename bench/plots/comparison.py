"""The paper's Figure 2: models of the ball at β = 1 beside models at high β."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from ..analysis import settings
from ..analysis.collapse import collapse_note
from ..analysis.comparable import PAPER_BETA
from ..analysis.published_ball import is_papers_ball, published_note
from ..store import ACTIVE_KL, CODE_KL
from ..tables import by_dataset
from ._base import Drawn, FigureInfo, Part, new_figure, stem
from ._images import Block, active, kl_and_sigma, state

if TYPE_CHECKING:
    from ..analysis import Study

# Inches of a model; the more there are, the narrower, so that text is read at a page's width.
_WIDTHS = {2: 4.7, 3: 4.2}
_COLUMNS = 3
# Of the latents that no model uses, a row or two show that they do nothing: as many as the paper.
_LEAST_ROWS = 4
_BETWEEN = 0.12
Rows = list[dict[str, Any]]


def draw(study: Study) -> Iterator[Drawn]:
    """Yield β = 1 beside high β, per dataset with positions and per setting of the rest."""
    for heading, name, rows in low_and_high(study):
        yield _drawn(study, heading, stem("low-and-high-beta", name), rows)


def draw_all_betas(study: Study) -> Iterator[Drawn]:
    """Yield every β of the grid, where `draw` leaves some out."""
    for heading, name, rows in _by_setting(study):
        if len(rows) > max(1, len(_chosen(rows))):
            yield _drawn(study, heading, stem("all-betas", name), rows)


def low_and_high(study: Study) -> Iterator[tuple[str, str, Rows]]:
    """Yield the models that tell what β does to a code of positions.

    Yields
    ------
    tuple
        Per dataset with positions and setting of everything but β: a heading, a name, and the rows
        of `Tables.runs` by ascending β. They are β = 1 and the paper's β = 150. Where there is no
        code at 150, or no such run, the largest β that has one stands between or for it, and
        without 150 the largest of all, which is there to be seen collapsed.
    """
    for heading, name, rows in _by_setting(study):
        chosen = _chosen(rows)
        if len(chosen) > 1:
            yield heading, name, chosen


def _by_setting(study: Study) -> Iterator[tuple[str, str, Rows]]:
    """Yield, per dataset with positions and setting, a heading, a name and a row for each β."""
    runs = study.tables.runs
    shown = runs[runs["run_id"].isin(list(study.frames))] if len(runs) else runs
    for dataset, part in by_dataset(shown):
        swept = part[part["kind"].isin(["vae", "beta_vae"])]
        for setting, alike in settings(swept):
            records: Any = alike.to_dict("records")
            rows = [row for row in records if study.frames[row["run_id"]].tuning_maps.size]
            # Of β = 1 the plain VAE, which comes first.
            by_beta = {float(row["beta"]): row for row in reversed(rows)}
            parts = [dataset, *([setting] if setting else [])]
            yield ", ".join(parts), " ".join(parts), [by_beta[beta] for beta in sorted(by_beta)]


def _chosen(rows: Rows) -> Rows:
    by_beta = {float(row["beta"]): row for row in rows}
    if 1.0 not in by_beta:
        return []
    alive = [beta for beta, row in by_beta.items() if beta > 1 and row["kl"] > CODE_KL]
    if PAPER_BETA in alive:
        return [by_beta[1.0], by_beta[PAPER_BETA]]
    last = PAPER_BETA if PAPER_BETA in by_beta else max(by_beta)
    return [by_beta[beta] for beta in sorted({1.0, max(alive, default=1.0), last})]


def _drawn(study: Study, heading: str, name: str, rows: Rows) -> Drawn:
    published = [published_note()] if is_papers_ball(*_dataset(rows[0])) else []
    codes = "; ".join(_code(study, row) for row in rows)
    figure, parts = _side_by_side(study, rows)
    return Drawn(
        name=name,
        title=f"{heading}: {' beside '.join(_title(row) for row in rows)}",
        alt=" ".join(
            (
                "Side by side, originals, reconstructions, traversals and position-tuning maps on "
                f"{heading}: {codes}.",
                *published,
            )
        ),
        figure=figure,
        dataset=rows[0]["dataset"],
        parts=parts,
        note=" ".join((*published, _collapse(rows[0]))).strip(),
    )


def _side_by_side(study: Study, rows: Rows) -> tuple[Figure, list[Part]]:
    """Return a block for each row, `_COLUMNS` at most beside one another, and where each is."""
    # Four are a square.
    columns = 2 if len(rows) == 4 else min(len(rows), _COLUMNS)
    width = _WIDTHS[columns]
    shown = [study.frames[row["run_id"]] for row in rows]
    sigmas = [study.latent_column(row["run_id"], "sigma") for row in rows]
    most = max([_LEAST_ROWS, *map(active, shown)])
    blocks = [
        Block(frames, sigma, width, most=most) for frames, sigma in zip(shown, sigmas, strict=True)
    ]
    height = max(block.height for block in blocks)
    lines = -(-len(rows) // columns)
    figure = new_figure(columns * (width + _BETWEEN), lines * height)
    parts = []
    for place, (row, block) in enumerate(zip(rows, blocks, strict=True)):
        line, column = divmod(place, columns)
        block.draw(
            figure,
            (f"β = {row['beta']:g}, seed {row['seed']}", state(block.frames)),
            column * (width + _BETWEEN),
            line * height,
            # One scale explains the colours of all maps.
            legend=place == len(rows) - 1,
        )
        left = column * (width + _BETWEEN)
        parts.append((left, (lines - line - 1) * height, width, height))
    return figure, parts


def _code(study: Study, row: dict[str, Any]) -> str:
    """Return what a model has in its latents, in words."""
    frames, sigmas = study.frames[row["run_id"]], study.latent_column(row["run_id"], "sigma")
    used = [
        kl_and_sigma(float(kl), sigma)
        for kl, sigma in zip(frames.kl, sigmas, strict=True)
        if kl >= ACTIVE_KL
    ]
    return (
        f"at β = {row['beta']:g} {active(frames)} of {len(frames.kl)} latents have a KL of at "
        f"least {ACTIVE_KL} nat, {frames.kl.sum():.2f} nats in all{_listed(used)}"
    )


def _listed(texts: Sequence[str]) -> str:
    return f" ({', '.join(texts)})" if texts else ""


def _collapse(row: dict[str, Any]) -> str:
    """Return below which β the data has a code, which is computed for the Bernoulli likelihood."""
    return collapse_note(*_dataset(row)) if row["likelihood"] == "bernoulli" else ""


def _dataset(row: dict[str, Any]) -> tuple[str, str]:
    return row["dataset"], row["dataset_options"]


def _title(row: dict[str, Any]) -> str:
    return f"β = {row['beta']:g}" + (" (collapsed)" if row["kl"] <= CODE_KL else "")


_HOW = (
    "Top: images and their reconstructions. Below: one latent a row, largest KL first, moved from "
    "−3 to 3 while the others stay; beside it a map of its mean at every position of the object, "
    "its KL in nats and its mean posterior σ. A collapsed model shows the mean image, whatever its "
    "code."
)
INFO = FigureInfo(
    name="comparison",
    title="Low beside high β",
    caption=(
        f"β = 1 beside the paper's β = {PAPER_BETA:g}; where that is collapsed or missing, the "
        f"largest β with a code beside it. {_HOW}"
    ),
    paper="Figure 2",
    draw=draw,
)
ALL_BETAS = FigureInfo(
    name="all-betas",
    title="Every β of the grid",
    caption=f"From the lowest to the highest β. {_HOW}",
    draw=draw_all_betas,
)
