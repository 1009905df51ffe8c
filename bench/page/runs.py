"""The page's list of runs: each with its scores, and its settings behind its name."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..analysis import Study
from ..tables import dataset_headings, in_words, metric_title, number

# All runs are in runs.csv; more rows would only make the page slower.
MAX_ROWS = 10_000
_COLUMNS = {
    "label": "Model",
    "dataset": "dataset",
    "seed": "seed",
    "steps": "steps",
    "precision": "precision",
}
# Not shown: other columns have these, or no reader needs them.
_HIDDEN = {*_COLUMNS, "run_id", "dataset_options", "group_id", "kind"}


@dataclass(frozen=True)
class RunRow:
    """A run as it is shown: a text a column, and lines of details."""

    kind: str
    cells: tuple[str, ...]
    details: tuple[str, ...]


@dataclass(frozen=True)
class RunTable:
    """All runs.

    Attributes
    ----------
    columns : tuple of str
        Headings.
    rows : tuple of RunRow
        At most `MAX_ROWS`.
    left_out : int
        How many more there are.
    shared : str
        The settings that all runs have in common.
    """

    columns: tuple[str, ...]
    rows: tuple[RunRow, ...]
    left_out: int
    shared: str


def run_table(study: Study) -> RunTable:
    """Return the table of all runs."""
    runs = study.tables.runs
    measured = study.tables.metrics
    shown = runs.head(MAX_ROWS)
    hidden = {*_HIDDEN, *measured}
    # The seed by which images are drawn tells nothing where all have that of the start.
    if not runs.get("evaluation_seed", pd.Series(dtype="int64")).any():
        hidden.add("evaluation_seed")
    settings = [str(name) for name in runs if name not in hidden]
    values = {name: [_setting(value) for value in shown[name]] for name in settings}
    shared = {name: texts[0] for name, texts in values.items() if len({*texts}) == 1}
    varying = [name for name in settings if name not in shared]
    latents = _kl_lines(study)
    remarks = _remarks(study.tables.scores)
    headings = dataset_headings(zip(runs["dataset"], runs["dataset_options"], strict=True))
    rows = []
    for i, record in enumerate(shown.to_dict("records")):
        numbers = [number(None if pd.isna(v := record[name]) else float(v)) for name in measured]
        record["dataset"] = headings[record["dataset"], record["dataset_options"]]
        texts = (_setting(record[name]) or "–" for name in _COLUMNS)
        own = ", ".join(_said(n, text) for n in varying if (text := values[n][i]))
        run = record["run_id"]
        lines = [f"runs/{run}", own, latents.get(run, ""), *remarks.get(run, ())]
        rows.append(
            RunRow(record["kind"], (*texts, *numbers), tuple(line for line in lines if line))
        )
    return RunTable(
        columns=(*_COLUMNS.values(), *measured),
        rows=tuple(rows),
        left_out=max(0, len(runs) - MAX_ROWS),
        shared=", ".join(_said(name, text) for name, text in shared.items() if text),
    )


def _said(name: str, text: str) -> str:
    # How a run was executed is stored as `cpu threads=1`.
    return in_words(name, text.replace("=", " "))


def _setting(value: Any) -> str:
    """Return a setting as it is read; nothing where it does not apply.

    Examples
    --------
    >>> _setting(4.0), _setting(5e-4), _setting(float("nan")), _setting("bernoulli")
    ('4', '0.0005', '', 'bernoulli')
    """
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    if pd.isna(value):
        return ""
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _kl_lines(study: Study) -> dict[Hashable, str]:
    """Return, by run, the KL of its latents from high to low."""
    kl = study.tables.kl_per_dimension.sort_values("kl", ascending=False, kind="stable")
    listed: dict[Hashable, list[str]] = {}
    for run, latent, value in zip(kl["run_id"], kl["latent"], kl["kl"], strict=True):
        listed.setdefault(run, []).append(f"{latent} {number(float(value))}")
    return {run: f"KL of latents in nats: {', '.join(texts)}" for run, texts in listed.items()}


def _remarks(scores: pd.DataFrame) -> Mapping[Hashable, Sequence[str]]:
    """Return, by run, why it lacks scores and what its metrics warn of."""
    titles = {metric: metric_title(metric) for metric in scores["metric"].unique()}
    lacking: dict[tuple[Hashable, str], list[str]] = {}
    without = scores[scores["value"].isna() & scores["reason"].notna()]
    for run, metric, reason in zip(
        without["run_id"], without["metric"], without["reason"], strict=True
    ):
        lacking.setdefault((run, reason), []).append(titles[metric])
    remarks: dict[Hashable, list[str]] = {}
    for (run, reason), names in lacking.items():
        remarks.setdefault(run, []).append(f"No {', '.join(names)}: {reason}")
    for run, metric, texts in zip(
        scores["run_id"], scores["metric"], scores["warnings"], strict=True
    ):
        if isinstance(texts, list) and texts:
            remarks.setdefault(run, []).extend(f"{titles[metric]}: {text}" for text in texts)
    return remarks
