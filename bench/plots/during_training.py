"""Scores during training: every metric against the step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.lines import Line2D

from ..tables import by_dataset, metric_title
from ._base import MARKERS, MAX_PANELS, Drawn, FigureInfo, stem, without
from ._layout import Entry, sheet
from ._names import groups as models_of, shades, short_names

if TYPE_CHECKING:
    from ..analysis import Study

# Inches of axes.
_SIZE = (2.1, 1.7)


def draw(study: Study) -> Iterator[Drawn]:
    """Yield, per dataset, a panel for every metric with a line for every model."""
    runs, scores = study.tables.runs, study.tables.scores_during_training
    if scores.empty:
        return
    for dataset, part in by_dataset(runs[runs["run_id"].isin(scores["run_id"])]):
        groups = models_of(part)
        means = [mean_scores(scores[scores["run_id"].isin(group["run_id"])]) for group in groups]
        there = pd.concat(means).dropna(axis=1, how="all")
        # In the order that the grid names them.
        metrics = [name for name in scores["metric"].unique() if name in there]
        if not metrics:
            continue
        shown = metrics[:MAX_PANELS]
        names, shared = short_names([str(group["label"].iloc[0]) for group in groups])
        styles: list[dict[str, Any]] = [
            {"color": colour, "alpha": opacity, "marker": MARKERS.get(group["kind"].iloc[0], "o")}
            for group, (colour, opacity) in zip(groups, shades(groups), strict=True)
        ]
        legend: list[Entry] = [
            (Line2D([], [], markersize=3, linewidth=1.4, **style), name)
            for name, style in zip(names[:MAX_PANELS], styles, strict=False)
        ]
        drawing = sheet([metric_title(name) for name in shown], 3, _SIZE, legend=legend)
        for axes, metric in zip(drawing.axes, shown, strict=True):
            for mean, style in zip(means, styles, strict=True):
                if metric in mean:
                    axes.plot(mean.index, mean[metric], markersize=3, linewidth=1.4, **style)
            axes.set_xscale("log")
            axes.set_xlabel("step")
        unseen = without([metric_title(metric) for metric in metrics[MAX_PANELS:]])
        yield Drawn(
            name=stem("scores-during-training", dataset),
            title=f"{dataset}: scores during training{unseen}",
            alt=(
                f"{len(shown)} metrics against training step, mean over seeds, for "
                f"{len(groups)} models on {dataset}."
            ),
            figure=drawing.figure,
            parts=drawing.parts,
            dataset=part["dataset"].iloc[0],
            note=f"All {shared}." if shared else "",
        )


def mean_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the mean over runs, step by step, of the steps that all of them were scored at.

    Parameters
    ----------
    scores : DataFrame
        run_id, step, metric and value of the runs of a group.

    Returns
    -------
    DataFrame
        A column a metric, indexed by step; of the runs that have a value, NaN where none has.

    Examples
    --------
    >>> rows = [("a", 1, "mig", 0.2), ("a", 9, "mig", 0.4), ("b", 9, "mig", 0.6)]
    >>> mean_scores(pd.DataFrame(rows, columns=["run_id", "step", "metric", "value"])).to_dict()
    {'mig': {9: 0.5}}
    """
    counted = scores.groupby("step")["run_id"].nunique()
    shared = counted.index[counted == scores["run_id"].nunique()]
    chosen = scores[scores["step"].isin(shared)]
    return chosen.pivot_table(index="step", columns="metric", values="value", dropna=False)


INFO = FigureInfo(
    name="scores-during-training",
    title="Scores during training",
    caption=(
        "Each metric against the training step (logarithmic), mean over the seeds that have a "
        "value; of several models of one kind, the paler the later in the grid. On at most 10,000 "
        "images, so the last point may differ a little from the tables, which are of all that are "
        "evaluated."
    ),
    draw=draw,
)
