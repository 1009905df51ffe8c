"""Claim 4: KL stays within a nat of the capacity C while C rises (a check of the optimisation)."""

from __future__ import annotations

import math

import pandas as pd

from ...store import WINDOW
from ...tables import MIN_SEEDS, of_seeds, over_seeds
from ..comparable import Setting, more_seeds
from ..following import (
    AFTER,
    LEAST_SHARE,
    LEAST_STEPS,
    LEAST_WINDOWS,
    TOLERANCE,
    following,
)
from ..gain import pays, without_code
from ._base import Claim, Finding
from ._parts import share

GAMMA = 1_000.0
_MODEL = f"`{{kind: capacity_vae, gamma: {GAMMA:g}}}`"
_DOUBTS = (False, None, True)


def measure(setting: Setting) -> Finding:
    """Return the share of seeds whose KL follows C at γ = 1000.

    Where models of several capacities have that γ, a seed passes only if all of its runs do. A seed
    whose KL follows C and buys nothing does not pass, nor does anything contradict for it: a model
    without a code is on C at no cost.
    """
    if setting.steps < LEAST_STEPS:
        few = f"{LEAST_WINDOWS} windows of {WINDOW:,} steps after step {AFTER:,}"
        return Finding([], missing=f"It is read from {few}: train at least {LEAST_STEPS:,} steps.")
    runs = setting.runs[setting.runs["kind"] == "capacity_vae"]
    shares = {
        float(str(gamma)): inside(setting, part) for gamma, part in runs.groupby("gamma", sort=True)
    }
    shown = "; ".join(f"γ = {gamma:g}: {over_seeds(found)}" for gamma, found in shares.items())
    sentence = (
        f"Share of training after step {AFTER:,} with KL within {TOLERANCE:g} nat of C (windows of "
        f"{WINDOW:,} steps), median and range over seeds: {shown}."
    )
    if GAMMA not in shares:
        return Finding([], sentence, f"Add {_MODEL}.")
    found = shares[GAMMA]
    if coarse := setting.coarse(runs[runs["gamma"] == GAMMA]):
        return Finding([], sentence, coarse)
    if len(found) < MIN_SEEDS:
        return Finding([], sentence, more_seeds(len(found), f"training curves at γ = {GAMMA:g}"))
    follow = {*found.index[found >= LEAST_SHARE]}
    codes = with_code(setting, runs[runs["gamma"] == GAMMA])
    coded = {seed for seed in follow if codes[seed]}
    part = share(
        "share of seeds that follow C with a code",
        len(coded),
        len(found),
        unknown=len(follow - coded),
    )
    said = f"{of_seeds(len(follow), len(found), 'follow')} C at γ = {GAMMA:g}"
    without = f", {len(coded)} of them with a code" if follow - coded else ""
    same = part.verdict == share("", len(follow), len(found)).verdict
    known = any(codes[seed] is False for seed in follow)
    by = f"met by models {'without' if known else 'that are not known to have'} a code"
    return Finding([part], f"{said}{without}. {sentence}", qualification="" if same else by)


def with_code(setting: Setting, runs: pd.DataFrame) -> dict[int, bool | None]:
    """Return by seed whether all its runs have a code, None if that is not known.

    A code's KL bought what it cost. Where nothing is known of the data without a code, a latent
    whose mean varies with the image is one.
    """
    no_code = without_code(setting)
    found: dict[int, bool | None] = {}
    for row in runs.to_dict("records"):
        values = (row.get(name, math.nan) for name in ("kl", "reconstruction", "active_units"))
        kl, reconstruction, n_active = values
        paid = pays(kl, reconstruction, no_code)
        coded = n_active > 0 or None if paid is None else paid
        # One run without a code is enough; else one of which it is not known.
        found[row["seed"]] = min(found.get(row["seed"], True), coded, key=_DOUBTS.index)
    return found


def inside(setting: Setting, runs: pd.DataFrame) -> pd.Series[float]:
    """Return by seed the least share of windows in which a run's KL is within a nat of C."""
    found: dict[int, float] = {}
    for seed, _, windows in setting.windows(runs):
        within = following(windows, AFTER).within
        if not math.isnan(within):
            found[seed] = min(found.get(seed, 1.0), within)
    return pd.Series(found, dtype="float64")


CLAIM = Claim(
    number=4,
    title="KL follows the capacity",
    origin="claim from the paper; our test of it",
    datasets=(),
    kinds=("capacity_vae",),
    needs=_MODEL,
    measure=measure,
)
