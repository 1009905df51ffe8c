"""The page's section of claims: verdicts as plain rows for the template."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ..analysis.claims import CLAIMS
from ..analysis.claims._base import Verdict
from ..analysis.claims._parts import Part
from ..tables import dataset_heading, number, significant
from .markup import beginning, with_code

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
class Evidence:
    """A verdict on comparable runs, as it is shown."""

    sign: str
    verdict: str
    qualification: str
    data: str
    parts: tuple[PartRow, ...]
    seeds: str
    sentence: str
    missing: Markup


@dataclass(frozen=True)
class ClaimItem:
    """A claim: its word, what was measured for it, then the same of further settings.

    Attributes
    ----------
    number : int
        Of the claim.
    title, origin : str
        What is claimed and whose claim it is.
    sign, word : str
        The verdict, as `tables/claims.csv` has it.
    gist : Markup
        The measured effect, or what is missing, in a line.
    rows : tuple of Evidence
        The headline first.
    published : tuple of str
        Id and title of the part of the page with published numbers beside it; empty without one.
    """

    number: int
    title: str
    origin: str
    sign: str
    word: str
    gist: Markup
    rows: tuple[Evidence, ...]
    published: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """What the page says of the claims.

    Attributes
    ----------
    claims : tuple of ClaimItem
        All six.
    asked : bool
        Whether any run is about any of them; a page without leaves them out.
    judged : bool
        Whether anything could be measured; a section without is shown folded up.
    tally : str
        How many claims have which word.
    """

    claims: tuple[ClaimItem, ...]
    asked: bool
    judged: bool
    tally: str


def claims_section(verdicts: Sequence[Verdict], published: Mapping[str, str]) -> Section:
    """Return the section of the page that says what became of the claims.

    `published` has id and title of the parts with published numbers that the page has.
    """
    by_claim: dict[int, list[Verdict]] = {}
    for verdict in verdicts:
        by_claim.setdefault(verdict.claim, []).append(verdict)
    claims = tuple(_item(members, published) for members in by_claim.values())
    counts = Counter(claim.word for claim in claims)
    return Section(
        claims=claims,
        asked=any(verdict.dataset for verdict in verdicts),
        judged=any(verdict.parts for verdict in verdicts),
        tally=", ".join(f"{counts[word]} {word}" for word in SIGNS if counts[word]),
    )


def _item(members: Sequence[Verdict], published: Mapping[str, str]) -> ClaimItem:
    first = members[0]
    part = CLAIMS[first.claim].published
    return ClaimItem(
        number=first.claim,
        title=first.title,
        origin=beginning(first.origin),
        sign=SIGNS[first.verdict],
        word=first.verdict,
        gist=_gist(first),
        rows=tuple(map(_evidence, members)),
        published=(part, published[part]) if part in published else (),
    )


def _gist(verdict: Verdict) -> Markup:
    if not verdict.parts:
        return with_code(verdict.missing)
    part = _part(_decisive(verdict))
    return Markup("{}: {} ({})").format(part.quantity, part.effect, part.interval)


def _decisive(verdict: Verdict) -> Part:
    """Return the part that a verdict hangs on: one that contradicts, else the least certain."""
    against = [part for part in verdict.parts if part.verdict == "contradicted"]
    if against:
        return min(against, key=lambda part: part.p_value)
    return max(verdict.parts, key=lambda part: part.p_value)


def _evidence(verdict: Verdict) -> Evidence:
    return Evidence(
        sign=SIGNS[verdict.verdict],
        verdict=verdict.verdict,
        qualification=beginning(verdict.qualification),
        data=_data(verdict),
        parts=tuple(_part(part) for part in verdict.parts),
        seeds=", ".join(dict.fromkeys(str(part.n_seeds) for part in verdict.parts)) or "–",
        sentence=verdict.sentence,
        missing=with_code(verdict.missing),
    )


def _part(part: Part) -> PartRow:
    comparison = "more" if part.direction == "above" else "less"
    paired = part.unpaired == part.unpaired
    unpaired = f"{number(part.unpaired_low)} to {number(part.unpaired_high)}"
    return PartRow(
        quantity=part.quantity,
        effect=number(part.effect),
        interval=f"95% interval {number(part.low)} to {number(part.high)}",
        wanted=f"{comparison} than {significant(part.margin)}",
        unpaired=f"unpaired, the interval is {unpaired}" if paired else "",
    )


def _data(verdict: Verdict) -> str:
    if not verdict.dataset:
        return ""
    name = dataset_heading(verdict.dataset, verdict.dataset_options)
    precision = "" if verdict.precision == "float32" else f", {verdict.precision}"
    return f"{name}, {verdict.steps or 0:,} steps{precision}"
