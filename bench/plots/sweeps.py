"""Compare models: the rate–distortion plane, and metrics against β and C."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..analysis import settings
from ..tables import by_dataset
from ._base import COLOURS, GREY, MARKERS, MAX_PANELS, Drawn, FigureInfo, panels, stem, without

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..analysis import Study

# The kinds whose sweep is over this hyper-parameter.
_SWEPT = {"beta": ("vae", "beta_vae", "beta_tcvae"), "capacity": ("capacity_vae",)}
# What else such models have, and agree in along a sweep.
_HELD = {"beta": (), "capacity": ("gamma", "capacity_start", "anneal_steps")}
# Sweeps of one kind differ in their line style.
_LINES = ("-", "--", ":", "-.")
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


def draw_plane(study: Study) -> Iterator[Drawn]:
    """Yield, per dataset, reconstruction against KL for every run."""
    runs = study.tables.runs
    trained = runs[runs["kind"].isin(list(COLOURS))] if len(runs) else runs
    for dataset, part in by_dataset(trained):
        figure, (axes,) = panels(1, 1, 6.2, 4.2)
        for kind, members in part.groupby("kind", sort=False):
            colour, marker = COLOURS[str(kind)], MARKERS[str(kind)]
            axes.scatter(
                members["kl"],
                members["reconstruction"],
                18,
                colour,
                marker=marker,
                alpha=0.45,
                label=str(kind),
            )
            for _, alike in settings(members):
                means = _means(alike)
                axes.plot(
                    means["kl"],
                    means["reconstruction"],
                    color=colour,
                    marker=marker,
                    markersize=3,
                    linewidth=0.8,
                )
        means = _means(part)
        if len(means) <= _MOST_LABELS:
            _name_points(axes, means)
        figure.legend(loc="outside lower center", ncols=4)
        axes.set_xlabel("rate: KL (nats per image)")
        axes.set_ylabel("distortion: reconstruction (nats per image)")
        yield Drawn(
            name=stem("rate-distortion", dataset),
            title=f"{dataset}: rate–distortion plane",
            alt=(
                f"Reconstruction against KL for {len(part)} runs on {dataset}; points are seeds, "
                "lines join the means of a sweep."
            ),
            figure=figure,
            dataset=part["dataset"].iloc[0],
        )


def _means(runs: pd.DataFrame) -> pd.DataFrame:
    """Return label, KL and reconstruction of every group, the mean over its seeds."""
    groups = runs.groupby(["group_id", "precision"], sort=False)
    means: pd.DataFrame = groups.agg({"label": "first", "kl": "mean", "reconstruction": "mean"})
    return means


def _name_points(axes: Axes, means: pd.DataFrame) -> None:
    """Write the name beside every point, the names of points at one place below one another."""
    left, span = axes.get_xlim()[0], np.ptp([axes.get_xlim(), axes.get_ylim()], axis=1)
    places: list[tuple[NDArray[np.float64], list[str]]] = []
    points = means[["kl", "reconstruction"]].to_numpy(np.float64)
    for label, point in zip(means["label"], points, strict=True):
        near = (names for at, names in places if (np.abs(point - at) < 0.06 * span).all())
        names = next(near, None)
        if names is None:
            places.append((point, [str(label)]))
        else:
            names.append(str(label))
    for (kl, reconstruction), names in places:
        # On the right there would be no room beyond the point.
        side = -1 if kl > left + 0.7 * span[0] else 1
        axes.annotate(
            "\n".join(names),
            (kl, reconstruction),
            xytext=(6 * side, 0),
            textcoords="offset points",
            fontsize=7.5,
            ha="left" if side == 1 else "right",
            va="center",
        )


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
        if part[parameter].nunique() < 2:
            continue
        known = [name for name in study.tables.metrics if part[name].notna().any()]
        first = [name for name in _FIRST if name in known]
        names = [*first, *(name for name in known if name not in first)]
        baselines = _of(runs, part)
        baselines = baselines[baselines["kind"].str.startswith("baseline_")]
        means = _of(summary, part)
        means = means[means["kind"].isin(_SWEPT[parameter])]
        shown = names[:MAX_PANELS]
        figure, grid = panels(len(shown), 3, 3.4, 2.4)
        sweeps = _sweeps(part, parameter)
        for axes, name in zip(grid, shown, strict=True):
            rows = means[means["metric"] == name]
            _panel(axes, sweeps, rows, baselines, name, parameter)
        if len(sweeps) > 1:
            figure.legend(*grid[0].get_legend_handles_labels(), loc="outside lower center", ncols=1)
        yield Drawn(
            name=stem(f"metrics-{parameter}", dataset),
            title=f"{dataset}: metrics against {_SYMBOL[parameter]}{without(names[MAX_PANELS:])}",
            alt=(
                f"{len(shown)} metrics against {_SYMBOL[parameter]} on {dataset}, with the "
                "baselines as lines."
            ),
            figure=figure,
            dataset=part["dataset"].iloc[0],
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
    """Return kind, name and runs of every sweep: runs that differ in a parameter and seed alone."""
    found = []
    for name, alike in settings(runs, _HELD[parameter]):
        # β = 1 is the plain VAE: it is the first point of each sweep over β, not one of its own.
        kinds = [kind for kind in alike["kind"].unique() if kind != "vae"] or ["vae"]
        for kind in kinds:
            title = f"{kind}, {name}" if name else kind
            found.append((kind, title, alike[alike["kind"].isin([kind, "vae"])]))
    return found


def _panel(
    axes: Axes,
    sweeps: Sequence[tuple[str, str, pd.DataFrame]],
    summary: pd.DataFrame,
    baselines: pd.DataFrame,
    metric: str,
    parameter: str,
) -> None:
    groups = pd.MultiIndex.from_frame(summary[["group_id", "precision"]])
    drawn: Counter[str] = Counter()
    for kind, title, runs in sweeps:
        colour, style = COLOURS[kind], _LINES[drawn[kind] % len(_LINES)]
        drawn[kind] += 1
        axes.scatter(runs[parameter], runs[metric], 12, colour, alpha=0.6, zorder=3)
        here = groups.isin(pd.MultiIndex.from_frame(runs[["group_id", "precision"]]))
        means = summary[here].sort_values(parameter)
        errors = [means["mean"] - means["low"], means["high"] - means["mean"]]
        axes.errorbar(
            means[parameter],
            means["mean"],
            errors,
            color=colour,
            linestyle=style,
            capsize=2.5,
            linewidth=1.2,
            label=title,
        )
    points = pd.concat([runs[parameter] for _, _, runs in sweeps])
    _baseline_lines(axes, baselines.dropna(subset=metric), metric)
    if parameter == "beta" and (points > 0).all():
        axes.set_xscale("log", base=2)
        ticks = sorted(points.unique())
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
    axes.set_title(metric)
    axes.set_xlabel(_SYMBOL[parameter])
    axes.set_ylabel(_UNITS.get(metric, "score"))


def _baseline_lines(axes: Axes, baselines: pd.DataFrame, metric: str) -> None:
    """Draw the mean of every baseline, those that would cover one another under one label."""
    low, high = axes.get_ylim()
    values = baselines.groupby("kind")[metric].mean().sort_values()
    # One that is far off would press what is compared into a line.
    far = values[values > high + 2 * (high - low)]
    values = values.drop(far.index)
    low, high = min(low, *values, high), max(high, *values, low)
    step = 0.05 * (high - low)
    stacks: list[dict[str, float]] = []
    for kind, value in values.items():
        axes.axhline(float(value), color=GREY, linewidth=0.8, linestyle="--")
        name = str(kind).removeprefix("baseline_")
        # A stack of names lies around its mean, and is as high as it has names.
        if stacks and value - np.mean([*stacks[-1].values()]) < step * (1 + len(stacks[-1])):
            stacks[-1][name] = float(value)
        else:
            stacks.append({name: float(value)})
    if len(far):
        text = ", ".join(f"{str(k).removeprefix('baseline_')} {v:.3g} ↑" for k, v in far.items())
        axes.annotate(text, (1, 0.97), xycoords="axes fraction", fontsize=6.5, ha="right", va="top")
    for stack in stacks:
        # Beside the axes, where they cover no point.
        axes.annotate(
            "\n".join(reversed(stack)),
            (1.02, float(np.mean([*stack.values()]))),
            xycoords=("axes fraction", "data"),
            fontsize=6.5,
            color="#5a5a5a",
            va="center",
            annotation_clip=False,
        )


PLANE = FigureInfo(
    name="rate-distortion",
    title="Rate–distortion plane",
    caption=(
        "KL against reconstruction, nats per image, on the evaluation images with the final "
        "weights. Down and to the left is better. Points are seeds, lines join the means of one "
        "kind."
    ),
    draw=draw_plane,
)
BETA = FigureInfo(
    name="metrics-beta",
    title="Metrics against β",
    caption=(
        "Points are seeds; the line joins means, bars are 95% t intervals from 6 seeds on and the "
        "range of the points below. Grey lines: baselines."
    ),
    draw=draw_beta,
)
C = FigureInfo(
    name="metrics-capacity",
    title="Metrics against C",
    caption="As against β, for the capacity objective; C is the capacity at the end of its rise.",
    draw=draw_c,
)
