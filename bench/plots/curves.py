"""Training curves: KL against C, and the KL of every latent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter

from ..store import ACTIVE_KL, coarser, mean_curve
from ..tables import by_dataset
from ._base import (
    COLOURS,
    GREY,
    MAX_PANELS,
    Drawn,
    FigureInfo,
    legend_columns,
    panels,
    stem,
    without,
    wrapped,
)

if TYPE_CHECKING:
    from ..analysis import Study

# A panel of latents has this many points a curve: it is no wider than that.
_POINTS = 200
# Nats that a panel of latents spans at least.
_LEAST_SPAN = 0.5


def draw_capacity(study: Study) -> Iterator[Drawn]:
    """Yield, per dataset, KL against step with C(step), a panel for every capacity model."""
    runs = study.tables.runs
    chosen = runs[runs["kind"] == "capacity_vae"] if len(runs) else runs
    history = study.tables.history
    for dataset, part in by_dataset(chosen):
        groups = [group for _, group in part.groupby(["group_id", "precision"], sort=False)]
        shown = groups[:MAX_PANELS]
        figure, grid = panels(len(shown), 3, 3.4, 2.4)
        for axes, group in zip(grid, shown, strict=True):
            curves = [history[history["run_id"] == name] for name in group["run_id"]]
            steps, c = curves[0]["step"], curves[0]["c"]
            axes.fill_between(steps, c - 1, c + 1, color=GREY, alpha=0.18, linewidth=0)
            for curve in curves:
                axes.plot(curve["step"], curve["kl"], color=COLOURS["capacity_vae"], alpha=0.45)
            mean = mean_curve([curve[["step", "kl"]] for curve in curves])
            axes.plot(
                mean["step"],
                mean["kl"],
                color=COLOURS["capacity_vae"],
                linewidth=1.8,
                label="KL",
            )
            # Over the curves: where KL follows C, it would be hidden below them.
            axes.plot(steps, c, color="black", linewidth=1, linestyle="--", label="C", zorder=4)
            axes.legend(loc="lower right")
            axes.set_title(wrapped(group["label"].iloc[0], 3.4))
            axes.set_xlabel("step")
            axes.set_ylabel("KL (nats per image)")
            axes.set_ylim(bottom=min(0.0, float(c.min())))
        yield Drawn(
            name=stem("capacity-tracking", dataset),
            title=f"{dataset}: KL and capacity during training{_unseen(groups)}",
            alt=(
                f"KL against training step for {len(shown)} capacity models on {dataset}; the "
                "dashed line is C(step) with a band of one nat. "
                f"{'; '.join(_end(group, history) for group in shown)}."
            ),
            figure=figure,
            dataset=part["dataset"].iloc[0],
        )


def draw_dimensions(study: Study) -> Iterator[Drawn]:
    """Yield, per dataset, the KL of every latent against step, lowest seed of every group."""
    runs, history = study.tables.runs, study.tables.history
    trained = runs[runs["run_id"].isin(history["run_id"].unique())] if len(runs) else runs
    for dataset, part in by_dataset(trained):
        groups = [group for _, group in part.groupby(["group_id", "precision"], sort=False)]
        shown = groups[:MAX_PANELS]
        figure, grid = panels(len(shown), 3, 3.4, 2.3)
        for axes, group in zip(grid, shown, strict=True):
            # The seed that the traversals show, where there are any.
            seen = group[group["run_id"].isin(list(study.frames))]
            lowest = (seen if len(seen) else group).sort_values("seed").iloc[0]
            curve = history[history["run_id"] == lowest["run_id"]].select_dtypes("number")
            curve = coarser(curve, _POINTS)
            latents = [name for name in map(str, curve) if name.startswith("kl_")]
            present = [name for name in latents if curve[name].notna().any()]
            order = sorted(present, key=lambda name: -float(curve[name].to_numpy()[-1]))
            for rank, name in enumerate(order):
                shade = 0.15 + 0.7 * rank / max(len(order) - 1, 1)
                axes.plot(curve["step"], curve[name], color=(shade, shade, 0.85), linewidth=1.1)
            axes.set_title(wrapped(f"{lowest['label']}, seed {lowest['seed']}", 3.4))
            axes.set_xlabel("step")
            axes.set_ylabel("KL per latent (nats)")
            # A collapsed model has nothing but noise, which is not to fill a panel.
            highest = float(np.nanmax(_settled(curve)[order].to_numpy()))
            axes.set_ylim(0, 1.08 * max(highest, _LEAST_SPAN))
            _name_ends(axes, {name.replace("kl_", "z"): curve[name].iloc[-1] for name in order})
        yield Drawn(
            name=stem("kl-dimensions", dataset),
            title=f"{dataset}: KL of every latent during training{_unseen(groups)}",
            alt=f"KL of every latent against training step for {len(shown)} models on {dataset}.",
            figure=figure,
            dataset=part["dataset"].iloc[0],
        )


def _settled(curves: pd.DataFrame) -> pd.DataFrame:
    """Return curves without the first steps, whose spikes would press the rest together."""
    chosen: pd.DataFrame = curves[curves["step"] > 0.02 * curves["step"].max()]
    return chosen if len(chosen) else curves


def _name_ends(axes: Axes, ends: Mapping[str, float]) -> None:
    """Write beside the axes which latent's curve ends where, in descending order."""
    room = 0.075 * axes.get_ylim()[1]
    places: list[tuple[float, list[str]]] = []
    for name, value in ends.items():
        if value < ACTIVE_KL:
            continue
        if places and places[-1][0] - value < room:
            places[-1][1].append(name)
        else:
            places.append((value, [name]))
    for value, names in places:
        axes.annotate(
            ", ".join(names[:3]) + (", …" if len(names) > 3 else ""),
            (1.01, value),
            xycoords=("axes fraction", "data"),
            fontsize=7,
            va="center",
            annotation_clip=False,
        )


