"""Compare models: the rate–distortion plane, and metrics against β and C."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from ..analysis import settings
from ..tables import by_dataset, kind_title, metric_range, metric_title
from ._base import COLOURS, GREY, MARKERS, MAX_PANELS, Drawn, FigureInfo, stem, without
from ._labels import label_ends, label_points, label_room, label_values
from ._layout import Entry, sheet
from ._names import sets, shared_notes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..analysis import Study

# The kinds whose sweep is over this hyper-parameter.
_SWEPT = {"beta": ("vae", "beta_vae", "beta_tcvae"), "capacity": ("capacity_vae",)}
# What else such models have, and agree in along a sweep.
_HELD = {"beta": (), "capacity": ("gamma", "capacity_start", "anneal_steps")}
# Sweeps of one kind differ in their lines and in how their points are filled.
_LOOKS: tuple[dict[str, Any], ...] = (
    {"linestyle": "-", "fillstyle": "full"},
    {"linestyle": "--", "fillstyle": "none"},
    {"linestyle": ":", "fillstyle": "left"},
    {"linestyle": "-.", "fillstyle": "right"},
)
_POINT: dict[str, Any] = {"marker": "o", "markersize": 3.5}
_SYMBOL = {"beta": "β", "capacity": "C (nats)"}
_UNITS = {
    "reconstruction": "nats per image",
    "kl": "nats per image",
    "active_units": "number of latents",
}
# Beyond this many models, the plane distinguishes only their kinds.
_MOST_LABELS = 16
# What is plotted against β and C comes in this order; other metrics follow.
_FIRST = ("reconstruction", "kl", "active_units", "beta_vae_score", "mig_histogram")
# Of the axes of a score between 0 and 1.
_LEAST_SPAN = 0.02
# Inches of a plane.
_PLANE = (3.1, 2.6)


def draw_plane(study: Study) -> Iterator[Drawn]:
    """Yield, per dataset, reconstruction against KL for every run, a panel for each setting."""
    runs = study.tables.runs
    trained = runs[runs["kind"].isin(list(COLOURS))] if len(runs) else runs
    for dataset, part in by_dataset(trained):
        # A point alone says no more than its row in a table.
        every = [
            found
            for found in sets(part.dropna(subset=["kl", "reconstruction"]))
            if len(found[1]) > 1
        ]
        shown = every[:MAX_PANELS]
        if not shown:
            continue
        kinds = dict.fromkeys(
            str(model["kind"].iloc[0]) for _, models, *_ in shown for model in models
        )
        legend: list[Entry] = [
            (Line2D([], [], **_marked(kind), markersize=5), kind_title(kind)) for kind in kinds
        ]
        drawing = sheet([setting for setting, *_ in shown], 2, _PLANE, legend=legend)
        lost = [
            name
            for axes, (_, models, names, _) in zip(drawing.axes, shown, strict=True)
            for name in _plane(axes, models, names)
        ]
        notes = shared_notes(shown)
        if lost:
            notes.append(f"No room for the names of {len(lost)} models.")
        n_runs = sum(len(model) for _, models, *_ in shown for model in models)
        yield Drawn(
            name=stem("rate-distortion", dataset),
            title=f"{dataset}: rate–distortion plane",
            alt=(
                f"Reconstruction against KL for {n_runs} runs on {dataset}; points are seeds, "
                "lines join the means of a sweep."
            ),
            figure=drawing.figure,
            dataset=part["dataset"].iloc[0],
            note=" ".join(notes),
            parts=drawing.parts,
        )


def _marked(kind: str) -> dict[str, Any]:
    return {"color": COLOURS[kind], "marker": MARKERS[kind], "linestyle": "none"}


def _plane(axes: Axes, models: Sequence[pd.DataFrame], names: Sequence[str]) -> list[str]:
    """Draw models that may be compared; return names for which there was no room."""
    part = pd.concat(models)
    points: list[tuple[str, float, float]] = []
    for model, name in zip(models, names, strict=True):
        kind = str(model["kind"].iloc[0])
        axes.plot(model["kl"], model["reconstruction"], **_marked(kind), markersize=4, alpha=0.35)
        middle = float(model["kl"].mean()), float(model["reconstruction"].mean())
        axes.plot(*middle, **_marked(kind), markersize=5)
        points.append((name if len(models) <= _MOST_LABELS else "", *middle))
        seeds = zip(model["kl"], model["reconstruction"], strict=True)
        points += [("", float(x), float(y)) for x, y in seeds]
    lines = []
    for parameter, kinds in _SWEPT.items():
        swept = part[part["kind"].isin(kinds)]
        for kind, _, runs in _sweeps(swept, parameter) if len(swept) else ():
            means = runs.groupby([parameter, "group_id"])[["kl", "reconstruction"]].mean()
            lines.append(means.to_numpy(np.float64))
            axes.plot(*lines[-1].T, color=COLOURS[kind], linewidth=0.8, zorder=1)
    axes.set_xlabel("rate: KL (nats per image)")
    axes.set_ylabel("distortion: reconstruction (nats per image)")
    axes.margins(0.08)
    return label_points(axes, points, lines)


def draw_beta(study: Study) -> Iterator[Drawn]:
    """Yield every metric against β."""
    yield from _sweep(study, "beta")


def draw_c(study: Study) -> Iterator[Drawn]:
    """Yield every metric against C."""
    yield from _sweep(study, "capacity")


def _sweep(study: Study, parameter: str) -> Iterator[Drawn]:
    summary, runs = study.tables.summary, study.tables.runs
    swept = runs[runs["kind"].isin(_SWEPT[parameter])] if len(runs) else runs
    for dataset, part in by_dataset(swept):
        sweeps = _sweeps(part, parameter)
        if not sweeps:
            continue
        known = [name for name in study.tables.metrics if part[name].notna().any()]
        first = [name for name in _FIRST if name in known]
        names = [*first, *(name for name in known if name not in first)]
        baselines = _of(runs, part)
        baselines = baselines[baselines["kind"].str.startswith("baseline_")]
        means = _of(summary, part)
        means = means[means["kind"].isin(_SWEPT[parameter])]
        shown = names[:MAX_PANELS]
        lines: list[Entry] = [
            (Line2D([], [], **_POINT, color=COLOURS[kind], linewidth=1.2, **look), title)
            for (kind, title, _), look in zip(sweeps, _looks(sweeps), strict=True)
        ]
        drawing = sheet(
            [metric_title(name) for name in shown],
            3,
            (1.9, 1.5),
            right=label_room(_baseline_names(baselines, shown)),
            legend=lines if len(sweeps) > 1 else (),
        )
        for axes, name in zip(drawing.axes, shown, strict=True):
            rows = means[means["metric"] == name]
            _panel(axes, sweeps, rows, baselines, name, parameter)
        yield Drawn(
            name=stem(f"metrics-{parameter}", dataset),
            title=(
                f"{dataset}: metrics against {_SYMBOL[parameter]}"
                f"{without([metric_title(name) for name in names[MAX_PANELS:]])}"
            ),
            alt=(
                f"{len(shown)} metrics against {_SYMBOL[parameter]} on {dataset}, with the "
                "baselines as lines."
            ),
            figure=drawing.figure,
            dataset=part["dataset"].iloc[0],
            parts=drawing.parts,
        )


def _of(table: pd.DataFrame, part: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a table that are of the dataset of `part`."""
    first = part.iloc[0]
    alike = (table["dataset"] == first["dataset"]) & (
        table["dataset_options"] == first["dataset_options"]
    )
    chosen: pd.DataFrame = table.loc[alike]
    return chosen


