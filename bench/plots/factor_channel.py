"""The paper's Figure 3: which of the true factors a decoder wants at which capacity."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from ..analysis.published_channel import PUBLISHED, named_history
from ..store import KL_SHOWN, Snapshots, mean_curve
from ..tables import by_dataset
from ._base import GREY, Drawn, FigureInfo, show_images, stem, styled

if TYPE_CHECKING:
    from ..analysis import Study

# Okabe & Ito's palette, for the paper's factors as elsewhere for kinds; then what is left of it.
FACTOR_COLOURS = {
    "position_x": "#0072B2",
    "position_y": "#56B4E9",
    "scale": "#009E73",
    "shape": "#D55E00",
    "orientation": "#CC79A7",
}
_OTHER_COLOURS = ("#E69F00", "#000000", "#8C6D31", "#7F7F7F")
# Inches.
_WIDTH, _CURVES, _NAMES = 9.2, 2.9, 1.0


def draw(study: Study) -> Iterator[Drawn]:
    """Yield one figure for every group of factor channels."""
    runs = study.tables.runs
    chosen = runs[runs["kind"] == "factor_channel"] if len(runs) else runs
    for dataset, part in by_dataset(chosen):
        for (group, precision), members in part.groupby(["group_id", "precision"], sort=False):
            members = members.sort_values("seed")
            lowest = members.iloc[0]
            snapshots = study.snapshots.get(lowest["run_id"])
            curves = [named_history(study.tables, run_id) for run_id in members["run_id"]]
            title = f"{dataset}: {lowest['label']}"
            yield Drawn(
                name=stem("factor-channel", dataset, str(group), str(precision)),
                title=title,
                alt=_alt(curves, len(members), dataset),
                figure=_figure(curves, snapshots, title, int(lowest["seed"])),
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


def _figure(
    curves: list[pd.DataFrame], snapshots: Snapshots | None, title: str, seed: int
) -> Figure:
    rows = [] if snapshots is None else rows_shown(snapshots)
    images = 0.0
    if snapshots is not None:
        n, _, height, width = snapshots.originals.shape
        images = (len(rows) + 1) * (_WIDTH - _NAMES) * height / (n * (width + 2)) + 0.3
    with styled():
        figure = Figure(figsize=(_WIDTH, _CURVES + images), layout="constrained")
        upper: Figure | SubFigure = figure
        if snapshots is not None:
            halves: Any = figure.subfigures(2, 1, height_ratios=[_CURVES, images])
            upper, lower = halves
            _draw_images(lower, snapshots, rows, seed)
        left, right = upper.subplots(1, 2)
        _draw_factors(left, curves, "step", "c", "C (nats), dashed")
        left.set_xlabel("step")
        left.legend(loc="upper left")
        _draw_factors(right, curves, "likelihood", "kl", "total KL (nats), dashed")
        published = PUBLISHED if {*PUBLISHED} <= {*curves[0]} else PUBLISHED.iloc[:0]
        if len(published):
            _draw_published(right)
        right.set_xlabel("log-likelihood E[log p(x|z)] (nats)")
        # The first windows, when the decoder learns the mean image, would press the rest together.
        values = np.concatenate([curve["likelihood"] for curve in curves])
        read = published["likelihood"]
        low, high = min([np.quantile(values, 0.02), *read]), max([values.max(), *read])
        right.set_xlim(low - 0.05 * (high - low), high + 0.05 * (high - low))
        upper.suptitle(title, fontsize=9)
    return figure


def _draw_factors(
    axes: Axes, curves: list[pd.DataFrame], along: str, total: str, name: str
) -> None:
    """Draw the KL of every factor, and beside it what they share, on a scale of its own."""
    mean = mean_curve(curves)
    spare = iter(_OTHER_COLOURS * len(mean.columns))
    for factor in _factors(curves):
        colour = FACTOR_COLOURS.get(factor) or next(spare)
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


def _draw_published(axes: Axes) -> None:
    """Draw the paper's own curves behind ours, pale; its positions lie on one line."""
    style: dict[str, Any] = {"linestyle": ":", "marker": "o", "markersize": 3, "linewidth": 1.2}
    for factor in PUBLISHED.columns.drop(["likelihood", "position_y"]):
        read = PUBLISHED[["likelihood", factor]].dropna()
        axes.plot(
            read["likelihood"],
            read[factor],
            color=FACTOR_COLOURS[factor],
            alpha=0.45,
            zorder=1,
            label=f"_paper {factor}",
            **style,
        )
    axes.legend([Line2D([], [], color=GREY, **style)], ["the paper's"], loc="upper left")


def _draw_images(figure: SubFigure, snapshots: Snapshots, rows: list[int], seed: int) -> None:
    kl = snapshots.kl.sum(1)
    shown: list[tuple[str, NDArray[np.uint8]]] = [("original", snapshots.originals)]
    shown += [(f"KL {kl[row]:.1f} nats", snapshots.images[row]) for row in rows]
    for axes, (name, images) in zip(figure.subplots(len(shown), 1), shown, strict=True):
        show_images(axes, images)
        axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=7.5)
    figure.suptitle(f"reconstructions during training, seed {seed}", fontsize=8)


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
        "The true factors, each through a noisy channel of its own, and a decoder: what capacity "
        "is spent on as C rises. Left: KL of every factor against step, thin for every seed, "
        "thick their mean; dashed, on a scale to the right, C(step). Right: the same against "
        "log-likelihood; dashed, the total KL; dotted, the paper's own curves, read off its Fig. "
        "3. Below: images of the dataset and, for the lowest seed, what the decoder made of their "
        "factors when the KL was as said beside the row."
    ),
    paper="Figure 3",
    draw=draw,
)
