"""Figures: functions from a study's frames and arrays to matplotlib figures, without torch.

A new figure needs its function, a line in `FIGURES` and a test.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from . import (
    comparison,
    curves,
    doctor,
    during_training,
    factor_channel,
    information,
    smoothness,
    sweeps,
    traversals,
)
from ._base import Drawn, FigureInfo, styled
from ._images import MAP_COLOURS
from ._save import page_svgs, save_pdf, save_png, svg_text
from .own_figure import draw_own

if TYPE_CHECKING:
    from ..analysis import Study

__all__ = [
    "FIGURES",
    "MAP_COLOURS",
    "Drawn",
    "FigureInfo",
    "draw_all",
    "draw_own",
    "page_svgs",
    "save_pdf",
    "save_png",
    "svg_text",
]

FIGURES: dict[str, FigureInfo] = {
    info.name: info
    for info in (
        smoothness.INFO,
        comparison.INFO,
        comparison.ALL_BETAS,
        factor_channel.INFO,
        traversals.CAPACITY,
        traversals.TRAVERSALS,
        information.INFO,
        sweeps.PLANE,
        sweeps.BETA,
        sweeps.C,
        curves.CAPACITY,
        doctor.DOCTOR,
        curves.MODELS,
        curves.TRAINING,
        during_training.INFO,
    )
}


def draw_all(study: Study) -> Iterator[tuple[FigureInfo, Drawn]]:
    """Yield every figure that a study has something for, in the order of `FIGURES`."""
    for info in FIGURES.values():
        drawings = info.draw(study)
        while (drawn := _next(drawings)) is not None:
            yield info, drawn


def _next(drawings: Iterator[Drawn]) -> Drawn | None:
    # Titles and legends take their style when they are made; between figures it is the caller's.
    with styled():
        return next(drawings, None)
