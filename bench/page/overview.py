"""The page's first screen: what was compared, what came out, and the picture that tells most."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..analysis import Study
from ..analysis.comparable import Setting, comparable
from ..tables import (
    MIN_SEEDS,
    by_dataset,
    counted,
    dataset_heading,
    higher_is_better,
    listed,
    metric_title,
    number,
    significant,
)
from .explorer import ShownModel
from .facts import notices
from .figures import Figure, FigureKind
from .ranking import MODELS, competing, first_place
from .tables import block_id

# The score that the findings and bars are about: the first of these that the runs have.
_HEADLINES = ("mig_histogram", "mig_posterior", "beta_vae_score", "dci_disentanglement")
# The figures that say most at a glance, of which one is on the first screen.
_TELLING = ("comparison",)
# More bars say no more at a glance.
MAX_BARS = 8
# Findings are of so many datasets; the tables have all.
_MAX_DATASETS = 2


@dataclass(frozen=True)
class Bar:
    """A model's score between nothing and everything, in percent of the width.

    Attributes
    ----------
    label, block, text : str
        The model, the id of its block on the page, its score.
    place, low, high : float
        Where score and interval lie, 0 to 100.
    """

    label: str
    block: str
    text: str
    place: float
    low: float
    high: float


@dataclass(frozen=True)
class Bars:
    """The best models of a dataset by one score, best first.

    Attributes
    ----------
    title : str
        Score and dataset.
    bars : tuple of Bar
        At most `MAX_BARS`.
    left_out : int
        How many more models there are.
    chance, ceiling : float or None
        Where codes without information and perfect ones lie, 0 to 100.
    """

    title: str
    bars: tuple[Bar, ...]
    left_out: int
    chance: float | None
    ceiling: float | None


@dataclass(frozen=True)
class Overview:
    """The first screen.

    Attributes
    ----------
    sentence : str
        What was run.
    notices, findings : list of str
        What is wrong, mostly nothing, and what came out.
    figure : Figure or None
        The picture that tells most.
    bars : Bars or None
        The models by one score.
    model : ShownModel or None
        The model whose latents are there to be moved.
    """

    sentence: str
    notices: list[str]
    findings: list[str]
    figure: Figure | None
    bars: Bars | None
    model: ShownModel | None


def overview(
    study: Study, explorers: Sequence[ShownModel], figures: Sequence[FigureKind]
) -> Overview:
    """Return the first screen of a study, of whose figures one may be on it."""
    first = next((kind for kind in figures if kind.info.name in _TELLING), None)
    return Overview(
        sentence=sentence(study),
        notices=notices(study),
        findings=findings(study),
        figure=first.figures[0] if first else None,
        bars=bars(study),
        model=_model(study, explorers),
    )


def sentence(study: Study) -> str:
    """Return what was run, in a sentence."""
    runs = study.tables.runs
    if runs.empty:
        return "No run has finished."
    models = runs[runs["kind"].isin(MODELS)]
    if models.empty:
        return f"{counted(len(runs), 'baseline')} on {listed([n for n, _ in by_dataset(runs)])}."
    groups = models.groupby(["group_id", "precision"], sort=False)
    seeds = _span([int(n) for n in groups["seed"].nunique()], "seed")
    names = listed([name for name, _ in by_dataset(models)])
    text = f"{counted(groups.ngroups, 'model')} on {names}, {seeds}"
    text += " each" if groups.ngroups > 1 else ""
    steps = [int(n) for n in models["steps"].dropna()] if "steps" in models else []
    if steps:
        text += f", trained for {_span(steps, 'step')}"
    images = [*dict.fromkeys(models["evaluation_images"])]
    if len(images) == 1:
        several = "every image" if images[0] == "all" else f"{int(images[0]):,} images"
        text += f"{' and' if steps else ','} scored on {several}"
    return f"{text}."


def findings(study: Study) -> list[str]:
    """Return what came out, in two or three sentences."""
    found = [_contrast(study)]
    parts = [*by_dataset(competing(study.tables.summary))]
    # Where most was compared, most can be said.
    parts.sort(key=lambda part: -part[1]["group_id"].nunique())
    found += [_best(heading, part) for heading, part in parts[:_MAX_DATASETS]]
    return [text for text in found if text]


def bars(study: Study) -> Bars | None:
    """Return the first dataset's models by the headline score; None for fewer than two."""
    for heading, part in by_dataset(study.tables.summary):
        metric = _headline(part)
        ranked = _ranked(part, metric) if metric else part.iloc[:0]
        if metric and len(ranked) > 1:
            levels = [_percent(ranked[name].mean()) for name in ("chance", "ceiling")]
            rows: Any = ranked.head(MAX_BARS).to_dict("records")
            return Bars(
                f"{metric_title(metric)} on {heading}",
                tuple(_bar(row) for row in rows),
                max(0, len(ranked) - MAX_BARS),
                *levels,
            )
    return None


