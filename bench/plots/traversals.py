"""What every latent of a model does: traversals, and maps of where a latent answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..headings import by_dataset
from ._base import Drawn, FigureInfo, new_figure, stem
from ._images import INACTIVE, active, block_height, draw_block, state

if TYPE_CHECKING:
    from ..study import Study

_WIDTH = 7.0


def draw(study: Study) -> Iterator[Drawn]:
    """Yield one figure for every run that has frames, capacity models apart."""
    for heading, row in _rows(study):
        if row["kind"] != "capacity_vae":
            yield _drawn(study, heading, row, row["label"])


def draw_capacity_models(study: Study) -> Iterator[Drawn]:
    """Yield one figure for every run of the capacity objective that has frames."""
    for heading, row in _rows(study):
        if row["kind"] == "capacity_vae":
            text = f"γ = {row['gamma']:g}, C = 0 → {row['capacity']:g} nats"
            others = row["label"].partition(f"C={row['capacity']:g}")[2]
            yield _drawn(study, heading, row, text + others)


def _drawn(study: Study, heading: str, row: dict[str, Any], text: str) -> Drawn:
    frames = study.frames[row["run_id"]]
    figure = new_figure(_WIDTH, block_height(frames, _WIDTH))
    lines = (f"{text}, seed {row['seed']}", f"{state(frames)}; {heading}")
    draw_block(figure, frames, lines, 0, _WIDTH - 0.05)
    title = f"{heading}: {text}, seed {row['seed']}"
    return Drawn(
        stem("traversals", row["dataset"], row["run_id"]),
        title,
        f"Originals, reconstructions and traversals of {len(frames.latents)} latents of {title}; "
        f"{active(frames)} have a mean KL of at least {INACTIVE} nat, the largest "
        f"{frames.kl[0]:.2f}.",
        figure,
        row["dataset"],
        row["run_id"],
    )


def _rows(study: Study) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every run that has frames, with its dataset as a heading."""
    runs = study.tables.runs
    shown = runs[runs["run_id"].isin(list(study.frames))] if len(runs) else runs
    for heading, part in by_dataset(shown):
        records: Any = part.to_dict("records")
        for row in records:
            yield heading, row


_HOW = (
    "From top to bottom: images of the dataset, their reconstructions (decoder means of the "
    "posterior means), and a row for every latent, sorted by its mean KL in nats (beside its name, "
    "grey below 0.1). A row moves one latent from −3 to 3, the others stay at the posterior mean "
    "of the first image, the centre of the factors' grid. "
)
_MAPS = (
    "Squares on the right: the mean of the latent at every position of the object, x to the right, "
    "y downwards, over all its other factors; blue −3, white 0, red 3, grey where no image was "
    "evaluated."
)
TRAVERSALS = FigureInfo("traversals", "Traversals", _HOW + _MAPS, "", draw)
CAPACITY = FigureInfo(
    "capacity-traversals",
    "Traversals of models with rising capacity",
    "Models trained on γ·|KL − C| with C raised from 0. " + _HOW + _MAPS,
    "Figure 4",
    draw_capacity_models,
)
