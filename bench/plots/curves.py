"""What happened during training: KL against C, KL of every latent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ..tables import by_dataset
from ._base import COLOURS, GREY, MAX_PANELS, Drawn, FigureInfo, panels, stem

if TYPE_CHECKING:
    from ..study import Study


def draw_capacity(study: Study) -> Iterator[Drawn]:
    """Yield, per dataset, KL against step with C(step), a panel for every capacity model."""
    runs = study.tables.runs
    chosen = runs[runs["kind"] == "capacity_vae"] if len(runs) else runs
    history = study.tables.history
    for dataset, part in by_dataset(chosen):
        groups = list(part.groupby("group_id", sort=False))[:MAX_PANELS]
        figure, grid = panels(len(groups), 3, 3.1, 2.3)
        for axes, (_, group) in zip(grid, groups, strict=True):
            curves = [history[history["run_id"] == name] for name in group["run_id"]]
            steps, c = curves[0]["step"], curves[0]["c"]
            axes.fill_between(steps, c - 1, c + 1, color=GREY, alpha=0.18, linewidth=0)
            axes.plot(steps, c, color=GREY, linewidth=1.2, linestyle="--")
            for curve in curves:
                axes.plot(curve["step"], curve["kl"], color=COLOURS["capacity_vae"], alpha=0.45)
            mean = np.mean([curve["kl"].to_numpy() for curve in curves], axis=0)
            axes.plot(steps, mean, color=COLOURS["capacity_vae"], linewidth=1.8)
            axes.set_title(group["label"].iloc[0])
            axes.set_xlabel("step")
            axes.set_ylabel("KL (nats per image)")
            axes.set_ylim(bottom=min(0.0, float(c.min())))
        yield Drawn(
            stem("capacity-tracking", dataset),
            f"{dataset}: KL and capacity during training",
            f"KL against training step for {len(groups)} capacity models on {dataset}; the dashed "
            f"line is C(step) with a band of one nat.",
            figure,
            part["dataset"].iloc[0],
        )


def draw_dimensions(study: Study) -> Iterator[Drawn]:
    """Yield, per dataset, the KL of every latent against step, lowest seed of every group."""
    runs, history = study.tables.runs, study.tables.history
    trained = runs[runs["run_id"].isin(history["run_id"].unique())] if len(runs) else runs
    for dataset, part in by_dataset(trained):
        groups = list(part.groupby(["group_id", "precision"], sort=False))
        shown = groups[:MAX_PANELS]
        figure, grid = panels(len(shown), 3, 3.1, 2.1)
        for axes, (_, group) in zip(grid, shown, strict=True):
            lowest = group.sort_values("seed").iloc[0]
            curve = history[history["run_id"] == lowest["run_id"]]
            latents = [name for name in curve if str(name).startswith("kl_")]
            present = [name for name in latents if curve[name].notna().any()]
            order = sorted(present, key=lambda name: -float(curve[name].iloc[-1]))
            for rank, name in enumerate(order):
                shade = 0.15 + 0.7 * rank / max(len(order) - 1, 1)
                axes.plot(curve["step"], curve[name], color=(shade, shade, 0.85), linewidth=1.1)
            axes.set_title(f"{lowest['label']}, seed {lowest['seed']}")
            axes.set_xlabel("step")
            axes.set_ylabel("KL per latent (nats)")
            axes.set_ylim(bottom=0)
        left_out = len(groups) - len(shown)
        more = f" ({left_out} more models in the table)" if left_out else ""
        yield Drawn(
            stem("kl-dimensions", dataset),
            f"{dataset}: KL of every latent during training{more}",
            f"KL of every latent against training step for {len(shown)} models on {dataset}.",
            figure,
            part["dataset"].iloc[0],
        )


def draw_training(study: Study) -> Iterator[Drawn]:
    """Yield, per dataset, reconstruction and KL against step for every group's mean."""
    runs, history = study.tables.runs, study.tables.history
    trained = runs[runs["run_id"].isin(history["run_id"].unique())] if len(runs) else runs
    joined = history.merge(runs[["run_id", "group_id"]], on="run_id") if len(runs) else history
    for dataset, part in by_dataset(trained):
        figure, grid = panels(2, 2, 4.4, 2.9)
        groups = list(part.drop_duplicates("group_id").to_dict("records"))
        for rank, row in enumerate(groups):
            mean = (
                joined[joined["group_id"] == row["group_id"]]
                .groupby("step")
                .mean(numeric_only=True)
            )
            alike = [g for g in groups if g["kind"] == row["kind"]]
            strength = 1 - 0.65 * alike.index(row) / max(len(alike), 1)
            colour = COLOURS.get(row["kind"], GREY)
            label = row["label"] if rank < MAX_PANELS else None
            for axes, column in zip(grid, ("reconstruction", "kl"), strict=True):
                axes.plot(mean.index, mean[column], color=colour, alpha=strength, label=label)
        for axes, text in zip(grid, ("reconstruction", "KL"), strict=True):
            axes.set_xlabel("step")
            axes.set_ylabel(f"{text} (nats per image)")
        grid[0].set_yscale("log")
        grid[1].legend()
        yield Drawn(
            stem("training", dataset),
            f"{dataset}: training curves",
            f"Reconstruction and KL against training step, mean over seeds, for {len(groups)} "
            f"models on {dataset}.",
            figure,
            part["dataset"].iloc[0],
        )


CAPACITY = FigureInfo(
    "capacity-tracking",
    "KL follows capacity",
    "KL (nats per image) against training step, thin for every seed, thick their mean. Dashed: the "
    "capacity C(step) that the objective asks for; grey band: within one nat of it.",
    "",
    draw_capacity,
)
DIMENSIONS = FigureInfo(
    "kl-dimensions",
    "KL of every latent during training",
    "KL of every latent (nats, mean over the window of steps) against training step, lowest seed. "
    "The darker, the larger at the end.",
    "",
    draw_dimensions,
)
TRAINING = FigureInfo(
    "training",
    "Training curves",
    "Reconstruction −E[log p(x|z)] (logarithmic) and KL, nats per image, mean over seeds; of "
    "several models of one kind, the paler the later in the grid.",
    "",
    draw_training,
)
