"""Which model of a table is best beyond doubt, which ones may be, and why there may be none."""

from __future__ import annotations

import pandas as pd

from ..grid import KINDS, Codes, TrainedSpec, VAESpec
from ..tables import MIN_SEEDS, OF_ENOUGH_SEEDS, higher_is_better, t_half

# Trained models and codes from elsewhere; all other rows are baselines.
MODELS = [kind for kind, cls in KINDS.items() if issubclass(cls, TrainedSpec | Codes)]
RANKED = [kind for kind, cls in KINDS.items() if issubclass(cls, VAESpec | Codes)]
# The true factors would always win.
WITHOUT_RANK = frozenset(KINDS) - {*RANKED}


def competing(part: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of models: baselines and factor channels do not compete."""
    return part[part["kind"].isin(RANKED)]


def first_place(part: pd.DataFrame, name: str) -> set[tuple[str, str]]:
    """Return the groups of which none is better beyond doubt.

    One alone is the best: its interval lies apart from all others'. Several are those whose
    intervals reach that of the highest mean. None where there is nothing to compare, or where some
    have too few seeds for an interval.
    """
    higher = higher_is_better(name)
    models = competing(part)
    if higher is None or len(models) < 2 or not {*models["interval"]} <= {*OF_ENOUGH_SEEDS}:
        return set()
    ordered = _beside_equal(models).sort_values("mean", ascending=not higher)
    first = ordered.iloc[0]
    near = ordered["high"] >= first["low"] if higher else ordered["low"] <= first["high"]
    reach = ordered[near]
    return set(zip(reach["group_id"], reach["precision"], strict=True))


def _beside_equal(models: pd.DataFrame) -> pd.DataFrame:
    """Widen the intervals of a column in which the seeds of a model are all equal.

    An interval that keeps to its range never reaches its end: all seeds at 1 would beat five at 1
    and one at 0.999. Beside equal seeds, Student's t has to tell them apart too.
    """
    if not (models["interval"] == "equal").any():
        return models
    half = models["n_seeds"].map(t_half) * models["std"]
    return models.assign(
        low=models["low"].clip(upper=models["mean"] - half),
        high=models["high"].clip(lower=models["mean"] + half),
    )


def why_no_star(part: pd.DataFrame) -> str:
    """Return why a table has no star, where that is for want of seeds."""
    models = competing(part)
    seeds = models.groupby(["group_id", "precision"], sort=False)["n_seeds"].max()
    few = int((seeds < MIN_SEEDS).sum())
    if len(seeds) < 2 or not few:
        return ""
    if few == len(seeds):
        return (
            f"Too few seeds to rank models (all have fewer than {MIN_SEEDS}), so none is starred."
        )
    has = "has" if few == 1 else "have"
    return (
        f"Too few seeds to rank models ({few} of {len(seeds)} {has} fewer than {MIN_SEEDS}), so "
        f"none is starred."
    )
