"""Drawings -> the figures of the page, as many as it has room for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from .plots import FIGURES, Drawn, FigureInfo

# Of every kind so many are shown at once; the others of it are folded up.
UNFOLDED = 3
# Those take what they take. More are put on the page up to so many characters in all; the rest is
# in figures/.
ALL_BYTES = 6_000_000


@dataclass(frozen=True)
class Figure:
    """A figure as it is shown, beside what it is."""

    title: str
    alt: str
    note: str
    svg: Markup


@dataclass(frozen=True)
class FigureKind:
    """The figures of a kind.

    Attributes
    ----------
    info : FigureInfo
        What they show.
    figures : tuple of Figure
        Those that are on the page.
    left_out : int
        How many more there are.
    """

    info: FigureInfo
    figures: tuple[Figure, ...]
    left_out: int


def figure_kinds(drawings: Sequence[tuple[str, Drawn, str]]) -> list[FigureKind]:
    """Return what the page shows of drawings, given as (kind, drawing, SVG), kind by kind."""
    by_kind: dict[str, list[tuple[Drawn, str]]] = {}
    for name, drawn, svg in drawings:
        by_kind.setdefault(name, []).append((drawn, svg))
    first = (svg for part in by_kind.values() for _, svg in part[:UNFOLDED])
    left = ALL_BYTES - sum(len(svg) for svg in first)
    kinds = []
    for name, info in FIGURES.items():
        part = by_kind.get(name, [])
        n_shown = min(UNFOLDED, len(part))
        while n_shown < len(part) and len(part[n_shown][1]) <= left:
            left -= len(part[n_shown][1])
            n_shown += 1
        figures = tuple(
            # An SVG of our own making; ids are made unique so that figures do not mix.
            Figure(d.title, d.alt, d.note, Markup(_inline(svg, d.name)))  # noqa: S704
            for d, svg in part[:n_shown]
        )
        if figures:
            kinds.append(FigureKind(info, figures, len(part) - n_shown))
    return kinds


def _inline(svg: str, name: str) -> str:
    """Return an SVG document as an element of a page."""
    body = svg[svg.index("<svg") :]
    for mark in ('id="', "url(#", 'href="#'):
        body = body.replace(mark, f"{mark}{name}-")
    return body.replace("<svg ", '<svg aria-hidden="true" ', 1)
