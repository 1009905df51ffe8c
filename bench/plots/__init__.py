"""Figures: functions from a study's frames and arrays to matplotlib figures, without torch.

A new figure is its function, a line in `FIGURES` and its test.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from . import curves, sweeps, traversals
from ._base import Drawn, FigureInfo, save_png, svg_text

if TYPE_CHECKING:
    from ..study import Study

__all__ = ["FIGURES", "Drawn", "FigureInfo", "draw_all", "save_png", "svg_text"]

FIGURES: dict[str, FigureInfo] = {
    info.name: info
    for info in (
        traversals.COMPARISON,
        traversals.TRAVERSALS,
        sweeps.PLANE,
        sweeps.BETA,
        sweeps.C,
        curves.CAPACITY,
        curves.DIMENSIONS,
        curves.TRAINING,
    )
}


def draw_all(study: Study) -> Iterator[tuple[FigureInfo, Drawn]]:
    """Yield every figure that a study has something for, in the order of `FIGURES`."""
    for info in FIGURES.values():
        for drawn in info.draw(study):
            yield info, drawn
