"""Claim and Verdict: what a claim is, how it is judged and how its verdict is worded."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ...tables import Tables, counted, dataset_heading
from ..comparable import Setting, comparable
from ._parts import Part, VerdictWord, combined

# After Holm's correction a verdict holds where its p value is below this.
ALPHA = 0.05


@dataclass(frozen=True)
class Finding:
    """What a claim found in comparable runs.

    Attributes
    ----------
    parts : list of Part
        The inequalities that could be measured; the claim is their conjunction.
    sentence : str
        What was measured, with controls and sensitivity.
    missing : str
        What a verdict on the whole claim lacks and how to get it; empty where it lacks nothing.
    qualification : str
        What has to be said beside the verdict in a few words; mostly nothing.
    """

    parts: list[Part]
    sentence: str = ""
    missing: str = ""
    qualification: str = ""


@dataclass(frozen=True)
class Claim:
    """A claim and how it is measured.

    Attributes
    ----------
    number : int
        From 1.
    title : str
        The claim in a few words.
    origin : str
        Whose claim it is.
    datasets : tuple of str
        Data that it is about; empty for any.
    kinds : tuple of str
        Runs of one of these kinds make it a question; without one there is nothing to judge.
    needs : str
        What a grid must have for it, said where a grid has nothing of it.
    measure : callable
        Comparable runs to a `Finding`.
    published : str
        The part of the page's published numbers that stands beside it; empty without one.
    """

    number: int
    title: str
    origin: str
    datasets: tuple[str, ...]
    kinds: tuple[str, ...]
    needs: str
    measure: Callable[[Setting], Finding]
    published: str = ""

    def judge(self, tables: Tables) -> list[Verdict]:
        """Return the headline, then a verdict for each further set of runs that can be measured.

        The headline is of a dataset's default, where there are runs of it, before its variants, of
        what can be measured before what cannot, of full precision before less, of the longest
        training; then the first in the table. Which one it is does not depend on how a measurement
        turns out.
        """
        about = [setting for setting in comparable(tables) if self._is_about(setting)]
        headings = {dataset_heading(one.dataset, one.dataset_options) for one in about}
        verdicts = sorted(
            (self._verdict(setting, self.measure(setting)) for setting in about),
            key=lambda verdict: (
                verdict.dataset in headings
                and dataset_heading(verdict.dataset, verdict.dataset_options) != verdict.dataset,
                not verdict.parts,
                verdict.precision != "float32",
                -(verdict.steps or 0),
            ),
        )
        if not verdicts:
            nothing = Finding([], missing=f"The grid has no such models: add {self.needs}.")
            verdicts = [self._verdict(None, nothing)]
        first, *others = verdicts
        return [replace(first, headline=True), *(verdict for verdict in others if verdict.parts)]

    def _is_about(self, setting: Setting) -> bool:
        known = not self.datasets or setting.dataset in self.datasets
        return known and bool(set(setting.runs["kind"]) & set(self.kinds))

    def _folders(self, setting: Setting | None) -> str:
        """Return which of several folders the runs are of; empty where all are of one."""
        if setting is None or "folder" not in setting.runs:
            return ""
        runs = setting.runs[setting.runs["kind"].isin(self.kinds)]
        return f"of runs in {', '.join(dict.fromkeys(runs['folder']))}"

    def _failed(self, setting: Setting | None) -> str:
        """Return how many runs failed that would count: a share is of those that ended."""
        if setting is None or setting.tables.failures.empty:
            return ""
        failures = setting.tables.failures
        kinds = {"vae", *self.kinds}
        n = int(((failures["dataset"] == setting.dataset) & failures["kind"].isin(kinds)).sum())
        said = "is" if n == 1 else "are"
        return f"{counted(n, 'run')} of such models failed and {said} not counted" if n else ""

    def _verdict(self, setting: Setting | None, finding: Finding) -> Verdict:
        beside = (finding.qualification, self._failed(setting), self._folders(setting))
        return Verdict(
            claim=self.number,
            title=self.title,
            origin=self.origin,
            headline=False,
            dataset=setting.dataset if setting else "",
            dataset_options=setting.dataset_options if setting else "",
            precision=setting.precision if setting else "",
            steps=setting.steps if setting else None,
            by_interval=combined(finding.parts, not finding.missing),
            parts=tuple(finding.parts),
            sentence=finding.sentence,
            missing=finding.missing,
            said_beside="; ".join(filter(None, beside)),
        )


@dataclass(frozen=True)
class Verdict:
    """A claim judged on comparable runs.

    Attributes
    ----------
    claim, title, origin
        As in `Claim`.
    headline : bool
        Whether it is the one verdict of its claim that counts, and that Holm's correction is over;
        others are of further datasets, settings or precisions.
    dataset, dataset_options, precision : str
        What the runs have in common; empty where the grid has none.
    steps : int or None
        How long they were trained.
    by_interval : {"reproduced", "contradicted", "inconclusive"}
        By 95% intervals alone: reproduced where all parts are and none is missing, contradicted
        where any part is.
    parts : tuple of Part
        The inequalities with their intervals.
    sentence, missing, said_beside : str
        As in `Finding`, the last its qualification.
    p_holm : float
        The p value after Holm's correction over all claims; NaN without one.
    """

    claim: int
    title: str
    origin: str
    headline: bool
    dataset: str
    dataset_options: str
    precision: str
    steps: int | None
    by_interval: VerdictWord
    parts: tuple[Part, ...]
    sentence: str
    missing: str
    said_beside: str = ""
    p_holm: float = math.nan

    @property
    def verdict(self) -> VerdictWord:
        """The one word: of a headline what also holds after correction, else that by intervals."""
        if self.headline and not self.p_holm < ALPHA:
            return "inconclusive"
        return self.by_interval

    @property
    def qualification(self) -> str:
        """What has to be said beside the verdict; empty for most headlines."""
        said = [self.said_beside] if self.said_beside else []
        if self.verdict != self.by_interval:
            said.append(
                f"by its own interval {self.by_interval}, but not after Holm's correction for all "
                f"claims (p = {self.p_holm:.2g})"
            )
        if not self.headline and self.verdict != "inconclusive":
            said.append("a further setting, by its own interval, without correction")
        elif not self.headline:
            said.append("a further setting")
        return "; ".join(said)

    @property
    def p_value(self) -> float:
        """Of a conjunction the largest of its parts; of one contradicted, the part that does."""
        against = [part.p_value for part in self.parts if part.verdict == "contradicted"]
        if against:
            return min(against)
        if self.missing or not self.parts:
            return math.nan
        return max(part.p_value for part in self.parts)


def corrected(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Return the verdicts with their p values after Holm's step-down correction.

    The family is one headline of every claim, also of those that could not be tested: what a grid
    leaves out makes no other claim easier. A headline that does not hold after correction is
    inconclusive. Those of further settings are not in the family: theirs are by 95% intervals.

    References
    ----------
    Holm 1979, *A simple sequentially rejective multiple test procedure*.
    """
    family = [verdict for verdict in verdicts if verdict.headline]
    tested = [verdict for verdict in family if not math.isnan(verdict.p_value)]
    adjusted: dict[int, float] = {}
    largest = 0.0
    for rank, verdict in enumerate(sorted(tested, key=lambda verdict: verdict.p_value)):
        largest = max(largest, min(1.0, (len(family) - rank) * verdict.p_value))
        adjusted[verdict.claim] = largest
    return [
        replace(verdict, p_holm=adjusted[verdict.claim])
        if verdict.headline and verdict.claim in adjusted
        else verdict
        for verdict in verdicts
    ]