def _sweeps(runs: pd.DataFrame, parameter: str) -> list[tuple[str, str, pd.DataFrame]]:
    """Return kind, name and runs of every sweep: runs that differ in a parameter and seed alone.

    A sweep has two values or more.
    """
    found = []
    for name, alike in settings(runs, _HELD[parameter]):
        # β = 1 is the plain VAE: it is the first point of each sweep over β, not one of its own.
        for kind in [kind for kind in alike["kind"].unique() if kind != "vae"]:
            title = f"{kind_title(kind)}, {name}" if name else kind_title(kind)
            sweep = alike[alike["kind"].isin([kind, "vae"])]
            if len(sweep[parameter].drop_duplicates()) > 1:
                found.append((str(kind), title, sweep))
    return found


def _looks(sweeps: Sequence[tuple[str, str, pd.DataFrame]]) -> list[dict[str, Any]]:
    """Return how line and points of every sweep look: those of one kind differ."""
    drawn: Counter[str] = Counter()
    looks = []
    for kind, *_ in sweeps:
        looks.append(_LOOKS[drawn[kind] % len(_LOOKS)])
        drawn[kind] += 1
    return looks


def _panel(
    axes: Axes,
    sweeps: Sequence[tuple[str, str, pd.DataFrame]],
    summary: pd.DataFrame,
    baselines: pd.DataFrame,
    metric: str,
    parameter: str,
) -> None:
    groups = pd.MultiIndex.from_frame(summary[["group_id", "precision"]])
    for (kind, title, runs), look in zip(sweeps, _looks(sweeps), strict=True):
        colour = COLOURS[kind]
        points = {**_POINT, **look, "linestyle": "none", "color": colour}
        axes.plot(runs[parameter], runs[metric], **points, alpha=0.6, zorder=3)
        here = groups.isin(pd.MultiIndex.from_frame(runs[["group_id", "precision"]]))
        means = summary[here].sort_values(parameter)
        errors = np.stack([means["mean"] - means["low"], means["high"] - means["mean"]])
        drawn = axes.errorbar(
            means[parameter],
            means["mean"],
            errors,
            color=colour,
            linestyle=look["linestyle"],
            capsize=2.5,
            linewidth=1.2,
            label=title,
        )
        for bars in drawn[2]:
            bars.set_linestyle(look["linestyle"])
    values = pd.concat([runs[parameter] for _, _, runs in sweeps])
    if parameter == "beta" and (values > 0).all():
        axes.set_xscale("log", base=2)
        label_values(axes, sorted(values.unique()))
    axes.set_xlabel(_SYMBOL[parameter])
    axes.set_ylabel(_UNITS.get(metric, "score"))
    _fit(axes, metric)
    _baseline_lines(axes, baselines.dropna(subset=metric), metric)