def _model(study: Study, explorers: Sequence[ShownModel]) -> ShownModel | None:
    """Return the model to touch first: of those with a code, the best by the headline score."""
    runs = competing(study.tables.runs)
    coded = {model.run: model for model in explorers if model.has_code}
    score = next((name for name in _HEADLINES if name in runs), None)
    if score is not None:
        means = runs.groupby(["group_id", "precision"])[score].transform("mean")
        known = means[runs["run_id"].isin([*coded])].dropna()
        if len(known):
            best: Any = known.idxmax()
            return coded[str(runs.loc[best, "run_id"])]
    return next(iter(explorers), None)


def _contrast(study: Study) -> str:
    """Return what high β does to the latents in use, of the first data that has the contrast."""
    settings = sorted(comparable(study.tables), key=lambda setting: setting.dataset != "ball")
    for setting in settings:
        by_beta, high = setting.by_beta(), setting.high_beta()
        if high is not None and 1.0 in by_beta and setting.has_code(by_beta[1.0]):
            low_text = _use(setting, by_beta[1.0], "spreads", "over")
            high_text = _use(setting, by_beta[high], "keeps", "in")
            several = "" if len(by_beta[high]) == 1 else " (medians over seeds)"
            name = dataset_heading(setting.dataset, setting.dataset_options)
            return f"On {name}, β = 1 {low_text}; β = {high:g} {high_text}{several}."
    return ""


def _use(setting: Setting, runs: pd.DataFrame, verb: str, where: str) -> str:
    nats = significant(float(setting.values(runs, "kl").median()))
    latents = float(setting.active(runs).median())
    return f"{verb} {nats} nats {where} {counted(latents, 'latent')}"


def _best(heading: str, part: pd.DataFrame) -> str:
    """Return which model scores highest on a dataset, and whether that can be told."""
    metric = _headline(part)
    if metric is None:
        return ""
    ranked = _ranked(part, metric)
    first = ranked.iloc[0]
    scale = _scale(first)
    if len(ranked) == 1:
        return (
            f"On {heading}, {first['label']} has a {metric_title(metric)} of "
            f"{significant(first['mean'])}{scale}."
        )
    if first["mean"] <= first.get("chance", math.nan) and higher_is_better(metric):
        return (
            f"On {heading}, no model is above chance in {metric_title(metric)}: the best, "
            f"{first['label']}, has {significant(first['mean'])}{scale}."
        )
    text = (
        f"On {heading}, {first['label']} has the best {metric_title(metric)}: "
        f"{significant(first['mean'])}{scale}"
    )
    enough = ranked[ranked["n_seeds"] >= MIN_SEEDS]
    if len(enough) < 2 or enough.index[0] != ranked.index[0]:
        return f"{text}. With fewer than {MIN_SEEDS} seeds that is no ranking."
    reach = len(first_place(enough, metric))
    of_whom = "" if len(enough) == len(ranked) else f" with {MIN_SEEDS} seeds or more"
    if reach == 1:
        return f"{text}, clearly ahead of the others{of_whom}."
    return f"{text}, but {counted(reach - 1, 'other')}{of_whom} cannot be told from it."


def _scale(row: pd.Series[Any]) -> str:
    known = [
        # In hundredths: more says no more of a scale.
        f"{what} {round(float(row[name]), 2):g}"
        for name, what in (("chance", "chance is"), ("ceiling", "a perfect code has"))
        if name in row and not math.isnan(row[name])
    ]
    return f" ({', '.join(known)})" if known else ""


def _headline(part: pd.DataFrame) -> str | None:
    known = {*competing(part)["metric"]}
    return next((name for name in _HEADLINES if name in known), None)


def _ranked(part: pd.DataFrame, metric: str) -> pd.DataFrame:
    models = competing(part[part["metric"] == metric])
    upwards = higher_is_better(metric) is False
    return models.sort_values("mean", ascending=upwards, kind="stable")


def _bar(row: dict[str, Any]) -> Bar:
    spread = (row["low"], row["high"]) if row["n_seeds"] > 1 else (row["mean"], row["mean"])
    low, high = (_percent(value) or 0.0 for value in spread)
    return Bar(
        label=row["label"],
        block=block_id(row["group_id"], row["precision"]),
        text=number(row["mean"]),
        place=_percent(row["mean"]) or 0.0,
        low=low,
        high=high,
    )


def _percent(value: float) -> float | None:
    """Return where a score in [0, 1] lies across a bar; None where it is not known."""
    return None if math.isnan(value) else round(100 * min(1.0, max(0.0, value)), 2)


def _span(counts: Sequence[int], noun: str) -> str:
    low, high = min(counts), max(counts)
    return counted(high, noun) if low == high else f"{low:,} to {counted(high, noun)}"
