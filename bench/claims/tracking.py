"""Claim 4: KL follows the capacity C within a nat while C rises (a check of the optimisation)."""

from __future__ import annotations

import pandas as pd

from ..intervals import MIN_SEEDS
from ..setting import WINDOW, Setting, listed, more_seeds
from ._base import Claim, Finding
from ._parts import share

GAMMA = 1_000.0
# |mean KL − C| is less than this (nats) ...
TOLERANCE = 1.0
# ... in at least this share of a run's windows of 1,000 steps after this step.
LEAST_SHARE = 0.95
AFTER = 5_000
# With fewer windows than this the share is of too little.
LEAST_WINDOWS = 5


def measure(setting: Setting) -> Finding:
    """Return the share of seeds whose KL follows C at γ = 1000.

    Where models of several capacities have that γ, a seed passes only if all of its runs do.
    """
    least = AFTER + LEAST_WINDOWS * WINDOW
    if setting.steps < least:
        return Finding([], missing=f"Train longer: at least {least:,} steps are needed.")
    runs = setting.runs[setting.runs["kind"] == "capacity_vae"]
    shares = {
        float(str(gamma)): inside(setting, part) for gamma, part in runs.groupby("gamma", sort=True)
    }
    shown = "; ".join(f"γ = {gamma:g}: {listed(found)}" for gamma, found in shares.items())
    sentence = (
        f"Share of windows of 1,000 steps after step {AFTER:,} with KL within {TOLERANCE:g} nat "
        f"of C, median and range over seeds: {shown}."
    )
    if GAMMA not in shares:
        return Finding([], sentence, f"Add a `capacity_vae` of gamma: {GAMMA:g}.")
    found = shares[GAMMA]
    if len(found) < MIN_SEEDS:
        return Finding([], sentence, more_seeds(len(found), f"a history at γ = {GAMMA:g}"))
    passed = int((found >= LEAST_SHARE).sum())
    part = share("share of seeds that follow C", passed, len(found))
    return Finding([part], f"{passed} of {len(found)} seeds pass at γ = {GAMMA:g}. {sentence}")


def inside(setting: Setting, runs: pd.DataFrame) -> pd.Series[float]:
    """Return by seed the least share of windows in which a run's KL is within a nat of C."""
    found: dict[int, float] = {}
    for seed, _, windows in setting.windows(runs):
        late = windows[windows["start"] >= AFTER]
        if len(late):
            # A window of NaN is not within anything.
            close = float(((late["kl"] - late["c"]).abs() < TOLERANCE).mean())
            found[seed] = min(found.get(seed, 1.0), close)
    return pd.Series(found, dtype="float64")


CLAIM = Claim(
    number=4,
    title="KL follows the capacity",
    origin="the paper's, in our operationalisation",
    datasets=(),
    kinds=("capacity_vae",),
    needs=f"`capacity_vae` of gamma: {GAMMA:g}",
    measure=measure,
)