def _fit(axes: Axes, metric: str) -> None:
    """Keep axes to what a score can be, and leave flat what hardly differs: 0.00002 and 0."""
    least, most = metric_range(metric)
    low, high = axes.get_ylim()
    if (least, most) == (0, 1) and high - low < _LEAST_SPAN:
        middle = (low + high) / 2
        low, high = middle - _LEAST_SPAN / 2, middle + _LEAST_SPAN / 2
    if least == 0:
        low = max(low, -0.05 * high)
    if most == 1:
        high = min(high, 1 + 0.05 * (1 - low))
    axes.set_ylim(low, high)


def _baseline_names(baselines: pd.DataFrame, metrics: Sequence[str]) -> list[str]:
    """Return the longest that may stand beside axes of these metrics."""
    return [
        _far(str(kind), value)
        for metric in metrics
        for kind, value in baselines.groupby("kind")[metric].mean().dropna().items()
    ]


def _baseline(kind: str) -> str:
    name = kind.removeprefix("baseline_")
    return {"pca": "PCA", "truth": "true factors"}.get(name, name)


def _far(kind: str, value: float) -> str:
    """Return what is written of a baseline that is far above the axes."""
    number = f"{value:,.0f}" if value >= 100 else f"{value:.2g}"
    return f"{_baseline(kind)}\n{number} ↑"


def _baseline_lines(axes: Axes, baselines: pd.DataFrame, metric: str) -> None:
    """Draw the mean of every baseline, with its name beside the axes."""
    low, high = axes.get_ylim()
    values = baselines.groupby("kind")[metric].mean().sort_values()
    # One that is far off would press what is compared into a line.
    far = values[values > high + 2 * (high - low)]
    near = values.drop(far.index)
    for value in near:
        axes.axhline(float(value), color=GREY, linewidth=0.8, linestyle="--")
    room = 0.05 * (high - low)
    axes.set_ylim(min([low, *(near - room)]), max([high, *(near + room)]))
    right = axes.get_xlim()[1]
    axes.set_xlim(axes.get_xlim())
    ends = [(_baseline(str(kind)), right, float(value), GREY) for kind, value in near.items()]
    ends += [(_far(str(kind), v), right, float(v), GREY) for kind, v in far.items()]
    label_ends(axes, ends)


PLANE = FigureInfo(
    name="rate-distortion",
    title="Rate–distortion plane",
    caption=(
        "Reconstruction against KL of the final weights, on the evaluation images. Down and to "
        "the left is better. Faint points are seeds, full ones their mean; lines join models that "
        "differ in β or C alone."
    ),
    draw=draw_plane,
)
BETA = FigureInfo(
    name="metrics-beta",
    title="Metrics against β",
    caption=(
        "Points are seeds, lines join their means. Bars are 95% intervals from six seeds on, and "
        "the range of the seeds below that. Sweeps of one objective at several settings differ in "
        "their lines and in how their points are filled. Grey lines are baselines; an arrow marks "
        "one that is far above the axes."
    ),
    draw=draw_beta,
)
C = FigureInfo(
    name="metrics-capacity",
    title="Metrics against C",
    caption=(
        "As against β, for models whose capacity rises; C is where it ends. Points are seeds, "
        "lines join their means, grey lines are baselines."
    ),
    draw=draw_c,
)
