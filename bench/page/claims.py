"""The page's section of claims: verdicts as plain rows for the template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..analysis.claims._base import Verdict
from ..analysis.claims._parts import Part
from ..tables import dataset_heading, number

# Never by colour alone: a word, and a sign in front of it.
SIGNS = {"reproduced": "✓", "contradicted": "✗", "inconclusive": "?"}


@dataclass(frozen=True)
class PartRow:
    """A quantity with its interval and what the claim says of it."""

    quantity: str
    effect: str
    interval: str
    wanted: str
    unpaired: str


@dataclass(frozen=True)
class ClaimRow:
    """A verdict as it is shown."""

    heading: str
    origin: str
    sign: str
    verdict: str
    qualification: str
    data: str
    parts: tuple[PartRow, ...]
    seeds: str
    sentence: str
    missing: str


@dataclass(frozen=True)
class Section:
    """What the page says of the claims.

    Attributes
    ----------
    rows : tuple of ClaimRow
        Claims that the grid's models are about.
    untested : tuple of ClaimRow
        Claims that it has no models for.
    judged : bool
        Whether anything could be measured; a section without is shown folded up.
    tally : str
        How many claims are reproduced, contradicted and inconclusive.
    """

    rows: tuple[ClaimRow, ...]
    untested: tuple[ClaimRow, ...]
    judged: bool
    tally: str


def claims_section(verdicts: Sequence[Verdict]) -> Section:
    """Return the section of the page that says what became of the claims."""
    headlines = [verdict for verdict in verdicts if verdict.headline]
    counts = {name: sum(verdict.verdict == name for verdict in headlines) for name in SIGNS}
    return Section(
        rows=tuple(_row(verdict) for verdict in verdicts if verdict.dataset),
        untested=tuple(_row(verdict) for verdict in verdicts if not verdict.dataset),
        judged=any(verdict.parts for verdict in verdicts),
        tally=", ".join(f"{count} {name}" for name, count in counts.items()),
    )


def _row(verdict: Verdict) -> ClaimRow:
    return ClaimRow(
        heading=f"{verdict.claim}. {verdict.title}",
        origin=verdict.origin,
        sign=SIGNS[verdict.verdict],
        verdict=verdict.verdict,
        qualification=verdict.qualification,
        data=_data(verdict),
        parts=tuple(_part(part) for part in verdict.parts),
        seeds=", ".join(dict.fromkeys(str(part.n_seeds) for part in verdict.parts)) or "–",
        sentence=verdict.sentence,
        missing=verdict.missing,
    )


def _part(part: Part) -> PartRow:
    comparison = ">" if part.direction == "above" else "<"
    paired = part.unpaired == part.unpaired
    return PartRow(
        quantity=part.quantity,
        effect=number(part.effect),
        interval=f"95% {number(part.low)} to {number(part.high)}",
        wanted=f"{comparison} {number(part.margin)}",
        unpaired=f"unpaired {number(part.unpaired_low)} to {number(part.unpaired_high)}"
        if paired
        else "",
    )


def _data(verdict: Verdict) -> str:
    if not verdict.dataset:
        return ""
    name = dataset_heading(verdict.dataset, verdict.dataset_options)
    precision = "" if verdict.precision == "float32" else f", {verdict.precision}"
    return f"{name}, {verdict.steps or 0:,} steps{precision}"
