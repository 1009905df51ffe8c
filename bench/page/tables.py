"""The page's tables of scores: plain rows and cells for the template."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import pandas as pd

from ..analysis import Study
from ..grid import KINDS, Codes, VAESpec
from ..tables import (
    MIN_SEEDS,
    OF_ENOUGH_SEEDS,
    IntervalKind,
    by_dataset,
    metric_info,
    number,
    t_half,
)

# Lower is better for these; for the metrics, their registry knows.
_DIRECTIONS: dict[str, bool | None] = {"reconstruction": False, "kl": None}


@dataclass(frozen=True)
class Cell:
    """A number of a table as it is shown.

    Attributes
    ----------
    text : str
        The number.
    value : float or None
        What the table is sorted by.
    kind : {"t95", "logit95", "log95", "equal", "range", "single", ""}
        What is known beside it: a 95% interval, that all seeds have this value, the range of few
        seeds, that there is one seed, or nothing.
    low, high : float
        The interval or range, NaN without one.
    best : bool
        Whether its interval lies apart from all others' on the better side.
    tied : bool
        Whether it is of those of which none is best: not distinguishable.
    """

    text: str
    value: float | None = None
    kind: IntervalKind | Literal["single", ""] = ""
    low: float = math.nan
    high: float = math.nan
    best: bool = False
    tied: bool = False

    @property
    def detail(self) -> str:
        """What stands below the number on the page."""
        if self.kind in ("t95", "logit95", "log95", "range"):
            name = "range" if self.kind == "range" else "95%"
            return f"{name} {number(self.low)} to {number(self.high)}"
        return {"single": "one seed", "equal": "all equal"}.get(self.kind, "")


@dataclass(frozen=True)
class Row:
    """A row of a table: its heading, the kind of model, and a cell per column."""

    label: str
    kind: str
    cells: tuple[Cell, ...]

    @property
    def family(self) -> str:
        """What the page's filter calls the kind: all that is no model is a baseline."""
        free = self.kind.startswith("baseline_") or self.kind == "level"
        return "baselines" if free else self.kind


@dataclass(frozen=True)
class Table:
    """A table of one dataset, and what has to be said of all of it."""

    dataset: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    note: str = ""


def summary_tables(study: Study) -> list[Table]:
    """Return, per dataset, a row for every group and a column for every metric."""
    summary = study.tables.summary
    tables = []
    for dataset, part in by_dataset(summary):
        columns = [name for name in study.tables.metrics if name in set(part["metric"])]
        places = {name: _first_place(part[part["metric"] == name], name) for name in columns}
        rows = []
        for _, group in part.groupby(["group_id", "precision"], sort=False):
            first = group.iloc[0]
            entries = group.set_index("metric")
            cells = [Cell(str(int(group["n_seeds"].max())), value=float(group["n_seeds"].max()))]
            for name in columns:
                if name not in entries.index:
                    cells.append(Cell("–"))
                    continue
                entry = entries.loc[name]
                mine = (first["group_id"], first["precision"]) in places[name]
                cells.append(interval_cell(entry, best=mine and len(places[name]) == 1))
                if mine and len(places[name]) > 1:
                    cells[-1] = replace(cells[-1], tied=True)
            rows.append(Row(first["label"], first["kind"], tuple(cells)))
        rows += _level_rows(part, columns)
        tables.append(Table(dataset, ("seeds", *columns), tuple(rows), _why_no_star(part)))
    return tables


def choices(tables: Sequence[Table]) -> dict[str, list[str]]:
    """Return the datasets and the kinds of model that tables can be filtered by."""
    kinds = dict.fromkeys(row.family for table in tables for row in table.rows)
    return {"datasets": [table.dataset for table in tables], "kinds": [*kinds]}


def variant_tables(study: Study) -> list[Table]:
    """Return, per dataset and metric, what else goes by the metric's name, on the same codes."""
    variants = study.tables.variants
    joined = variants.merge(study.tables.runs, on="run_id") if len(variants) else variants
    tables = []
    for dataset, part in by_dataset(joined):
        for metric, values in part.groupby("metric", sort=False):
            columns = list(dict.fromkeys(values["label_x"]))
            if len(columns) < 2:
                continue
            rows = []
            for _, run in values.groupby("run_id", sort=False):
                found = run.set_index("label_x")["value"]
                cells = [_level_cell(found.get(column)) for column in columns]
                first = run.iloc[0]
                name = f"{first['label_y']}, seed {first['seed']}"
                rows.append(Row(name, first["kind"], tuple(cells)))
            tables.append(Table(f"{metric} on {dataset}", tuple(columns), tuple(rows)))
    return tables


