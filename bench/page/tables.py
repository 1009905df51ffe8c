"""The page's tables of scores: plain rows and cells for the template."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import pandas as pd

from ..analysis import Study
from ..tables import (
    INTERVALS,
    OF_ENOUGH_SEEDS,
    IntervalKind,
    by_dataset,
    kind_title,
    metric_title,
    number,
    shared_settings,
)
from .ranking import WITHOUT_RANK, first_place, why_no_star

# Columns that say how many values a mean is of.
COUNTS = ("seeds", "pairs")
# Of more columns a reader sees these first, which are the paper's, then others as they come.
MAX_SHOWN = 8
_FIRST_SHOWN = (
    "reconstruction",
    "kl",
    "beta_vae_score",
    "factor_regression",
    "smoothness",
    "mig_posterior",
    "dci_disentanglement",
    "active_units",
)


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
    few : str
        Of how many of the model's seeds it is, where the others have no value.
    """

    text: str
    value: float | None = None
    kind: IntervalKind | Literal["single", ""] = ""
    low: float = math.nan
    high: float = math.nan
    best: bool = False
    tied: bool = False
    few: str = ""

    @property
    def detail(self) -> str:
        """What stands below the number on the page; that there is one seed its column says."""
        return _listed(f"{self.what} {self.span}".strip(), self.few)

    @property
    def what(self) -> str:
        """What is known beside the number, in a word."""
        names: dict[str, str] = dict.fromkeys(INTERVALS, "95%")
        return {**names, "range": "range", "equal": "all equal"}.get(self.kind, "")

    @property
    def span(self) -> str:
        """The interval or range; nothing where it is no more than the number."""
        if self.kind in ("", "single", "equal"):
            return ""
        return f"{number(self.low)} to {number(self.high)}"


@dataclass(frozen=True)
class Row:
    """A row of a table: its heading, the kind of model, a cell per column.

    `block` is the id of the model's block on the page, empty where the row is no model.
    """

    label: str
    kind: str
    cells: tuple[Cell, ...]
    block: str = ""

    @property
    def family(self) -> str:
        """What the page's filter calls the kind: all that is no model is a baseline."""
        free = self.kind.startswith("baseline_") or self.kind == "level"
        return "baselines" if free else self.kind

    @property
    def is_pinned(self) -> bool:
        """Whether it stays below the models: baselines, chance and ceiling, channels of factors."""
        return self.family == "baselines" or self.kind in WITHOUT_RANK


@dataclass(frozen=True)
class Head:
    """The heading of a column of numbers.

    Attributes
    ----------
    name, title : str
        The exact name, and what people call it.
    shown : bool
        Whether it is shown before a reader chooses columns.
    """

    name: str
    title: str
    shown: bool


