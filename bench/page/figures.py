"""The page's figures: comparisons by kind, and those of one model, as many as there is room for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..plots import FIGURES, Drawn, FigureInfo, page_svgs

# Figures of each kind of comparison that are there first; the rest of the kind is folded up.
UNFOLDED = 3
# Those are always on the page, others only up to this many characters in all, so that it opens at
# once and can be mailed; the rest is in figures/.
ALL_BYTES = 3_000_000

# A figure with its kind and its SVG.
Drawing = tuple[str, Drawn, str]
# A figure by own code with its SVG.
OwnDrawing = tuple[Drawn, str]


@dataclass(frozen=True)
class Figure:
    """A figure as it is shown, beside what it is; those of a grid's own are of no kind."""

    kind: FigureInfo | None
    title: str
    alt: str
    note: str
    svg: str


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


@dataclass(frozen=True)
class PageFigures:
    """All figures that the page has room for.

    Attributes
    ----------
    kinds : list of FigureKind
        Comparisons, in the order of `FIGURES`.
    of_models : dict
        Run id to the figures of this model, and how many more there are.
    """

    kinds: list[FigureKind]
    of_models: dict[str, tuple[list[Figure], int]]


def page_figures(drawings: Sequence[Drawing]) -> PageFigures:
    """Return what the page shows of drawings, which come kind by kind."""
    comparisons: dict[str, list[Drawing]] = {}
    models: dict[str, list[Drawing]] = {}
    for drawing in drawings:
        kind, drawn, _ = drawing
        if drawn.run_id is None or not FIGURES[kind].of_model:
            comparisons.setdefault(kind, []).append(drawing)
        else:
            models.setdefault(drawn.run_id, []).append(drawing)
    comparisons = {name: _by_turns(part) for name, part in comparisons.items()}
    first = dict.fromkeys(comparisons, UNFOLDED)
    shown, left = _rooms(comparisons, first, ALL_BYTES)
    of_models, _ = _rooms(models, dict.fromkeys(models, 0), left)
    kinds = [
        FigureKind(
            info,
            tuple(map(_figure, comparisons[name][: shown[name]])),
            len(comparisons[name]) - shown[name],
        )
        for name, info in FIGURES.items()
        if name in comparisons
    ]
    return PageFigures(
        [kind for kind in kinds if kind.figures],
        {
            run: ([_figure(one) for one in part[: of_models[run]]], len(part) - of_models[run])
            for run, part in models.items()
        },
    )


def own_figures(drawings: Iterable[OwnDrawing]) -> list[Figure]:
    """Return the figures that a grid has of its own: all of them, whatever room they take."""
    return [
        Figure(None, drawn.title, drawn.alt, drawn.note, "".join(page_svgs(drawn, svg)))
        for drawn, svg in drawings
    ]


def _rooms(
    parts: Mapping[str, Sequence[Drawing]], first: Mapping[str, int], room: int
) -> tuple[dict[str, int], int]:
    """Return how many figures of every part there is room for, by turns, and the room left.

    Those that come `first` are there in any case.
    """
    sizes = {name: [len(svg) for _, _, svg in part] for name, part in parts.items()}
    shown = {name: min(first[name], len(part)) for name, part in sizes.items()}
    left = room - sum(sum(part[: shown[name]]) for name, part in sizes.items())
    growing = list(sizes)
    while growing:
        for name in tuple(growing):
            following = sizes[name][shown[name] : shown[name] + 1]
            if following and following[0] <= left:
                shown[name] += 1
                left -= following[0]
            else:
                # Of a part none is skipped: it ends where the next does not fit.
                growing.remove(name)
    return shown, left


def _by_turns(part: Iterable[Drawing]) -> list[Drawing]:
    """Return drawings in an order in which every dataset has one before any has a second."""
    seen = Counter[str]()
    turns = []
    for drawing in part:
        turns.append((seen[drawing[1].dataset], drawing))
        seen[drawing[1].dataset] += 1
    return [drawing for _, drawing in sorted(turns, key=lambda turn: turn[0])]


def _figure(drawing: Drawing) -> Figure:
    kind, drawn, svg = drawing
    return Figure(FIGURES[kind], drawn.title, drawn.alt, drawn.note, "".join(page_svgs(drawn, svg)))
