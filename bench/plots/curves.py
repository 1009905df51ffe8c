"""Training curves: of all models over one another, of each by itself, and KL against C."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator

from ..store import ACTIVE_KL, coarser, mean_curve
from ..tables import by_dataset
from ._base import COLOURS, GREY, INK, MAX_PANELS, Drawn, FigureInfo, stem, without
from ._labels import label_ends, label_room, label_steps, labels_fit
from ._layout import Entry, sheet
from ._names import groups, opacities, sets, shades, shared_notes, short_names

if TYPE_CHECKING:
    from ..analysis import Study

# A panel of latents has this many points a curve: it is no wider than that.
_POINTS = 200
# Nats that a panel of latents spans at least.
_LEAST_SPAN = 0.5
# Inches of axes: of two in a row, and of three.
_SIZE, _THIRD = (2.55, 1.8), (2.1, 1.7)
# Beyond so many curves in a panel only a few are named.
_MOST_NAMES = 12
# Sets of models that are not to be compared; each has a row of its own.
_MOST_SETS = 8
Set = tuple[str, list[pd.DataFrame], list[str], str]


def draw_training(study: Study) -> Iterator[Drawn]:
    """Yield, per dataset, reconstruction and KL against step for every model's mean over seeds."""
    for dataset, part in by_dataset(_with_history(study)):
        by_run = _histories(study, part)
        every = _sets(part)
        shown = every[:_MOST_SETS]
        beside = any(
            len(names) <= _MOST_NAMES and not labels_fit(names, _SIZE[1])
            for _, _, names, _ in shown
        )
        # Sets without a row are there in words; one set needs no name.
        titles = [setting for setting, *_ in shown for _ in range(2)]
        drawing = sheet(
            titles,
            2,
            _SIZE,
            right=0.15 if beside else label_room(_named(shown)),
            legend=_legend(shown) if beside else (),
        )
        for row, (_, models, names, _) in enumerate(shown):
            pair = drawing.axes[2 * row : 2 * row + 2]
            _draw_set(pair, models, names if not beside else [], by_run)
        notes = shared_notes(shown)
        if len(every) > len(shown):
            notes.append(f"{len(every) - len(shown)} more settings are in tables/runs.csv.")
        n_models = sum(len(models) for _, models, *_ in shown)
        yield Drawn(
            name=stem("training", dataset),
            title=f"{dataset}: training curves",
            alt=(
                f"Reconstruction and KL against training step, mean over seeds, for {n_models} "
                f"models on {dataset}."
            ),
            figure=drawing.figure,
            dataset=part["dataset"].iloc[0],
            note=" ".join(notes),
            parts=drawing.parts,
        )


def draw_models(study: Study) -> Iterator[Drawn]:
    """Yield the curves of every model that has frames: its own, and its latents' KL."""
    runs = _with_history(study)
    for dataset, part in by_dataset(runs):
        for group in groups(part):
            for row in group[group["run_id"].isin(list(study.frames))].to_dict("records"):
                yield _model(study, dataset, group, row)