def _unseen(groups: Sequence[pd.DataFrame]) -> str:
    return without([str(group["label"].iloc[0]) for group in groups[MAX_PANELS:]])


def _end(group: pd.DataFrame, history: pd.DataFrame) -> str:
    """Return where KL and C of a group end, in words."""
    last = history[history["run_id"].isin(group["run_id"])].groupby("run_id").last()
    return (
        f"{group['label'].iloc[0]} ends at a KL of {last['kl'].mean():.2f} nats "
        f"with C = {last['c'].iloc[0]:.2f}"
    )


def draw_training(study: Study) -> Iterator[Drawn]:
    """Yield, per dataset, reconstruction and KL against step for every group's mean."""
    runs, history = study.tables.runs, study.tables.history
    trained = runs[runs["run_id"].isin(history["run_id"].unique())] if len(runs) else runs
    by_run = dict(list(history.groupby("run_id", sort=False))) if len(trained) else {}
    for dataset, part in by_dataset(trained):
        figure, grid = panels(2, 2, 4.4, 3.3)
        groups = [group for _, group in part.groupby(["group_id", "precision"], sort=False)]
        drawn: Counter[str] = Counter()
        highest = 0.0
        for rank, group in enumerate(groups):
            curves = [by_run[name][["step", "reconstruction", "kl"]] for name in group["run_id"]]
            mean = mean_curve(curves)
            kind = group["kind"].iloc[0]
            strength = 1 - 0.65 * drawn[kind] / sum(g["kind"].iloc[0] == kind for g in groups)
            drawn[kind] += 1
            colour = COLOURS.get(kind, GREY)
            label = group["label"].iloc[0] if rank < MAX_PANELS else None
            for axes, column in zip(grid, ("reconstruction", "kl"), strict=True):
                axes.plot(mean["step"], mean[column], color=colour, alpha=strength, label=label)
            highest = max(highest, float(_settled(mean)["kl"].max()))
        for axes, text in zip(grid, ("reconstruction", "KL"), strict=True):
            axes.set_xlabel("step")
            axes.set_ylabel(f"{text} (nats per image)")
        grid[1].set_ylim(-0.03 * highest, 1.08 * highest)
        grid[0].set_yscale("log")
        grid[0].yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        grid[0].yaxis.set_major_formatter("{x:g}")
        grid[0].yaxis.set_minor_formatter(NullFormatter())
        labelled = grid[0].get_legend_handles_labels()
        columns = legend_columns(labelled[1], 2 * 4.4)
        figure.legend(*labelled, loc="outside lower center", ncols=columns)
        yield Drawn(
            name=stem("training", dataset),
            title=f"{dataset}: training curves",
            alt=(
                f"Reconstruction and KL against training step, mean over seeds, for {len(groups)} "
                f"models on {dataset}."
            ),
            figure=figure,
            dataset=part["dataset"].iloc[0],
        )


CAPACITY = FigureInfo(
    name="capacity-tracking",
    title="KL follows capacity",
    caption=(
        "KL (nats per image) against training step, thin for every seed, thick their mean. "
        "Dashed: the capacity C(step) that the objective asks for; grey band: within one nat of "
        "it."
    ),
    draw=draw_capacity,
)
DIMENSIONS = FigureInfo(
    name="kl-dimensions",
    title="KL of every latent during training",
    caption=(
        "KL of every latent (nats, mean over the window of steps) against training step, of the "
        "seed that the traversals show. The darker, the larger at the end, where latents above "
        "0.1 nat are named. Spikes of the first 2% of steps may lie above the axes."
    ),
    draw=draw_dimensions,
)
TRAINING = FigureInfo(
    name="training",
    title="Training curves",
    caption=(
        "Reconstruction −E[log p(x|z)] (logarithmic) and KL, nats per image, mean over seeds; of "
        "several models of one kind, the paler the later in the grid. Spikes of KL in the first "
        "2% of steps may lie above the axes."
    ),
    draw=draw_training,
)
