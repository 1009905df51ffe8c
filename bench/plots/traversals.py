"""Originals, reconstructions and a traversal of every latent, with its position-tuning map."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from ..frames import COLLAPSED, Frames
from ..tables import by_dataset
from ._base import Drawn, FigureInfo, bare, new_figure, show_images, stem

if TYPE_CHECKING:
    from ..study import Study

# A latent whose mean KL is below this says next to nothing about the image.
INACTIVE = 0.1
_ROW = 0.42


def draw_model(figure: Figure | SubFigure, frames: Frames, title: str) -> None:
    """Draw a model's images: originals, reconstructions, one row per latent, high KL first."""
    with_maps = frames.tuning_maps.size > 0
    n_latents, n_images = len(frames.latents), len(frames.originals)
    ratio = frames.originals.shape[-1] * n_images / frames.originals.shape[-2]
    widths = [ratio, 1] if with_maps else [ratio]
    grid = figure.subplots(n_latents + 2, len(widths), squeeze=False, width_ratios=widths)
    for row, (images, name) in enumerate(
        [
            (frames.originals, "original"),
            (frames.reconstructions, "reconstr."),
            *zip(
                frames.traversals,
                (f"z{j}  {kl:.2f}" for j, kl in zip(frames.latents, frames.kl, strict=True)),
                strict=True,
            ),
        ]
    ):
        axes = grid[row, 0]
        show_images(axes, images)
        faint = row >= 2 and frames.kl[row - 2] < INACTIVE
        axes.set_ylabel(
            name,
            rotation=0,
            ha="right",
            va="center",
            fontsize=7.5,
            color="#8a8a8a" if faint else "black",
        )
        if with_maps:
            bare(grid[row, 1])
            if row >= 2:
                # As in the paper's Fig. 2: blue −3, white 0, red +3.
                grid[row, 1].imshow(
                    frames.tuning_maps[row - 2], cmap="bwr", vmin=-3, vmax=3, interpolation="none"
                )
    figure.suptitle(title, fontsize=9)


def draw(study: Study) -> Iterator[Drawn]:
    """Yield one figure for every run that has frames."""
    runs = study.tables.runs
    for row in _rows(runs[runs["run_id"].isin(list(study.frames))] if len(runs) else runs):
        frames = study.frames[row["run_id"]]
        height = _ROW * (len(frames.latents) + 2) + 0.4
        figure = new_figure(_ROW * (len(frames.originals) + 2.6), height)
        title = f"{row['label']}, {row['dataset']}, seed {row['seed']}"
        draw_model(figure, frames, title)
        active = int((frames.kl >= INACTIVE).sum())
        yield Drawn(
            stem("traversals", row["dataset"], row["run_id"]),
            title,
            f"Originals, reconstructions and traversals of {len(frames.latents)} latents of "
            f"{title}; {active} have a mean KL of at least {INACTIVE} nat, the largest "
            f"{frames.kl[0]:.2f}.",
            figure,
            row["dataset"],
            row["run_id"],
        )


def draw_comparison(study: Study) -> Iterator[Drawn]:
    """Yield β = 1 beside the largest β that is not collapsed, per dataset with positions."""
    runs = study.tables.runs
    shown = runs[runs["run_id"].isin(list(study.frames))] if len(runs) else runs
    for dataset, part in by_dataset(shown):
        rows = [
            row
            for row in _rows(part[part["kind"].isin(["vae", "beta_vae"])])
            if study.frames[row["run_id"]].tuning_maps.size
        ]
        plain = [row for row in rows if row["beta"] == 1]
        strong = [row for row in rows if row["beta"] > 1 and row["kl"] > COLLAPSED]
        if not plain or not strong:
            continue
        pair = [plain[0], max(strong, key=lambda row: float(row["beta"]))]
        n_latents = max(len(study.frames[row["run_id"]].latents) for row in pair)
        n_images = len(study.frames[pair[0]["run_id"]].originals)
        width = 2 * _ROW * (n_images + 2.6)
        figure = new_figure(width, _ROW * (n_latents + 2) + 0.5)
        halves: NDArray[Any] = np.asarray(figure.subfigures(1, 2))
        for half, row in zip(halves, pair, strict=True):
            draw_model(
                half, study.frames[row["run_id"]], f"β = {row['beta']:g}, seed {row['seed']}"
            )
        collapsed = [row["beta"] for row in rows if row["kl"] <= COLLAPSED]
        note = f"; collapsed at β = {min(collapsed):g}" if collapsed else ""
        yield Drawn(
            stem("low-and-high-beta", dataset),
            f"{dataset}: β = 1 beside β = {pair[1]['beta']:g}{note}",
            f"Side by side, traversals and position-tuning maps on {dataset}: at β = 1 with "
            f"{_active(study, pair[0])} latents of at least {INACTIVE} nat, at "
            f"β = {pair[1]['beta']:g} with {_active(study, pair[1])}.",
            figure,
            part["dataset"].iloc[0],
        )


def _rows(runs: pd.DataFrame) -> list[dict[str, Any]]:
    rows: Any = runs.to_dict("records")
    return list(rows)


def _active(study: Study, row: dict[str, Any]) -> int:
    return int((study.frames[row["run_id"]].kl >= INACTIVE).sum())


TRAVERSALS = FigureInfo(
    "traversals",
    "Traversals",
    "From top to bottom: images of the dataset, their reconstructions (decoder means of the "
    "posterior means), and a row for every latent, sorted by its mean KL in nats (beside its name, "
    "grey below 0.1). A row moves one latent from −3 to 3, the others stay at the posterior mean "
    "of the first image. Squares on the right: the mean of the latent at every position of the "
    "object, blue −3, white 0, red +3.",
    "Figures 2 and 4",
    draw,
)
COMPARISON = FigureInfo(
    "comparison",
    "Low beside high β",
    "Plain VAE beside the largest β of the grid whose code is not collapsed (KL above 1 nat), of "
    "each the lowest seed that is not. Rows and maps as in the traversals.",
    "Figure 2",
    draw_comparison,
)
