"""What every latent of a model does: traversals, and maps of where it responds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..analysis.information import CARRIED, carriers, factor_names
from ..store import ACTIVE_KL, Frames
from ..tables import by_dataset
from ._base import Drawn, FigureInfo, new_figure, stem
from ._images import CELL, Block, active, kl_and_sigma, state

if TYPE_CHECKING:
    from ..analysis import Study

_WIDTH = 7.0


def draw(study: Study) -> Iterator[Drawn]:
    """Yield one figure for every run that has frames, capacity models apart."""
    for heading, row in _rows(study):
        if row["kind"] != "capacity_vae":
            yield _drawn(study, heading, row, row["label"], _WIDTH)


def draw_capacity_models(study: Study) -> Iterator[Drawn]:
    """Yield one figure for every run of the capacity objective that has frames."""
    for heading, row in _rows(study):
        if row["kind"] == "capacity_vae":
            text = f"γ = {row['gamma']:g}, C = 0 → {row['capacity']:g} nats"
            others = row["label"].partition(f"C={row['capacity']:g}")[2]
            frames = study.frames[row["run_id"]]
            width = _WIDTH + len(frames.factors) * CELL
            yield _drawn(study, heading, row, text + others, width, with_factors=True)


def _drawn(
    study: Study,
    heading: str,
    row: dict[str, Any],
    text: str,
    width: float,
    *,
    with_factors: bool = False,
) -> Drawn:
    run_id = row["run_id"]
    frames = study.frames[run_id]
    sigmas = study.latent_column(run_id, "sigma")
    block = Block(frames, sigmas, width - 0.05, with_factors)
    figure = new_figure(width, block.height)
    block.draw(figure, (f"{text}, seed {row['seed']}", f"{state(frames)}; {heading}"))
    title = f"{heading}: {text}, seed {row['seed']}"
    note = f"{_carried(frames)}." if with_factors else ""
    return Drawn(
        name=stem("traversals", row["dataset"], run_id),
        title=title,
        alt=(
            f"Originals, reconstructions and traversals of {len(frames.latents)} latents of "
            f"{title}; {active(frames)} have a mean KL of at least {ACTIVE_KL} nat, the largest "
            f"{kl_and_sigma(float(frames.kl[0]), sigmas[0])}. {note}"
        ).rstrip(),
        figure=figure,
        dataset=row["dataset"],
        run_id=run_id,
        note=note,
    )


def _carried(frames: Frames) -> str:
    """Return how many latents carry something of each factor, in words."""
    counts = zip(factor_names(frames), carriers(frames), strict=True)
    listed = ", ".join(f"{name} {count}" for name, count in counts)
    above = "" if frames.chance is None else " above chance"
    return f"Latents with at least {CARRIED} nat of a factor{above}: {listed}"


def _rows(study: Study) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every run that has frames, with its dataset as a heading."""
    runs = study.tables.runs
    shown = runs[runs["run_id"].isin(list(study.frames))] if len(runs) else runs
    for heading, part in by_dataset(shown):
        records: Any = part.to_dict("records")
        for row in records:
            yield heading, row


_HOW = (
    "Top: images and their reconstructions. Below: one latent a row, largest KL first, moved from "
    "−3 to 3 while the others stay at the code of the first image, which is at the centre of the "
    "factors' grid. Beside it a map of its mean at every position of the object, its KL in nats "
    "and its mean posterior σ; grey below 0.1 nat."
)
TRAVERSALS = FigureInfo(
    name="traversals", title="Traversals", caption=_HOW, draw=draw, of_model=True
)
CAPACITY = FigureInfo(
    name="capacity-traversals",
    title="Traversals of models with rising capacity",
    caption=(
        f"{_HOW} Blue cells: what it knows of each factor, in nats above chance, the darker the "
        f"larger a share of the factor; below, how many latents carry {CARRIED} nat or more."
    ),
    paper="Figure 4",
    draw=draw_capacity_models,
    of_model=True,
)
