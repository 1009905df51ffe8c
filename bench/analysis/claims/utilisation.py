"""Claim 3: as capacity grows, position is encoded first, then scale, shape and orientation."""

from __future__ import annotations

import math
from itertools import pairwise

import pandas as pd

from ...tables import MIN_SEEDS, counted, of_seeds, significant
from ..comparable import Setting, more_seeds
from ._base import Claim, Finding
from ._parts import share

# A factor is in use from the capacity at which its mean KL rises above this to stay there for so
# many windows. Factors whose first gains lie above it and die away are not in use by that.
THRESHOLD = 0.1
STAYS = 5
# The other thresholds that are shown beside it.
SENSITIVITY = (0.05, 0.3)
# The positions come in within this many nats of one another.
TOGETHER = 1.0
TOGETHER_FACTORS = ("position_x", "position_y")
THEN = ("scale", "shape", "orientation")


def measure(setting: Setting) -> Finding:
    """Return the share of seeds whose factors come into use in the paper's order.

    Of several models of a seed's, that of the largest capacity is taken, then a learnt channel
    before an exact one, then that of the largest γ. A factor that never comes into use has an
    infinite capacity.
    """
    runs = setting.runs[setting.runs["kind"] == "factor_channel"]
    ordered = runs.sort_values(["capacity", "channel", "gamma"], kind="stable")
    runs = runs[runs["group_id"] == ordered["group_id"].iloc[-1]]
    channel = runs["channel"].iloc[0]
    factors = setting.tables.kl_per_dimension.groupby("run_id")["latent"].agg(list)
    curves = {}
    for seed, run_id, windows in setting.windows(runs):
        names = {f"kl_{place}": name for place, name in enumerate(factors.get(run_id, []))}
        curves[seed] = windows.rename(columns=names)
    known = {
        seed: curve
        for seed, curve in curves.items()
        if len(curve) >= STAYS and {*TOGETHER_FACTORS, *THEN, "c"} <= {*curve}
    }
    if coarse := setting.coarse(runs):
        return Finding([], missing=coarse)
    if len(known) < MIN_SEEDS:
        return Finding([], missing=_missing(curves, len(known)))
    onsets = {seed: onset(curve, THRESHOLD) for seed, curve in known.items()}
    passed = sum(in_order(found) for found in onsets.values())
    part = share("share of seeds in the paper's order", passed, len(known))
    medians = pd.DataFrame(onsets).T.median()
    listed = ", ".join(f"{name} {_nats(medians[name])}" for name in (*TOGETHER_FACTORS, *THEN))
    agreement = [_kendall(found) for found in onsets.values()]
    others = ", ".join(
        f"{sum(in_order(onset(curve, level)) for curve in known.values())} at {level:g} nat"
        for level in SENSITIVITY
    )
    sentence = (
        f"{of_seeds(passed, len(known), 'pass')} with the {channel} channel. Capacity at which "
        f"each factor comes into use (nats, median over seeds): {listed}. {_never(onsets)}Mean "
        f"Kendall's τ with the paper's order: {significant(sum(agreement) / len(agreement))}. "
        f"In use means above {THRESHOLD:g} nat; with other thresholds {others} pass."
    )
    return Finding([part], sentence)


def onset(windows: pd.DataFrame, threshold: float, along: str = "c") -> dict[str, float]:
    """Return factor to the capacity (nats) from which on it stays in use; infinite if it never is.

    A factor may be above the threshold at the start and die away before it comes into use: that is
    with the last stretch of at least `STAYS` windows above it. One that dies away for as long after
    that does not stay.

    Parameters
    ----------
    windows : DataFrame
        `along` and a column of each factor's KL, a row per window.
    threshold : float
        Nats.
    along : str
        The column that says where a factor comes in: `c`, or `kl` for the total KL.
    """
    found = {}
    for name in (*TOGETHER_FACTORS, *THEN):
        above = windows[name] > threshold
        stretch = (above != above.shift()).cumsum()
        last = stretch[above.groupby(stretch).transform("size") >= STAYS].max()
        stays = above & (stretch == last)
        found[name] = float(windows.loc[stays, along].iloc[0]) if stays.any() else math.inf
    return found


def in_order(onsets: dict[str, float]) -> bool:
    """Return whether x and y come together and first, then scale, shape, orientation."""
    x, y = (onsets[name] for name in TOGETHER_FACTORS)
    later = [max(x, y), *(onsets[name] for name in THEN)]
    # Two that never come do not come together: their difference is not a number.
    return abs(x - y) < TOGETHER and all(a < b for a, b in pairwise(later))


def _kendall(onsets: dict[str, float]) -> float:
    """Return Kendall's τ (b) with the paper's order; 0 where all factors come at once, or none."""
    from scipy.stats import kendalltau

    found = [onsets[name] for name in (*TOGETHER_FACTORS, *THEN)]
    if len(set(found)) == 1:
        return 0.0
    ranks = pd.Series(found).rank(method="average")
    return float(kendalltau([0, 0, 1, 2, 3], ranks).statistic)


def _never(onsets: dict[int, dict[str, float]]) -> str:
    """Say which factors stay out of use: a seed may pass without the last one."""
    counts = {
        name: sum(math.isinf(found[name]) for found in onsets.values())
        for name in (*TOGETHER_FACTORS, *THEN)
    }
    listed = ", ".join(f"{name} in {counted(n, 'seed')}" for name, n in counts.items() if n)
    return f"Never in use: {listed}. " if listed else ""


def _nats(capacity: float) -> str:
    return f"{capacity:.1f}" if math.isfinite(capacity) else "never"


def _missing(curves: dict[int, pd.DataFrame], n_known: int) -> str:
    short = [curve for curve in curves.values() if len(curve) < STAYS]
    if short:
        have = "has" if len(short) == 1 else "have"
        runs = f"{counted(len(short), 'run')} {have}"
        return f"Train longer: {runs} fewer than {STAYS} windows of 1,000 steps."
    if len(curves) > n_known:
        needed = ", ".join((*TOGETHER_FACTORS, *THEN))
        return f"The channel's runs need the factors {needed}, each with its KL: use dsprites."
    return more_seeds(n_known, "training curves of the factor channel")


CLAIM = Claim(
    number=3,
    title="Factors come in the order of their worth",
    origin="claim from the paper; our test of it",
    datasets=("dsprites",),
    kinds=("factor_channel",),
    needs="`{kind: factor_channel}` on dsprites",
    measure=measure,
    published="utilisation",
)
