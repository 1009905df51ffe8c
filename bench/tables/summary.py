"""Summarise runs over seeds: a mean per group, and paired differences from the VAE.

A group is every run of one `group_id` at one precision; two precisions are never pooled.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable
from typing import Any

import numpy as np
import pandas as pd

from .headings import metric_range
from .intervals import difference_interval, interquartile_mean, mean_interval

_GROUP = ["group_id", "precision"]
# What distinguishes the runs of a group.
_PER_RUN = ("run_id", "seed", "execution", "folder")
REFERENCE = "vae"


def summarise(runs: pd.DataFrame, metrics: Collection[str]) -> pd.DataFrame:
    """Return one row per group and metric, with the statistics over the group's seeds.

    Parameters
    ----------
    runs : DataFrame
        As in `Tables.runs`.
    metrics : collection of str
        Its columns that are measured.

    Returns
    -------
    DataFrame
        What the runs of the group have in common, then metric, n_seeds, mean, std, low, high,
        interval (what low and high are, as in `Interval.kind`: `logit95`, `log95` or `t95` from 6
        seeds on, `equal` where all have one value, `range` for fewer seeds), minimum, maximum and,
        from 20 seeds on, the interquartile mean: iqm, iqm_low, iqm_high.
    """
    rows: list[dict[str, Any]] = []
    for _, group in _groups(runs):
        common = {
            str(name): group[name].iloc[0]
            for name in group
            if name not in metrics and name not in _PER_RUN
        }
        for metric in metrics:
            values = group[metric].dropna().to_numpy(np.float64)
            if not len(values):
                continue
            interval = mean_interval(values, metric_range(metric))
            iqm, iqm_low, iqm_high = interquartile_mean(values)
            rows.append(
                {
                    **common,
                    "metric": metric,
                    "n_seeds": interval.n,
                    "mean": interval.mean,
                    "std": interval.std,
                    "low": interval.low,
                    "high": interval.high,
                    "interval": interval.kind,
                    "minimum": float(values.min()),
                    "maximum": float(values.max()),
                    "iqm": iqm,
                    "iqm_low": iqm_low,
                    "iqm_high": iqm_high,
                }
            )
    described = [name for name in runs if name not in metrics and name not in _PER_RUN]
    return pd.DataFrame(rows, columns=[*described, *_STATISTICS])


_STATISTICS = [
    "metric",
    "n_seeds",
    "mean",
    "std",
    "low",
    "high",
    "interval",
    "minimum",
    "maximum",
    "iqm",
    "iqm_low",
    "iqm_high",
]


def differences(
    runs: pd.DataFrame, metrics: Collection[str], ignore: Collection[str]
) -> pd.DataFrame:
    """Return the difference of every trained group from the VAE of the same settings.

    Runs are paired by seed: those of one seed share initialisation and data order, so the spread
    between seeds cancels.

    Parameters
    ----------
    runs : DataFrame
        As in `Tables.runs`.
    metrics : collection of str
        Its columns that are measured.
    ignore : collection of str
        Settings that may differ between a group and its reference: those of the objective.

    Returns
    -------
    DataFrame
        group, reference, metric, n_pairs, mean (group minus reference), std, low, high, interval
        (`t95`, `equal` or `range`, as in `summarise`) and the two-sided p value of a paired t test.
    """
    apart = {*metrics, *_PER_RUN, *ignore, "kind", "group_id", "label"}
    shared = [name for name in runs if name not in apart]
    references = {
        _key(group, shared): group
        for _, group in _groups(runs)
        if group["kind"].iloc[0] == REFERENCE
    }
    rows: list[dict[str, Any]] = []
    for _, group in _groups(runs):
        reference = references.get(_key(group, shared))
        if reference is None or reference is group or group["kind"].iloc[0] == REFERENCE:
            continue
        first = group.iloc[0]
        pairs = group.merge(reference, on="seed", suffixes=("", "_reference"))
        for metric in metrics:
            difference = (pairs[metric] - pairs[f"{metric}_reference"]).dropna()
            if difference.empty:
                continue
            interval = difference_interval(difference, metric_range(metric))
            rows.append(
                {
                    "dataset": first["dataset"],
                    "dataset_options": first["dataset_options"],
                    "precision": first["precision"],
                    "group_id": first["group_id"],
                    "label": first["label"],
                    "reference_group_id": reference["group_id"].iloc[0],
                    "reference_label": reference["label"].iloc[0],
                    "metric": metric,
                    "n_pairs": interval.n,
                    "mean": interval.mean,
                    "std": interval.std,
                    "low": interval.low,
                    "high": interval.high,
                    "interval": interval.kind,
                    "p_value": interval.p_value,
                }
            )
    return pd.DataFrame(rows, columns=_DIFFERENCE_COLUMNS)


_DIFFERENCE_COLUMNS = [
    "dataset",
    "dataset_options",
    "precision",
    "group_id",
    "label",
    "reference_group_id",
    "reference_label",
    "metric",
    "n_pairs",
    "mean",
    "std",
    "low",
    "high",
    "interval",
    "p_value",
]


def _groups(runs: pd.DataFrame) -> Iterable[tuple[Any, pd.DataFrame]]:
    return [] if runs.empty else runs.groupby(_GROUP, sort=False)


def _key(group: pd.DataFrame, columns: Iterable[Hashable]) -> tuple[str, ...]:
    # As text, so that what does not apply (NaN) equals itself.
    return tuple(repr(group[name].iloc[0]) for name in columns)