@dataclass(frozen=True)
class Table:
    """A table of one dataset, and what has to be said of all of it.

    `note` is why it has no star, `settings` are sentences with what its models share.
    """

    dataset: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    note: str = ""
    settings: tuple[str, ...] = ()

    @property
    def heads(self) -> tuple[Head, ...]:
        """The headings of its columns; of many, not all are shown at first."""
        own = [name for name in self.columns if name not in COUNTS]
        shown = own if len(own) <= MAX_SHOWN else _first_shown(own)
        return tuple(
            Head(
                name,
                name if name in COUNTS else metric_title(name),
                name in COUNTS or name in shown,
            )
            for name in self.columns
        )

    @cached_property
    def common(self) -> str:
        """What is known beside all numbers of its models, in a word; nothing where that differs."""
        ranked = [row for row in self.rows if not row.is_pinned]
        found = {cell.what for row in ranked for cell in row.cells if cell.span}
        return found.pop() if len(found) == 1 else ""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What would else stand in every row or cell, in sentences for its caption."""
        ranked = [row for row in self.rows if not row.is_pinned]
        counts = {row.cells[0].text for row in ranked if row.cells}
        of = (
            f"the {min(counts)} {self.columns[0]}" if len(counts) == 1 else f"its {self.columns[0]}"
        )
        small = {
            "95%": "Small print: 95% interval of the mean.",
            "range": f"Small print: smallest and largest of {of}.",
        }.get(self.common, "")
        if self.columns[:1] == ("seeds",) and counts == {"1"}:
            small = "One seed each, so there are no intervals."
        return (*self.settings, *([small] if small else []))

    def detail(self, cell: Cell) -> str:
        """Return what stands below a number, without what is said once."""
        return _listed(cell.span, cell.few) if cell.what == self.common else cell.detail


def _listed(*texts: str) -> str:
    return ", ".join(filter(None, texts))


def block_id(group_id: str, precision: str) -> str:
    """Return the id of a model's block: runs of two precisions are two models.

    Examples
    --------
    >>> block_id("3f", "float32"), block_id("3f", "bfloat16")
    ('model-3f', 'model-3f-bfloat16')
    """
    return f"model-{group_id}" + ("" if precision == "float32" else f"-{precision}")


def summary_tables(study: Study) -> list[Table]:
    """Return, per dataset, a row for every group and a column for every metric."""
    summary = study.tables.summary
    runs = dict(by_dataset(study.tables.runs))
    tables = []
    for dataset, part in by_dataset(summary):
        columns = [name for name in study.tables.metrics if name in set(part["metric"])]
        places = {name: first_place(part[part["metric"] == name], name) for name in columns}
        rows = []
        for key, entries in _groups(part).items():
            first = next(iter(entries.values()))
            cells = [_count(entries, "n_seeds")]
            most = int(cells[0].value or 0)
            for name in columns:
                if name not in entries:
                    cells.append(Cell("–"))
                    continue
                mine, alone = key in places[name], len(places[name]) == 1
                cell = interval_cell(entries[name], best=mine and alone, of=most)
                cells.append(replace(cell, tied=mine and not alone))
            rows.append(Row(first["label"], first["kind"], tuple(cells), block_id(*key)))
        rows.sort(key=lambda row: row.is_pinned)
        rows += _level_rows(part, columns)
        settings = tuple(shared_settings(runs[dataset])) if dataset in runs else ()
        head = ("seeds", *columns)
        tables.append(Table(dataset, head, tuple(rows), why_no_star(part), settings))
    return tables


def choices(tables: Sequence[Table]) -> dict[str, list[tuple[str, str]]]:
    """Return the datasets and kinds of model that tables can be filtered by, with their words."""
    datasets = [(table.dataset, table.dataset) for table in tables]
    kinds = dict.fromkeys(row.family for table in tables for row in table.rows)
    titles = [(kind, kind_title(kind)) for kind in kinds]
    return {"datasets": datasets, "kinds": titles}


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
                rows.append(
                    Row(
                        name,
                        first["kind"],
                        tuple(cells),
                        block_id(first["group_id"], first["precision"]),
                    )
                )
            tables.append(
                Table(f"{metric_title(str(metric))} on {dataset}", tuple(columns), tuple(rows))
            )
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
        for key, entries in _groups(part).items():
            first = next(iter(entries.values()))
            cells = [_count(entries, "n_pairs")]
            most = int(cells[0].value or 0)
            for name in columns:
                if name not in entries:
                    cells.append(Cell("–"))
                    continue
                entry = entries[name]
                enough = entry["interval"] in OF_ENOUGH_SEEDS
                within = enough and bool(entry["low"] <= 0 <= entry["high"])
                cells.append(replace(interval_cell(entry, of=most), tied=within))
            kind = kinds.get(first["group_id"], "")
            rows.append(Row(first["label"], kind, tuple(cells), block_id(*key)))
        tables.append(Table(dataset, ("pairs", *columns), tuple(rows)))
    return tables


# Columns of `Tables.summary` and `Tables.differences` that cells are made of.
_NEEDED = [
    "group_id",
    "precision",
    "label",
    "kind",
    "metric",
    "n_seeds",
    "n_pairs",
    "mean",
    "low",
    "high",
    "interval",
]


def _groups(part: pd.DataFrame) -> dict[tuple[str, str], dict[str, dict[Any, Any]]]:
    """Return the rows of every model by its group and precision, then by their metric."""
    groups: dict[tuple[str, str], dict[str, dict[Any, Any]]] = {}
    for entry in part[[name for name in part if name in _NEEDED]].to_dict("records"):
        mine = groups.setdefault((entry["group_id"], entry["precision"]), {})
        mine[entry["metric"]] = entry
    return groups


def _count(entries: dict[str, dict[Any, Any]], name: str) -> Cell:
    most = max(int(entry[name]) for entry in entries.values())
    return Cell(str(most), value=float(most))


def _level_rows(part: pd.DataFrame, columns: Sequence[str]) -> list[Row]:
    """Return what codes without information and perfect ones score, for every size of code."""
    rows: list[Row] = []
    if not {"chance", "n_latents"} <= {*part}:
        return rows
    sizes = sorted({int(size) for size in part["n_latents"].dropna()})
    for size in sizes:
        alike = part[part["n_latents"] == size]
        several = f", {size} latents" if len(sizes) > 1 else ""
        for name, text in (("chance", "codes without information"), ("ceiling", "perfect codes")):
            levels = alike.groupby("metric")[name].mean()
            if levels.notna().any():
                cells = [Cell("–"), *(_level_cell(levels.get(column)) for column in columns)]
                rows.append(Row(f"{text}{several}", "level", tuple(cells)))
    return rows


def _level_cell(value: float | None) -> Cell:
    known = value is not None and math.isfinite(value)
    return Cell(number(value), value=value if known else None)


def interval_cell(entry: Any, *, best: bool = False, of: int = 0) -> Cell:
    """Return the cell of a row of `Tables.summary` or `Tables.differences`.

    `of` is how many seeds or pairs its row says that there are.
    """
    mean, low, high = (float(entry[name]) for name in ("mean", "low", "high"))
    n = int(entry.get("n_seeds", entry.get("n_pairs")))
    few = f"{n} of {of} {'seeds' if 'n_seeds' in entry else 'pairs'}" if n < of else ""
    kind: IntervalKind | Literal["single"] = "single" if n == 1 else entry["interval"]
    return Cell(number(mean), mean, kind, low, high, best, few=few)


def _first_shown(columns: Sequence[str]) -> Sequence[str]:
    # A metric with options of its own takes the place of the plain one.
    chosen = [
        next((c for c in columns if c == name or c.startswith(f"{name}_")), None)
        for name in _FIRST_SHOWN
    ]
    return list(dict.fromkeys([*filter(None, chosen), *columns]))[:MAX_SHOWN]