def _model(study: Study, dataset: str, group: pd.DataFrame, row: dict[Any, Any]) -> Drawn:
    histories = _histories(study, group)
    own = histories[row["run_id"]]
    curves = list(histories.values())
    mean = mean_curve([curve[_columns(curve)] for curve in curves])
    ends = _latent_ends(study, row["run_id"], own)
    named = [(name, kl) for name, _, kl in ends if kl >= ACTIVE_KL]
    texts = [f"{name} {kl:.2f}" for name, kl in named]
    title = f"{row['label']}, seed {row['seed']}"
    schedule = "C" if "c" in own and own["c"].notna().any() else ""
    if not schedule and "beta" in own and len(own["beta"].drop_duplicates()) > 1:
        schedule = "β"
    drawing = sheet(
        ["reconstruction", f"KL and {schedule}" if schedule else "KL", "KL of every latent"],
        3,
        _THIRD,
        right=max(0.6, label_room(texts)),
    )
    left, middle, right = drawing.axes
    colour = COLOURS.get(row["kind"], GREY)
    for axes, column in ((left, "reconstruction"), (middle, "kl")):
        if len(curves) > 1:
            for curve in curves:
                axes.plot(curve["step"], curve[column], color=colour, linewidth=0.7, alpha=0.4)
        axes.plot(mean["step"], mean[column], color=colour, linewidth=1.7, label="KL")
        label_steps(axes)
        axes.set_ylabel("nats per image")
    _logarithmic(left)
    _limit_kl(middle, float(_settled(mean)["kl"].max()))
    if schedule == "C":
        middle.plot(own["step"], own["c"], color=INK, linewidth=1, linestyle="--", label="C")
        middle.legend(loc="lower right")
    elif schedule:
        _draw_beta(middle, own)
    _draw_latents(right, own, ends)
    seeds = "one seed" if len(curves) == 1 else f"{len(curves)} seeds"
    return Drawn(
        name=stem("curves", row["dataset"], row["run_id"]),
        title=f"{dataset}: training of {title}",
        alt=(
            f"Reconstruction and KL against training step of {row['label']} on {dataset}, {seeds}, "
            f"and the KL of every latent of seed {row['seed']}; at the end, in nats: "
            f"{', '.join(texts) or f'no latent above {ACTIVE_KL}'}."
        ),
        figure=drawing.figure,
        dataset=row["dataset"],
        run_id=row["run_id"],
        parts=drawing.parts,
    )


def draw_capacity(study: Study) -> Iterator[Drawn]:
    """Yield, per dataset, KL against step with C(step), a panel for every capacity model."""
    runs = _with_history(study)
    chosen = runs[runs["kind"] == "capacity_vae"] if len(runs) else runs
    for dataset, part in by_dataset(chosen):
        by_run = _histories(study, part)
        models = groups(part)
        names, shared = short_names([str(group["label"].iloc[0]) for group in models])
        names = [name.removeprefix("capacity ") for name in names]
        shown = models[:MAX_PANELS]
        entries: list[Entry] = [
            (Line2D([], [], color=COLOURS["capacity_vae"], linewidth=1.8), "KL"),
            (Line2D([], [], color=INK, linewidth=1, linestyle="--"), "C"),
        ]
        drawing = sheet(names[:MAX_PANELS], 3, legend=entries)
        for axes, group in zip(drawing.axes, shown, strict=True):
            curves = [by_run[name] for name in group["run_id"]]
            steps, c = curves[0]["step"], curves[0]["c"]
            axes.fill_between(steps, c - 1, c + 1, color=GREY, alpha=0.18, linewidth=0)
            colour = COLOURS["capacity_vae"]
            if len(curves) > 1:
                for curve in curves:
                    axes.plot(curve["step"], curve["kl"], color=colour, linewidth=0.7, alpha=0.45)
            mean = mean_curve([curve[["step", "kl"]] for curve in curves])
            axes.plot(mean["step"], mean["kl"], color=colour, linewidth=1.8)
            # Over the curves: where KL follows C, it would be hidden below them.
            axes.plot(steps, c, color=INK, linewidth=1, linestyle="--", zorder=4)
            label_steps(axes)
            axes.set_ylabel("nats per image")
            axes.set_ylim(bottom=min(0.0, float(c.min())))
        ends = [_end(group, name, by_run) for group, name in zip(shown, names, strict=False)]
        yield Drawn(
            name=stem("capacity-tracking", dataset),
            title=f"{dataset}: KL and capacity during training{without(names[MAX_PANELS:])}",
            alt=(
                f"KL against training step for {len(shown)} capacity models on {dataset}; the "
                f"dashed line is C(step) with a band of one nat. {'; '.join(ends)}."
            ),
            figure=drawing.figure,
            dataset=part["dataset"].iloc[0],
            note=f"All {shared}." if shared else "",
            parts=drawing.parts,
        )


