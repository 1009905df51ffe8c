"""Claim 2: at high β posteriors overlap, and images that are near have codes that are near."""

from __future__ import annotations

from ...store import CODE_KL
from ...tables import MIN_SEEDS, counted, over_seeds
from ..comparable import Setting, called, more_seeds
from ._base import Claim, Finding
from ._parts import correlation_difference

METRIC = "smoothness"
# Rank correlation at high β minus that at β = 1.
MARGIN = 0.05
SECONDARY = "trustworthiness"


def measure(setting: Setting) -> Finding:
    """Return by how much the code at high β follows the positions better than that at β = 1.

    High β is that of claim 1. Smoothness is the rank correlation of distances between positions
    with those between posteriors; a code of less than 1 nat has none.
    """
    by_beta, high = setting.by_beta(), setting.high_beta()
    if high is None or 1.0 not in by_beta:
        return Finding([], missing=setting.lacks_betas())
    coded = {beta: by_beta[beta][by_beta[beta]["kl"] > CODE_KL] for beta in (high, 1.0)}
    left_out = {beta: len(by_beta[beta]) - len(runs) for beta, runs in coded.items()}
    smooth = {beta: setting.values(runs, METRIC) for beta, runs in coded.items()}
    trust = {beta: setting.values(runs, SECONDARY) for beta, runs in coded.items()}
    sentence = (
        f"Smoothness, median and range over seeds: {over_seeds(smooth[high])} at {called(high)}, "
        f"and {over_seeds(smooth[1.0])} at β = 1. Trustworthiness over 8 neighbours: "
        f"{over_seeds(trust[high])} and {over_seeds(trust[1.0])}."
    )
    for beta, count in left_out.items():
        if count:
            sentence += f" Left out: {counted(count, 'seed')} without a code at β = {beta:g}."
    quantity = f"difference of rank correlations, β = {high:g} minus β = 1"
    part = correlation_difference(quantity, "above", MARGIN, smooth[high], smooth[1.0])
    if part is not None:
        return Finding([part], sentence)
    missing = []
    if any(smooth[beta].size < len(runs) for beta, runs in coded.items()):
        missing.append(setting.lacks(METRIC, f"`{METRIC}`"))
    n_pairs = len({*coded[high]["seed"]} & {*coded[1.0]["seed"]})
    if n_pairs < MIN_SEEDS:
        missing.append(more_seeds(n_pairs, f"a code at β = {high:g} and at β = 1"))
        if any(left_out.values()):
            missing.append("Those without a code may need longer training.")
    return Finding([], sentence, " ".join(missing))


CLAIM = Claim(
    number=2,
    title="High β makes the code smooth",
    origin="the paper's intuition; our measure of it",
    datasets=("ball",),
    kinds=("beta_vae",),
    needs="`{kind: vae}` and `{kind: beta_vae}` of several β on the ball",
    measure=measure,
    published="ball",
)
