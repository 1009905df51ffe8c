"""The paper's Figure 3: which of the true factors a decoder wants at which capacity."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from ..analysis.published import is_dsprites
from ..analysis.published_channel import PUBLISHED, named_histories
from ..store import ACTIVE_KL, KL_SHOWN, Snapshots, mean_curve
from ..tables import by_dataset
from ._base import GREY, INK, Drawn, FigureInfo, Part, show_images, stem
from ._labels import label_steps, wrapped_to
from ._layout import Entry, Sheet, sheet

if TYPE_CHECKING:
    from ..analysis import Study

# Okabe & Ito's palette, for the paper's factors as elsewhere for kinds; then what is left of it.
FACTOR_COLOURS = {
    "position_x": "#0072B2",
    "position_y": "#3D9BE0",
    "scale": "#009E73",
    "shape": "#D55E00",
    "orientation": "#CC79A7",
}
_OTHER_COLOURS = ("#B07D00", INK, "#8C6D31", "#7F7F7F")
# Inches: axes, what is around them, names of the rows of images, and above those.
_SIZE, _LEFT, _RIGHT, _NAMES, _HEAD = (2.7, 2.2), 0.62, 0.6, 1.35, 0.3
_PAPERS: dict[str, Any] = {"linestyle": ":", "marker": "o", "markersize": 3, "linewidth": 1.2}


def draw(study: Study) -> Iterator[Drawn]:
    """Yield one figure for every group of factor channels."""
    runs = study.tables.runs
    chosen = runs[runs["kind"] == "factor_channel"] if len(runs) else runs
    for dataset, part in by_dataset(chosen):
        for (group, precision), members in part.groupby(["group_id", "precision"], sort=False):
            members = members.sort_values("seed")
            histories = named_histories(study.tables, members["run_id"])
            if not histories:
                continue
            members = members[members["run_id"].isin([*histories])]
            lowest, curves = members.iloc[0], [*histories.values()]
            snapshots = study.snapshots.get(lowest["run_id"])
            title = f"{dataset}: {lowest['label']}"
            known = is_dsprites(lowest["dataset"], lowest["dataset_options"])
            published = PUBLISHED if known else PUBLISHED.iloc[:0]
            drawing = _sheet(curves, snapshots, int(lowest["seed"]), published)
            yield Drawn(
                name=stem("factor-channel", dataset, str(group), str(precision)),
                title=title,
                alt=_alt(curves, len(members), dataset),
                figure=drawing.figure,
                parts=drawing.parts,
                dataset=part["dataset"].iloc[0],
                run_id=lowest["run_id"],
            )


def rows_shown(snapshots: Snapshots) -> list[int]:
    """Return which snapshots are shown: the nearest to each of `KL_SHOWN` in KL, low to high.

    Of a model that comes nowhere near the highest level, the nearest to quarters of its own
    highest KL.

    Examples
    --------
    >>> import numpy as np
    >>> def after(kl):
    ...     images = np.zeros((len(kl), 1, 1, 16, 16), np.uint8)
    ...     return Snapshots(np.arange(len(kl)), kl, kl[:, None], images[0], images)
    >>> rows_shown(after(np.arange(26.0))), rows_shown(after(np.arange(5.0)))
    ([3, 7, 15, 24], [1, 2, 3, 4])
    """
    kl = snapshots.kl.sum(1)
    near = kl.max() > max(KL_SHOWN) - 1
    levels = KL_SHOWN if near else tuple(kl.max() * (i + 1) / 4 for i in range(4))
    nearest = {int(np.abs(kl - level).argmin()) for level in levels}
    return sorted(nearest, key=lambda row: float(kl[row]))


def _factors(curves: list[pd.DataFrame]) -> list[str]:
    return [str(name) for name in curves[0].columns[4:]]


def _sheet(
    curves: list[pd.DataFrame], snapshots: Snapshots | None, seed: int, published: pd.DataFrame
) -> Sheet:
    rows = [] if snapshots is None else rows_shown(snapshots)
    colours = _colours(curves)
    legend: list[Entry] = [
        (Line2D([], [], color=colour, linewidth=1.8), factor) for factor, colour in colours.items()
    ]
    legend.append((Line2D([], [], color=GREY, linestyle="--"), "on the right-hand scale"))
    if len(published):
        legend.append((Line2D([], [], color=GREY, **_PAPERS), "the paper's"))
    width = 2 * (_LEFT + _SIZE[0] + _RIGHT)
    pitch = below = 0.0
    if snapshots is not None:
        n, _, height, pixels = snapshots.originals.shape
        pitch = (width - _NAMES) * (height + 2) / (n * (pixels + 2))
        below = _HEAD + (len(rows) + 1) * pitch
    drawing = sheet(["", ""], 2, _SIZE, left=_LEFT, right=_RIGHT, legend=legend, below=below)
    left, right = drawing.axes
    _draw_factors(left, curves, "step", "c", "C (nats)")
    label_steps(left)
    _draw_factors(right, curves, "likelihood", "kl", "total KL (nats)")
    _draw_published(right, published)
    right.set_xlabel("log-likelihood E[log p(x|z)] (nats)")
    # The first windows, when the decoder learns the mean image, would press the rest together.
    values = np.concatenate([curve["likelihood"] for curve in curves])
    read = published["likelihood"]
    low, high = min([np.quantile(values, 0.02), *read]), max([values.max(), *read])
    right.set_xlim(low - 0.05 * (high - low), high + 0.05 * (high - low))
    if snapshots is not None:
        _draw_images(drawing.figure, (0, 0, width, below), pitch, snapshots, rows, [*colours], seed)
        drawing.parts.append((0, 0, width, below))
    return drawing


def _colours(curves: list[pd.DataFrame]) -> dict[str, str]:
    spare = iter(_OTHER_COLOURS * len(curves[0].columns))
    return {name: FACTOR_COLOURS.get(name) or next(spare) for name in _factors(curves)}


def _draw_factors(
    axes: Axes, curves: list[pd.DataFrame], along: str, total: str, name: str
) -> None:
    """Draw the KL of every factor, and beside it what they share, on a scale of its own."""
    mean = mean_curve(curves)
    for factor, colour in _colours(curves).items():
        if len(curves) > 1:
            for curve in curves:
                axes.plot(curve[along], curve[factor], color=colour, linewidth=0.6, alpha=0.4)
        # Of factors that share equally the first is seen on both sides of the second.
        wide = 3.0 if factor == "position_x" else 1.5
        axes.plot(mean[along], mean[factor], color=colour, linewidth=wide, label=factor)
    axes.set_ylabel("KL of the factor (nats)")
    axes.set_ylim(bottom=0)
    shared = axes.twinx()
    shared.plot(mean[along], mean[total], color=GREY, linewidth=1.2, linestyle="--")
    shared.set_ylabel(name, color=GREY)
    shared.set_ylim(bottom=0)
    shared.grid(visible=False)


def _draw_published(axes: Axes, published: pd.DataFrame) -> None:
    """Draw the paper's own curves behind ours, pale; its positions lie on one line."""
    for factor in published.columns.drop(["likelihood", "position_y"]):
        read = published[["likelihood", factor]].dropna()
        axes.plot(
            read["likelihood"],
            read[factor],
            color=FACTOR_COLOURS[factor],
            alpha=0.45,
            zorder=1,
            label=f"_paper {factor}",
            **_PAPERS,
        )