def _with_history(study: Study) -> pd.DataFrame:
    runs, history = study.tables.runs, study.tables.history
    found: pd.DataFrame = (
        runs[runs["run_id"].isin(history["run_id"].unique())] if len(runs) else runs
    )
    return found


def _histories(study: Study, part: pd.DataFrame) -> dict[str, pd.DataFrame]:
    history = study.tables.history
    own = history[history["run_id"].isin(part["run_id"])]
    return {str(name): rows for name, rows in own.groupby("run_id", sort=False)}


def _sets(part: pd.DataFrame) -> list[Set]:
    """Return sets of models; where each would be one model, all of them over one another."""
    found = list(sets(part))
    if len(found) < 2 or any(len(models) > 1 for _, models, *_ in found):
        return found
    models = groups(part)
    names, shared = short_names([str(model["label"].iloc[0]) for model in models])
    return [("", models, names, shared)]


def _draw_set(
    pair: Sequence[Axes],
    models: Sequence[pd.DataFrame],
    names: Sequence[str],
    by_run: dict[str, pd.DataFrame],
) -> None:
    """Draw the models of a set into axes of reconstruction and of KL; name those in `names`."""
    means = [
        mean_curve([by_run[name][["step", "reconstruction", "kl"]] for name in model["run_id"]])
        for model in models
    ]
    named, looks = _few(models, names), shades(models)
    for axes, column in zip(pair, ("reconstruction", "kl"), strict=True):
        for mean, (colour, opacity) in zip(means, looks, strict=True):
            axes.plot(mean["step"], mean[column], color=colour, alpha=opacity, linewidth=1.4)
        label_steps(axes)
        axes.set_ylabel(f"{'KL' if column == 'kl' else column} (nats per image)")
    _logarithmic(pair[0])
    _limit_kl(pair[1], max(float(_settled(mean)["kl"].max()) for mean in means))
    for axes, column in zip(pair, ("reconstruction", "kl"), strict=True):
        ends = [
            (name, means[i]["step"].iloc[-1], means[i][column].iloc[-1], looks[i][0])
            for i, name in named
        ]
        label_ends(axes, ends)


def _few(models: Sequence[pd.DataFrame], names: Sequence[str]) -> list[tuple[int, str]]:
    """Return which models are named: of too many, the first and the last of each kind."""
    every = list(enumerate(names))
    if len(every) <= _MOST_NAMES:
        return every
    kinds = [str(model["kind"].iloc[0]) for model in models]
    ends = {kind: (kinds.index(kind), len(kinds) - 1 - kinds[::-1].index(kind)) for kind in kinds}
    kept = [(i, name) for i, name in every if i in ends[kinds[i]]]
    while not labels_fit([name for _, name in kept], _SIZE[1]):
        kept.pop()
    return kept


def _named(shown: Sequence[Set]) -> list[str]:
    return [name for _, models, names, _ in shown for _, name in _few(models, names)]


def _legend(shown: Sequence[Set]) -> list[Entry]:
    """Return a line for every model, below what tells its set from the others."""
    entries: list[Entry] = []
    for setting, models, names, _ in shown:
        if setting:
            entries.append((None, setting))
        looks = shades(models)
        for i, name in _few(models, names):
            colour, opacity = looks[i]
            entries.append((Line2D([], [], color=colour, alpha=opacity, linewidth=1.6), name))
    return entries


def _columns(curve: pd.DataFrame) -> list[str]:
    return [name for name in ("step", "reconstruction", "kl") if name in curve]


def _latent_ends(study: Study, run_id: str, curve: pd.DataFrame) -> list[tuple[str, str, float]]:
    """Return name, column and last KL of a run's latents, largest first."""
    known = study.tables.kl_per_dimension
    names = dict(enumerate(known.loc[known["run_id"] == run_id, "latent"].astype(str)))
    columns = [name for name in map(str, curve) if name.startswith("kl_")]
    ends = [
        (names.get(place, f"z{place}"), column, float(curve[column].iloc[-1]))
        for place, column in enumerate(columns)
        if curve[column].notna().any()
    ]
    return sorted(ends, key=lambda end: -end[2])


