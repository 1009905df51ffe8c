"""What the page says of every measured column: title, meaning, range and direction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..analysis import Study
from ..tables import (
    OF_EVERY_RUN,
    higher_is_better,
    metric_info,
    metric_meaning,
    metric_range,
    metric_title,
    minus,
)
from .markup import beginning


@dataclass(frozen=True)
class Definition:
    """A measured column as a reader meets it.

    Attributes
    ----------
    name, title : str
        Its exact name, and what people call it.
    text : str
        What it means, with its variant, part and options.
    range : str
        Least and greatest value, and which direction is better.
    better : {"more", "less", ""}
        That direction for the page's script.
    reference : str
        Where it is defined.
    """

    name: str
    title: str
    text: str
    range: str
    better: Literal["more", "less", ""]
    reference: str


def definitions(study: Study) -> dict[str, Definition]:
    """Return what the measured columns mean, by their names."""
    names = dict.fromkeys([*OF_EVERY_RUN, *study.tables.metrics])
    return {name: _definition(name) for name in names if name in OF_EVERY_RUN or metric_info(name)}


def _definition(name: str) -> Definition:
    info = metric_info(name)
    low, high = metric_range(name)
    span = f"{'−∞' if low is None else low} to {'∞' if high is None else high}"
    higher = higher_is_better(name)
    said = {True: ", higher is better", False: ", lower is better", None: ""}[higher]
    return Definition(
        name,
        metric_title(name),
        metric_meaning(name),
        minus(span) + said,
        "" if higher is None else "more" if higher else "less",
        beginning(info.reference) if info else "Kingma & Welling 2014",
    )
