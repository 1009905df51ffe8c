"""Which latent knows which factor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes

from ..analysis.information import factor_names
from ..store import Frames
from ..tables import by_dataset
from ._base import MAX_PANELS, Drawn, FigureInfo, panels, stem, without, wrapped
from ._images import LEAST, draw_information

if TYPE_CHECKING:
    from ..analysis import Study

# Inches of a cell, and of the names around the cells of a panel.
_CELL = (0.7, 0.2)
_AROUND = (0.65, 0.95)
_PAGE = 10.5


def draw(study: Study) -> Iterator[Drawn]:
    """Yield, per dataset, the information of every latent about every factor, a panel a run."""
    runs = study.tables.runs
    known = {name: frames for name, frames in study.frames.items() if frames.information.size}
    chosen = runs[runs["run_id"].isin(list(known))] if len(runs) else runs
    for dataset, part in by_dataset(chosen):
        records: Any = part.to_dict("records")
        names = {row["run_id"]: f"{row['label']}, seed {row['seed']}" for row in records}
        shown = dict(list(names.items())[:MAX_PANELS])
        frames = [known[run_id] for run_id in shown]
        width = _CELL[0] * len(frames[0].factors) + _AROUND[0]
        height = _CELL[1] * max(len(each.latents) for each in frames) + _AROUND[1]
        figure, grid = panels(len(frames), max(1, int(_PAGE / width)), width, height)
        for axes, each, name in zip(grid, frames, shown.values(), strict=True):
            _panel(axes, each)
            label, _, seed = name.rpartition(", ")
            axes.set_title(f"{wrapped(label, width)}\n{seed}")
        bar = figure.colorbar(grid[0].images[0], ax=grid, shrink=0.7, aspect=30, pad=0.02)
        bar.set_label("share of the factor's entropy", fontsize=8)
        best = [_best(each, name) for each, name in zip(frames, shown.values(), strict=True)]
        yield Drawn(
            name=stem("information", dataset),
            title=(
                f"{dataset}: mutual information of latents and factors"
                f"{without(list(names.values())[MAX_PANELS:])}"
            ),
            alt=(
                f"Heat maps of latents by factors for {len(shown)} models on {dataset}. "
                f"{'; '.join(best)}."
            ),
            figure=figure,
            dataset=part["dataset"].iloc[0],
        )


def _panel(axes: Axes, frames: Frames) -> None:
    draw_information(axes, frames, frames.information)
    names = factor_names(frames)
    columns = [f"{name}\n{nats:.2f}" for name, nats in zip(names, frames.entropies, strict=True)]
    axes.set_xticks(range(len(names)), columns, fontsize=7)
    rows = [f"z{j}  {kl:.2f}" for j, kl in zip(frames.latents, frames.kl, strict=True)]
    axes.set_yticks(range(len(rows)), rows, fontsize=7)
    axes.tick_params(length=0)


def _best(frames: Frames, name: str) -> str:
    """Return, per factor, the latent that knows most of it, in words."""
    if frames.information.max() < LEAST:
        return f"{name}: no latent knows of any factor"
    names = factor_names(frames)
    most = frames.information.argmax(0)
    pairs = [
        f"{factor} most in z{frames.latents[row]} ({frames.information[row, k]:.2f} nats)"
        for k, (factor, row) in enumerate(zip(names, most, strict=True))
    ]
    return f"{name}: {', '.join(pairs)}"


INFO = FigureInfo(
    name="information",
    title="Which latent knows of which factor",
    caption=(
        "Mutual information of every latent, drawn from its posterior, with every factor, and "
        "with the channels of a random colour in 20 quantile bins: the numbers in nats, the "
        "colour as a share of the factor's entropy (below its name, nats). Latents sorted by "
        "their mean KL (beside the name, nats). A disentangled code has one dark cell in a column "
        "and at most one in a row. This matrix is what MIG, estimated by the posterior, is read "
        "from. With few images for each value of a factor, a narrow latent has something of it by "
        "chance: tables/information.csv says how much."
    ),
    draw=draw,
)