def _draw_latents(axes: Axes, own: pd.DataFrame, ends: Sequence[tuple[str, str, float]]) -> None:
    """Draw the KL of every latent; name those in use, as far as there is room."""
    curve = coarser(own.select_dtypes("number"), _POINTS)
    used = [end for end in ends if end[2] >= ACTIVE_KL]
    strengths = opacities(len(used))
    colour = COLOURS["beta_vae"]
    for rank, (_, column, kl) in enumerate(ends):
        if kl >= ACTIVE_KL:
            axes.plot(
                curve["step"], curve[column], color=colour, alpha=strengths[rank], linewidth=1.3
            )
        else:
            axes.plot(curve["step"], curve[column], color=GREY, alpha=0.5, linewidth=0.7)
    label_steps(axes)
    axes.set_ylabel("nats per image")
    columns = [column for _, column, _ in ends]
    highest = float(np.nanmax(_settled(curve)[columns].to_numpy())) if columns else 0.0
    # A collapsed model has nothing but noise, which is not to fill a panel.
    axes.set_ylim(0, 1.08 * max(highest, _LEAST_SPAN))
    while not labels_fit([name for name, *_ in used], _THIRD[1]):
        used.pop()
    last = float(curve["step"].iloc[-1])
    label_ends(axes, [(f"{name} {kl:.2f}", last, kl, colour) for name, _, kl in used])


def _draw_beta(axes: Axes, own: pd.DataFrame) -> None:
    """Draw β(step) on a scale of its own."""
    weight = axes.twinx()
    weight.plot(own["step"], own["beta"], color=GREY, linewidth=1.2, linestyle="--")
    weight.set_ylabel("β, dashed", color=GREY)
    weight.set_ylim(bottom=0)
    weight.grid(visible=False)


def _logarithmic(axes: Axes) -> None:
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))


def _limit_kl(axes: Axes, highest: float) -> None:
    highest = max(highest, _LEAST_SPAN)
    axes.set_ylim(-0.03 * highest, 1.08 * highest)


def _settled(curves: pd.DataFrame) -> pd.DataFrame:
    """Return curves without the first steps, whose spikes would press the rest together."""
    chosen: pd.DataFrame = curves[curves["step"] > 0.02 * curves["step"].max()]
    return chosen if len(chosen) else curves


def _end(group: pd.DataFrame, name: str, by_run: dict[str, pd.DataFrame]) -> str:
    """Return where KL and C of a group end, in words."""
    last = pd.DataFrame([by_run[run_id].iloc[-1] for run_id in group["run_id"]])
    return f"{name} ends at a KL of {last['kl'].mean():.2f} nats with C = {last['c'].iloc[0]:.2f}"


CAPACITY = FigureInfo(
    name="capacity-tracking",
    title="KL follows capacity",
    caption=(
        "KL during training, thin for each seed, thick for their mean. The grey band is within one "
        "nat of the capacity C that the objective asks for."
    ),
    draw=draw_capacity,
)
MODELS = FigureInfo(
    name="curves",
    title="Training of one model",
    caption=(
        "Reconstruction −E[log p(x|z)] and KL during training, thin for each seed, thick for their "
        "mean. Right: the KL of each latent of the seed that is shown, with its last value in "
        "nats; grey ones stay below 0.1 nat."
    ),
    draw=draw_models,
    of_model=True,
)
TRAINING = FigureInfo(
    name="training",
    title="Training curves",
    caption=(
        "Reconstruction −E[log p(x|z)], on a logarithmic axis, and KL during training, means over "
        "seeds. A colour is a kind of model, fainter along its β or C. Spikes of the first 2% of "
        "steps may lie above the axes."
    ),
    draw=draw_training,
)
