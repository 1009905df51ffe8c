"""Scores during training: what a run was scored by on the way, as stored. No torch."""

from __future__ import annotations

import io
import re

import pandas as pd

# One row for every step and column.
COLUMNS = ("step", "metric", "value")
# The longest name of a column that a run may have.
_LONGEST = 1_000


def scores_text(scores: pd.DataFrame) -> str:
    """Return scores on the way as CSV, exact to the last bit; empty where there is no value."""
    text: str = scores[[*COLUMNS]].to_csv(index=False, lineterminator="\n")
    return text


def parse_scores_text(content: bytes) -> pd.DataFrame:
    r"""Return scores on the way: `step`, `metric`, `value`, which is NaN where there is none.

    Parameters
    ----------
    content : bytes
        What `scores_text` gave.

    Raises
    ------
    ValueError
        If it is anything else.

    Examples
    --------
    >>> parse_scores_text(b"step,metric,value\n10,mig,0.5\n20,mig,\n")
       step metric  value
    0    10    mig    0.5
    1    20    mig    NaN
    """
    # As text first: some versions of pandas read numbers with the last digit off.
    table = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
    # Of rows that are longer than the header, pandas makes an index.
    if tuple(table) != COLUMNS or not isinstance(table.index, pd.RangeIndex):
        raise ValueError(f"its columns are not {', '.join(COLUMNS)}")
    if not table["step"].str.fullmatch(r"[1-9][0-9]{0,9}", flags=re.ASCII).all():
        raise ValueError("its steps are not whole numbers from 1 on")
    values = table["value"].where(table["value"] != "", "nan").astype("float64")
    table = table.assign(step=table["step"].astype("int64"), value=values)
    if not table["metric"].map(lambda name: name.isprintable() and 0 < len(name) <= _LONGEST).all():
        raise ValueError("its metrics are not names")
    if table.duplicated(["step", "metric"]).any():
        raise ValueError("it has two values of a metric at a step")
    return table
