"""Verdicts -> `tables/claims.csv`: a row for each part of each verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields

import pandas as pd

from ._base import Verdict
from ._parts import Part

_VERDICT = [field.name for field in fields(Verdict) if field.name not in ("parts", "p_holm")]
_PART = [field.name for field in fields(Part)]
_TEXTS = ["sentence", "missing"]


def verdict_frame(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """Return the verdicts as a tidy table.

    Parameters
    ----------
    verdicts : sequence of Verdict
        As `judge` returns them.

    Returns
    -------
    DataFrame
        One row for each part of a verdict, one with empty cells for a verdict without parts:
        what was judged and the verdict on the whole claim, `part_verdict` with the part's
        quantity, margin, effect and intervals, `p_holm` of the whole claim, and the words.
    """
    rows = []
    for verdict in verdicts:
        whole = {name: getattr(verdict, name) for name in _VERDICT} | {"p_holm": verdict.p_holm}
        parts = [{**asdict(part), "part_verdict": part.verdict} for part in verdict.parts]
        rows += [{**whole, **part} for part in parts or [{}]]
    first = [name for name in _VERDICT if name not in _TEXTS]
    frame = pd.DataFrame(rows, columns=[*first, "part_verdict", *_PART, "p_holm", *_TEXTS])
    return frame.astype({"steps": "Int64", "n_seeds": "Int64"})
