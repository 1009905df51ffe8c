"""Write verdicts as `tables/claims.csv`: one row for each part of each verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields

import pandas as pd

from ._base import Verdict
from ._parts import Part

_WHAT = ["claim", "title", "origin", "headline", "dataset", "dataset_options", "precision", "steps"]
_VERDICT = ["verdict", "qualification"]
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
        what was judged, the verdict on the whole claim in one word and what qualifies it,
        `part_verdict` by the part's own interval with its quantity, margin, effect and intervals,
        `p_holm` of the whole claim, and the words.
    """
    rows = []
    for verdict in verdicts:
        names = (*_WHAT, *_VERDICT, "p_holm", *_TEXTS)
        whole = {name: getattr(verdict, name) for name in names}
        parts = [{**asdict(part), "part_verdict": part.verdict} for part in verdict.parts]
        rows += [{**whole, **part} for part in parts or [{}]]
    columns = [*_WHAT, *_VERDICT, "part_verdict", *_PART, "p_holm", *_TEXTS]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.astype({"steps": "Int64", "n_seeds": "Int64"})
