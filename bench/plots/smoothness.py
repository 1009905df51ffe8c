"""The paper's Figure 1, measured: how distances of codes follow distances in the data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ..store import CODE_KL, Frames
from ..tables import minus
from ._base import COLOURS, GREY, Drawn, FigureInfo, stem
from ._layout import Entry, sheet
from .comparison import low_and_high

if TYPE_CHECKING:
    from ..analysis import Study

# The metric whose value stands in the heading, in studies that have it.
METRIC = "smoothness"


def draw(study: Study) -> Iterator[Drawn]:
    """Yield the distance of posteriors against that of positions, at β = 1 and at high β."""
    for heading, name, chosen in low_and_high(study):
        rows = [row for row in chosen if row["kl"] > CODE_KL]
        rows = [row for row in rows if len(study.frames[row["run_id"]].overlap)]
        if len(rows) < 2:
            continue
        titles = [_title(study.frames[row["run_id"]], row) for row in rows]
        drawing = sheet(titles, len(rows), (2.7, 2.0), left=0.78, legend=_bands())
        for axes, row in zip(drawing.axes, rows, strict=True):
            _panel(axes, study.frames[row["run_id"]], row)
        betas = " and ".join(f"β = {row['beta']:g}" for row in rows)
        ends = ". ".join(_ends(study.frames[row["run_id"]], row) for row in rows)
        yield Drawn(
            name=stem("smoothness", name),
            title=f"{heading}: distance of posteriors against distance of positions, {betas}",
            alt=(
                "Bhattacharyya distance of posteriors against distance in the grid of positions "
                f"on {heading}, median and bands of pairs of images. {ends}."
            ),
            figure=drawing.figure,
            dataset=rows[0]["dataset"],
            parts=drawing.parts,
        )


def _bands() -> list[Entry]:
    return [
        (Line2D([], [], color=GREY, linewidth=1.6), "median pair"),
        (Patch(color=GREY, alpha=0.42), "25% to 75%"),
        (Patch(color=GREY, alpha=0.18), "10% to 90%"),
    ]


def _title(frames: Frames, row: dict[str, Any]) -> str:
    title = f"β = {row['beta']:g}, seed {row['seed']}"
    # Of more factors than the position, the metric measures distances that the picture has not.
    correlation = row.get(METRIC) if len(frames.factors) == 2 else None
    if correlation is not None and not pd.isna(correlation):
        title += minus(f": Spearman's ρ = {correlation:.2f}")
    return title


def _panel(axes: Axes, frames: Frames, row: dict[str, Any]) -> None:
    steps, low, lower, median, upper, high = frames.overlap.T
    colour = COLOURS["vae" if row["beta"] == 1 else "beta_vae"]
    axes.fill_between(steps, low, high, color=colour, alpha=0.18, linewidth=0)
    axes.fill_between(steps, lower, upper, color=colour, alpha=0.3, linewidth=0)
    axes.plot(steps, median, color=colour, linewidth=1.6)
    axes.set_xlabel("distance of positions (steps of the grid)")
    axes.set_ylabel("Bhattacharyya distance of\nposteriors (nats)")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)


def _ends(frames: Frames, row: dict[str, Any]) -> str:
    """Return what the median does, nearest to farthest pair, in words."""
    first, last = frames.overlap[0], frames.overlap[-1]
    return (
        f"At β = {row['beta']:g} the median goes from {first[3]:.2f} nats at a distance of "
        f"{first[0]:.1f} to {last[3]:.2f} nats at {last[0]:.1f}"
    )


INFO = FigureInfo(
    name="smoothness",
    title="Overlap keeps neighbours together",
    caption=(
        "Pairs of images: how far apart their posteriors are (Bhattacharyya distance in nats; 0.7 "
        "is an overlap of a half) against how far apart the object is. The narrower the band and "
        "the less the line turns back, the better the code keeps neighbours together, as the "
        "paper's sketch says. Each panel has its own scale."
    ),
    paper="Figure 1",
    draw=draw,
)
