"""Contrast: the difference of a column between two models, paired by seed, for claims 5 and 6."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from ...tables import MIN_SEEDS, over_seeds
from ..comparable import Setting, more_seeds
from ._base import Finding
from ._parts import Direction, Part, difference

# The claims that compare models on dSprites ask for more than a first look does.
LEAST_STEPS = 100_000


@dataclass(frozen=True)
class Column:
    """A column of the table of runs, how a sentence calls it, and the request that makes it."""

    name: str
    text: str
    request: str


# Shape has no order that one latent could follow (Chen et al. 2018 leave it out).
MIG = Column(
    "mig_posterior_exclude_shape",
    "MIG (posterior, without shape)",
    "`{name: mig, exclude: [shape]}`",
)
RECONSTRUCTION = Column("reconstruction", "reconstruction (nats per image)", "`reconstruction`")


@dataclass(frozen=True)
class Contrast:
    """The claim that a column of one model less that of another lies beyond a margin."""

    column: Column
    direction: Direction
    margin: float
    model: str
    reference: str


def compare(
    setting: Setting,
    contrasts: Sequence[Contrast],
    models: Mapping[str, pd.DataFrame],
    add: str,
) -> Finding:
    """Return a part for each contrast, as far as there are models, scores and seeds.

    Parameters
    ----------
    setting : Setting
        Where the models are from.
    contrasts : sequence of Contrast
        Their conjunction is the claim.
    models : mapping
        What the contrasts call a model, to its runs.
    add : str
        What to add to a grid that lacks models.
    """
    parts: list[Part] = []
    # Told once, however many contrasts lack it.
    missing: dict[str, None] = {}
    absent = [name for name, runs in models.items() if runs.empty]
    if absent:
        missing[f"There is no model of {' and '.join(absent)} at these settings: add {add}."] = None
    for contrast in contrasts:
        column = contrast.column
        runs = [models[name] for name in (contrast.model, contrast.reference)]
        if any(part.empty for part in runs):
            continue
        values, reference = (setting.values(part, column.name) for part in runs)
        quantity = f"{column.text}, {contrast.model} minus {contrast.reference}"
        part = difference(quantity, contrast.direction, contrast.margin, values, reference)
        if part is not None:
            parts.append(part)
            continue
        if values.size < len(runs[0]) or reference.size < len(runs[1]):
            missing[setting.lacks(column.name, column.request)] = None
        n_pairs = len({*runs[0]["seed"]} & {*runs[1]["seed"]})
        if n_pairs < MIN_SEEDS:
            both = f"runs of both {contrast.model} and {contrast.reference}"
            missing[more_seeds(n_pairs, both)] = None
    used = dict.fromkeys(contrast.column for contrast in contrasts)
    said = [
        f"{column.text}: "
        + ", ".join(
            f"{over_seeds(setting.values(runs, column.name))} at {name}"
            for name, runs in models.items()
            if len(runs)
        )
        for column in used
        if column.name in setting.runs
    ]
    sentence = f"Median and range over seeds. {'; '.join(said)}." if said else ""
    return Finding(parts, sentence, " ".join(missing))


def too_short(setting: Setting) -> str:
    """Return what to do where training is too short to compare models, empty where it is not."""
    least = setting.least_steps(LEAST_STEPS)
    return f"Train longer: at least {least:,} steps are needed." if setting.steps < least else ""
