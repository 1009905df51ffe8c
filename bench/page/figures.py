"""The page's figures: as many drawings as it has room for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ..plots import FIGURES, Drawn, FigureInfo, page_svgs

# Figures of each kind that are shown unfolded; the rest of the kind is folded up.
UNFOLDED = 3
# Unfolded figures are always on the page, others only up to this many characters in all, so that it
# opens at once and can be mailed; the rest is in figures/.
ALL_BYTES = 3_000_000


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
    by_kind = {name: _by_turns(part) for name, part in by_kind.items()}
    shown = _n_shown({name: [len(svg) for _, svg in part] for name, part in by_kind.items()})
    kinds = []
    for name, info in FIGURES.items():
        part, n_shown = by_kind.get(name, []), shown.get(name, 0)
        figures = tuple(
            # SVGs of our own making.
            Figure(d.title, d.alt, d.note, Markup("").join(map(Markup, page_svgs(d, svg))))
            for d, svg in part[:n_shown]
        )
        if figures:
            kinds.append(FigureKind(info, figures, len(part) - n_shown))
    return kinds


def _n_shown(sizes: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """Return how many figures of every kind there is room for: a fourth of each, then a fifth."""
    shown = {name: min(UNFOLDED, len(part)) for name, part in sizes.items()}
    left = ALL_BYTES - sum(sum(part[: shown[name]]) for name, part in sizes.items())
    growing = list(sizes)
    while growing:
        for name in tuple(growing):
            following = sizes[name][shown[name] : shown[name] + 1]
            if following and following[0] <= left:
                shown[name] += 1
                left -= following[0]
            else:
                # Of a kind none is skipped: it ends where the next does not fit.
                growing.remove(name)
    return shown


def _by_turns(part: Sequence[tuple[Drawn, str]]) -> list[tuple[Drawn, str]]:
    """Return drawings in an order in which every dataset has one before any has a second."""
    seen = Counter[str]()
    turns = []
    for drawn, _ in part:
        turns.append(seen[drawn.dataset])
        seen[drawn.dataset] += 1
    return [part[i] for i in sorted(range(len(part)), key=turns.__getitem__)]
