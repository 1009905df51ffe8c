"""Write tables as `tables/*.csv`: exact floats, and no text that a spreadsheet would execute.

If asked for, each is written as Parquet beside it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from ..grid import KINDS
from ..store import Folder, remove, replacing
from .collect import Tables
from .parquet import write_parquet

_WRITTEN = ("runs", "summary", "differences", "kl_per_dimension", "scores", "variants", "failures")
# Hyper-parameters that are counts.
_COUNTS = tuple(
    name
    for cls in KINDS.values()
    for name, field in cls.model_fields.items()
    if field.annotation is int
)
# What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t")


def write_tables(store: Folder, tables: Tables, *, parquet: bool = False) -> None:
    """Write `tables/*.csv`."""
    for name in _WRITTEN:
        frame: pd.DataFrame = getattr(tables, name)
        plain = {c: frame[c].map(_as_text) for c in ("options", "warnings", "detail") if c in frame}
        counts = [column for column in (*_COUNTS, "active_units") if column in frame]
        # A count stays a count where other rows have none.
        whole = {column: "Int64" for column in counts if _is_whole(frame[column])}
        path = store.folder / "tables" / f"{name}.csv"
        _write_csv(path, frame.assign(**plain).astype(whole))
        _keep_beside(path, frame if parquet else None)


def write_table(store: Folder, name: str, frame: pd.DataFrame, *, parquet: bool = False) -> None:
    """Write a further table `tables/<name>.csv`; one without rows is taken away instead."""
    path = store.folder / "tables" / f"{name}.csv"
    if frame.empty:
        remove(path)
        _keep_beside(path, None)
        return
    _write_csv(path, frame)
    _keep_beside(path, frame if parquet else None)


def _keep_beside(path: Path, frame: pd.DataFrame | None) -> None:
    """Write a table as Parquet beside its CSV; None takes away one of an earlier start."""
    beside = path.with_suffix(".parquet")
    if frame is None:
        remove(beside)
    else:
        write_parquet(beside, frame)


def _write_csv(path: Path, frame: pd.DataFrame) -> None:
    texts = [c for c in map(str, frame) if not pd.api.types.is_numeric_dtype(frame[c])]
    frame = frame.assign(**{c: frame[c].map(_plain_text) for c in texts})
    with replacing(path) as staged:
        frame.to_csv(staged, index=False, lineterminator="\n")


def _as_text(value: Any) -> str:
    """Return a list or mapping as JSON, nothing where it is empty."""
    return json.dumps(value, sort_keys=True) if value else ""


def _plain_text(value: Any) -> Any:
    """Return a text that no spreadsheet takes for a formula; reasons and names are anybody's."""
    if not isinstance(value, str):
        return value
    # A lone carriage return ends a row for some readers, and is not quoted by the writer.
    value = value.replace("\r", "\\r")
    return f"'{value}" if value.startswith(_FORMULA) else value


def _is_whole(column: pd.Series[Any]) -> bool:
    numbers = pd.to_numeric(column).dropna()
    return bool((numbers == numbers.round()).all())
