"""Headings: names of datasets, tables split by dataset, and the meaning of columns."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pandas as pd

from .._siblings import metrics
from ..grid import DatasetSpec


def by_dataset(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the rows of every dataset, with its name and options as a heading."""
    if table.empty:
        return
    for (name, options), part in table.groupby(["dataset", "dataset_options"], sort=False):
        yield dataset_heading(str(name), str(options)), part


def dataset_heading(name: str, options: str) -> str:
    """Return what a dataset with its options (JSON) is called.

    Examples
    --------
    >>> dataset_heading("ball", '{"radius": 3.0}'), dataset_heading("dsprites", "{}")
    ('ball (radius=3.0)', 'dsprites')
    """
    spelling = DatasetSpec(name=name, options=json.loads(options)).spelling
    listed = ", ".join(f"{key}={value}" for key, value in spelling.items())
    return f"{name} ({listed})" if listed else name


def metric_info(column: str) -> metrics.MetricInfo | None:
    """Return the registry's entry of the metric that a column of `runs` holds, None without one."""
    names = [name for name in metrics.METRICS if column == name or column.startswith(f"{name}_")]
    return metrics.METRICS[max(names, key=len)] if names else None
