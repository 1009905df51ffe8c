"""Which latent knows which factor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from ..analysis.information import factor_names
from ..store import Frames
from ..tables import by_dataset
from ._base import MAX_PANELS, Drawn, FigureInfo, stem, without
from ._images import LEAST, draw_information, shade
from ._labels import text_width
from ._layout import Entry, sheet
from ._names import short_names

if TYPE_CHECKING:
    from ..analysis import Study

# Inches of a cell, and of the names around the cells of a panel.
_CELL = (0.62, 0.2)
_LEFT, _RIGHT, _BOTTOM = 0.85, 0.12, 0.42
# Inches from where axes begin to the end of a panel, at least.
_LEAST = 1.7
# Inches of all panels of a row.
_PAGE = 10.5


def draw(study: Study) -> Iterator[Drawn]:
    """Yield, per dataset, the information of every latent about every factor, a panel a run."""
    runs = study.tables.runs
    known = {name: frames for name, frames in study.frames.items() if frames.information.size}
    chosen = runs[runs["run_id"].isin(list(known))] if len(runs) else runs
    for dataset, part in by_dataset(chosen):
        records: Any = part.to_dict("records")
        texts, shared = short_names([str(row["label"]) for row in records])
        seeds = {row["seed"] for row in records}
        # One seed that all have is said once.
        names = [
            f"{text}, seed {row['seed']}" if len(seeds) > 1 else text
            for text, row in zip(texts, records, strict=True)
        ]
        frames = [known[row["run_id"]] for row in records[:MAX_PANELS]]
        longest = max(text_width(name, 7) for name in factor_names(frames[0]))
        across = max(_CELL[0], longest + 0.05)
        size = (
            across * len(frames[0].factors),
            _CELL[1] * max(len(each.latents) for each in frames),
        )
        # Room for titles where there are few factors.
        right = max(_RIGHT, _LEAST - size[0])
        drawing = sheet(
            names[:MAX_PANELS],
            max(1, int(_PAGE / (_LEFT + size[0] + right))),
            size,
            left=_LEFT,
            right=right,
            bottom=_BOTTOM,
            legend=_scale(),
        )
        for axes, each in zip(drawing.axes, frames, strict=True):
            _panel(axes, each)
        best = [_best(each, name) for each, name in zip(frames, names, strict=False)]
        yield Drawn(
            name=stem("information", dataset),
            title=(
                f"{dataset}: mutual information of latents and factors{without(names[MAX_PANELS:])}"
            ),
            alt=(
                f"Heat maps of latents by factors for {len(frames)} models on {dataset}. "
                f"{'; '.join(best)}."
            ),
            figure=drawing.figure,
            dataset=part["dataset"].iloc[0],
            note=_note(shared, seeds),
            parts=drawing.parts,
        )


def _note(shared: str, seeds: set[int]) -> str:
    parts = [f"All {shared}."] if shared else []
    if len(seeds) == 1:
        parts.append(f"Seed {min(seeds)} of each model.")
    return " ".join(parts)


def _scale() -> list[Entry]:
    """Return what the colours mean."""
    shares = np.array([0.1, 0.25, 0.5, 0.75, 1.0])
    return [
        (None, "Known of"),
        (None, "the factor"),
        *(
            (Patch(facecolor=tuple(colour)), f"{share:.0%}")
            for share, colour in zip(shares, shade(shares), strict=True)
        ),
    ]


def _panel(axes: Axes, frames: Frames) -> None:
    draw_information(axes, frames, frames.information)
    names = factor_names(frames)
    columns = [f"{name}\n{nats:.2f}" for name, nats in zip(names, frames.entropies, strict=True)]
    axes.set_xticks(range(len(names)), columns, fontsize=7)
    rows = [f"z{j}  {kl:.2f}" for j, kl in zip(frames.latents, frames.kl, strict=True)]
    axes.set_yticks(range(len(rows)), rows, fontsize=7)
    axes.set_ylabel("latent, its KL (nats)", fontsize=7)
    axes.tick_params(length=0)
    # Cells of nothing have no colour: the frame says where they are.
    for spine in axes.spines.values():
        spine.set(visible=True, linewidth=0.4, color="#9a9a9a")


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
    title="Which latent encodes which factor",
    caption=(
        "Mutual information of each latent (rows, by KL) with each factor (columns, with the "
        "factor's entropy), in nats. A disentangled code has one dark cell in a column and at most "
        "one in a row. With few images a narrow latent knows a little by chance: "
        "tables/information.csv says how much."
    ),
    draw=draw,
)