def difference_tables(study: Study) -> list[Table]:
    """Return, per dataset, the paired differences from the VAE, with what they allow to say."""
    differences = study.tables.differences
    runs = study.tables.runs
    kinds = dict(zip(runs["group_id"], runs["kind"], strict=True)) if len(runs) else {}
    tables = []
    for dataset, part in by_dataset(differences):
        columns = [name for name in study.tables.metrics if name in set(part["metric"])]
        rows = []
        for _, group in part.groupby(["group_id", "precision"], sort=False):
            entries = group.set_index("metric")
            cells = [Cell(str(int(group["n_pairs"].max())), value=float(group["n_pairs"].max()))]
            for name in columns:
                if name not in entries.index:
                    cells.append(Cell("–"))
                    continue
                entry = entries.loc[name]
                enough = entry["interval"] in OF_ENOUGH_SEEDS
                within = enough and bool(entry["low"] <= 0 <= entry["high"])
                cells.append(replace(interval_cell(entry), tied=within))
            kind = kinds.get(group["group_id"].iloc[0], "")
            rows.append(Row(group["label"].iloc[0], kind, tuple(cells)))
        tables.append(Table(dataset, ("pairs", *columns), tuple(rows)))
    return tables


def _level_rows(part: pd.DataFrame, columns: Sequence[str]) -> list[Row]:
    """Return what codes without information and perfect ones score, for every size of code."""
    rows: list[Row] = []
    if not {"chance", "n_latents"} <= {*part}:
        return rows
    sizes = sorted({int(size) for size in part["n_latents"].dropna()})
    for size in sizes:
        alike = part[part["n_latents"] == size]
        several = f" of {size} latents" if len(sizes) > 1 else ""
        for name, text in (("chance", "codes without information"), ("ceiling", "perfect codes")):
            levels = alike.groupby("metric")[name].mean()
            if levels.notna().any():
                cells = [Cell("–"), *(_level_cell(levels.get(column)) for column in columns)]
                rows.append(Row(f"{text}{several}", "level", tuple(cells)))
    return rows


def _level_cell(value: float | None) -> Cell:
    known = value is not None and math.isfinite(value)
    return Cell(number(value), value=value if known else None)


def interval_cell(entry: Any, *, best: bool = False) -> Cell:
    """Return the cell of a row of `Tables.summary` or `Tables.differences`."""
    mean, low, high = (float(entry[name]) for name in ("mean", "low", "high"))
    alone = int(entry.get("n_seeds", entry.get("n_pairs"))) == 1
    return Cell(number(mean), mean, "single" if alone else entry["interval"], low, high, best)


def _competing(part: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of models: baselines and factor channels do not compete.

    The true factors would always win.
    """
    kinds = [kind for kind, cls in KINDS.items() if issubclass(cls, VAESpec | Codes)]
    return part[part["kind"].isin(kinds)]


def _first_place(part: pd.DataFrame, name: str) -> set[tuple[str, str]]:
    """Return the groups of which none is better beyond doubt.

    One alone is the best: its interval lies apart from all others'. Several are those whose
    intervals reach that of the highest mean. None where there is nothing to compare, or where some
    have too few seeds for an interval.
    """
    higher = better(name)
    models = _competing(part)
    if higher is None or len(models) < 2 or not {*models["interval"]} <= {*OF_ENOUGH_SEEDS}:
        return set()
    ordered = _with_spread(models).sort_values("mean", ascending=not higher)
    first = ordered.iloc[0]
    near = ordered["high"] >= first["low"] if higher else ordered["low"] <= first["high"]
    reach = ordered[near]
    return set(zip(reach["group_id"], reach["precision"], strict=True))


def _with_spread(models: pd.DataFrame) -> pd.DataFrame:
    """Give models whose seeds are all equal an interval: of the widest spread that another has.

    Equal seeds show no spread; that there is none they do not show.
    """
    equal = models["interval"] == "equal"
    if not equal.any():
        return models
    half = models.loc[equal, "n_seeds"].map(t_half) * models["std"].max()
    means = models.loc[equal, "mean"]
    models = models.copy()
    models.loc[equal, "low"], models.loc[equal, "high"] = means - half, means + half
    return models


def _why_no_star(part: pd.DataFrame) -> str:
    """Return why a table has no star, where that is for want of seeds."""
    models = _competing(part)
    seeds = models.groupby(["group_id", "precision"], sort=False)["n_seeds"].max()
    few = int((seeds < MIN_SEEDS).sum())
    if len(seeds) < 2 or not few:
        return ""
    return (
        f"{few} of {len(seeds)} models have fewer than {MIN_SEEDS} seeds: too few to "
        f"say which is best, so there is no star."
    )


def better(name: str) -> bool | None:
    """Return whether more of a measured column is better; None where neither direction is."""
    if name in _DIRECTIONS:
        return _DIRECTIONS[name]
    info = metric_info(name)
    return None if info is None else info.higher_is_better
