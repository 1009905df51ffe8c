"""Write tables as `tables/*.parquet` too, on request: typed, with every number as it is."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import InputError
from ..store import replacing


def check_parquet() -> None:
    """Refuse what asks for Parquet where nothing can write it.

    Raises
    ------
    InputError
        If pyarrow is not installed.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise InputError("--parquet", "", "needs pyarrow: pip install 'disbench[parquet]'")


def write_parquet(path: Path, frame: pd.DataFrame) -> None:
    """Write a table with the column types that it has in pandas.

    Parameters
    ----------
    path : Path
        The file, which is replaced as a whole.
    frame : DataFrame
        Mappings and lists become JSON. A column that has lists beside numbers keeps the numbers,
        and a column of that name with an `s` has the lists.
    """
    columns: dict[str, pd.Series[Any]] = {}
    for name in map(str, frame):
        columns |= _plain(name, frame[name])
    with replacing(path) as staged:
        pd.DataFrame(columns).to_parquet(staged, engine="pyarrow", index=False)


def _plain(name: str, column: pd.Series[Any]) -> dict[str, pd.Series[Any]]:
    nested = column.map(lambda value: isinstance(value, dict | list | tuple))
    if not nested.any():
        return {name: column}
    rest = column[~nested].dropna()
    if len(rest) and rest.map(lambda value: isinstance(value, int | float)).all():
        return {name: column.mask(nested).astype("float64"), f"{name}s": column.where(nested, None)}
    texts = [json.dumps(value, sort_keys=True) if value else None for value in column]
    return {name: pd.Series(texts, column.index, dtype="str")}