def _draw_images(
    figure: Figure,
    part: Part,
    pitch: float,
    snapshots: Snapshots,
    rows: list[int],
    factors: list[str],
    seed: int,
) -> None:
    """Draw originals and, row by row, what the decoder made of more and more of their factors."""
    across, up = figure.get_size_inches()
    top, width = part[1] + part[3] - _HEAD, part[2] - _NAMES
    text = f"reconstructions during training, seed {seed}"
    figure.text(_NAMES / across, (top + 0.1) / up, text, fontsize=8)
    shown: list[tuple[str, NDArray[np.uint8]]] = [("original", snapshots.originals)]
    names = _in_use(snapshots, rows, factors)
    shown += [(name, snapshots.images[row]) for name, row in zip(names, rows, strict=True)]
    for place, (name, images) in enumerate(shown):
        bottom = top - (place + 1) * pitch
        box = (_NAMES / across, bottom / up, width / across, 0.97 * pitch / up)
        axes = figure.add_axes(box)
        show_images(axes, images)
        axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=7.5)


def _in_use(snapshots: Snapshots, rows: list[int], factors: list[str]) -> list[str]:
    """Return the KL of every row, and the factors that are in use there and were not above."""
    names, before = [], set[str]()
    for row in rows:
        kl = snapshots.kl[row]
        used = {name for name, nats in zip(factors, kl, strict=True) if nats >= ACTIVE_KL}
        new = [name for name in factors if name in used - before]
        said = f"KL {kl.sum():.1f} nats"
        if new:
            said += f"\n{wrapped_to(('+ ' if before else 'only ') + ', '.join(new), 1.25, 7.5)}"
        names.append(said)
        before |= used
    return names


def _alt(curves: list[pd.DataFrame], n_seeds: int, dataset: str) -> str:
    last = pd.concat([curve.iloc[[-1]] for curve in curves]).mean()
    listed = ", ".join(f"{name} {last[name]:.2f}" for name in _factors(curves))
    seeds = "one seed" if n_seeds == 1 else f"the mean of {n_seeds} seeds"
    return (
        f"KL of every true factor on {dataset} against training step, {seeds}; at the end, in "
        f"nats: {listed}. Beside it the same against log-likelihood; below, originals and "
        f"reconstructions at rising KL."
    )


INFO = FigureInfo(
    name="factor-channel",
    title="Factors by capacity",
    caption=(
        "The true factors go to a decoder through a noisy channel whose capacity C rises. Curves: "
        "how many nats each factor gets, against step and against log-likelihood, thin for each "
        "seed, thick for their mean; dotted, the paper's own, read off its figure. Images: what "
        "the decoder makes of the factors at four levels of KL, and which are new at each."
    ),
    paper="Figure 3",
    draw=draw,
)
