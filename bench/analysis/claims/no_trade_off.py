"""Claim 5: raising the capacity reconstructs better than a fixed β and disentangles no worse."""

from __future__ import annotations

import pandas as pd

from ...tables import over_seeds
from ..comparable import Setting
from ._base import Claim, Finding
from ._contrast import MIG, RECONSTRUCTION, Contrast, compare, too_short

GAMMA, CAPACITY = 1_000.0, 25.0
BETA = 4.0
SECONDARY_BETA = 16.0
_MODELS = "`{kind: capacity_vae, gamma: 1000, capacity: 25}` and `{kind: beta_vae, beta: 4}`"
# Of MIG (posterior, without shape), and of reconstruction in nats per image.
MIG_MARGIN = -0.05
RECONSTRUCTION_MARGIN = -1.0


def measure(setting: Setting) -> Finding:
    """Return the difference of C = 25 at γ = 1000 from β = 4, in MIG and in reconstruction."""
    if short := too_short(setting):
        return Finding([], missing=short)
    raised = setting.models("capacity_vae", gamma=GAMMA, capacity=CAPACITY)
    fixed, secondary = (setting.models("beta_vae", beta=beta) for beta in (BETA, SECONDARY_BETA))
    models = {"C = 25": raised, "β = 4": fixed}
    finding = compare(
        setting,
        [
            Contrast(MIG, "above", MIG_MARGIN, "C = 25", "β = 4"),
            Contrast(RECONSTRUCTION, "below", RECONSTRUCTION_MARGIN, "C = 25", "β = 4"),
        ],
        models,
        add=_MODELS,
    )
    said = [
        f"{column.text}: {over_seeds(setting.values(runs, column.name))}"
        for runs in [secondary]
        if len(runs)
        for column in (MIG, RECONSTRUCTION)
    ]
    beside = f" Beside β = {SECONDARY_BETA:g}: {', '.join(said)}." if said else ""
    return Finding(finding.parts, f"{finding.sentence}{beside}{_front(setting)}", finding.missing)


def _front(setting: Setting) -> str:
    """Say which of all models with a fixed β or a capacity no other one beats in both measures."""
    runs = setting.runs[setting.runs["kind"].isin(("vae", "beta_vae", "capacity_vae"))]
    if MIG.name not in runs:
        return ""
    means = runs.groupby("label", sort=False)[[MIG.name, RECONSTRUCTION.name]].mean().dropna()
    front = [label for label, point in means.iterrows() if not _is_beaten(point, means)]
    if len(means) < 2:
        return ""
    return f" Pareto front of both means, of {len(means)} models: {', '.join(map(str, front))}."


def _is_beaten(point: pd.Series[float], means: pd.DataFrame) -> bool:
    better = (means[MIG.name] >= point[MIG.name]) & (
        means[RECONSTRUCTION.name] <= point[RECONSTRUCTION.name]
    )
    return bool((better & (means != point).any(axis=1)).any())


CLAIM = Claim(
    number=5,
    title="No trade-off of reconstruction for disentangling",
    origin="claim from the paper; our test of it",
    datasets=("dsprites",),
    kinds=("capacity_vae",),
    needs=f"{_MODELS} on dsprites",
    measure=measure,
    published="implementations",
)
