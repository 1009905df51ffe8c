"""Claim 1: at high β the two factors of a ball need two latents; at β = 1 they take more."""

from __future__ import annotations

from ...store import ACTIVE_KL, CODE_KL
from ...tables import MIN_SEEDS, counted, of_seeds, over_seeds
from ..comparable import Setting, called, more_seeds
from ._base import Claim, Finding
from ._parts import share

# At high β exactly so many latents are in use, and the position is read off them so well.
LATENTS = 2
LEAST_R2 = 0.9
METRIC = "factor_regression"


def measure(setting: Setting) -> Finding:
    """Return the share of seeds that use two latents at high β, and more than two at β = 1.

    High β is the paper's 150 if the median seed has a code of more than 1 nat there, otherwise the
    largest β with such a code. A seed passes if there exactly 2 latents have a mean KL above 0.1
    nat and their cubic regression to x and to y has a held-out R² of 0.9 or more, and if at β = 1
    more than 2 latents are above 0.1 nat. A seed that has no code at β = 1 is still on the plateau
    that training starts on: it does not pass, but no contradiction rests on it. The same holds for
    a seed whose regression has no value.
    """
    by_beta = setting.by_beta()
    counts = {beta: setting.active(runs) for beta, runs in by_beta.items()}
    shown = "; ".join(
        f"β = {beta:g}: {over_seeds(counts[beta])}{'' if setting.has_code(runs) else ', no code'}"
        for beta, runs in by_beta.items()
        # What is not scored yet is not known.
        if len(counts[beta])
    )
    sentence = f"Latents in use (above {ACTIVE_KL:g} nat), median and range over seeds: {shown}."
    high = setting.high_beta()
    if high is None or 1.0 not in by_beta:
        return Finding([], sentence, setting.lacks_betas())
    seeds = counts[high].index.intersection(counts[1.0].index)
    few = {seed for seed in seeds if counts[high][seed] == LATENTS}
    fits = setting.values(by_beta[high], METRIC)
    unfitted = few - {*fits.index}
    read_off = {seed for seed in few - unfitted if fits[seed] >= LEAST_R2}
    lacking = [setting.lacks(METRIC, f"`{METRIC}`")] if unfitted else []
    if len(seeds) < MIN_SEEDS:
        lacking.append(more_seeds(len(seeds), f"runs at both β = {high:g} and β = 1"))
        return Finding([], sentence, " ".join(lacking))
    coded = setting.values(by_beta[1.0], "kl") > CODE_KL
    plateau = {*seeds} - {*coded.index[coded]}
    more = {seed for seed in seeds if counts[1.0][seed] > LATENTS} - plateau
    passed = read_off & more
    possible = (read_off | unfitted) & (more | plateau)
    part = share(
        "share of seeds that pass", len(passed), len(seeds), unknown=len(possible - passed)
    )
    sentence = (
        f"{of_seeds(len(passed), len(seeds), 'pass')}. At {called(high)}, "
        f"{of_seeds(len(few), len(seeds), 'use')} exactly {LATENTS} latents; in {len(read_off)} of "
        f"them these predict x and y (R² of all seeds {over_seeds(fits)}). {sentence}"
    )
    if plateau:
        sentence += (
            f" Without a code at β = 1, which does not pass: {counted(len(plateau), 'seed')}."
        )
    if plateau & possible:
        lacking.append("Train longer: seeds at β = 1 are still on the plateau without a code.")
    # What is known of the other seeds may be enough.
    return Finding([part], sentence, " ".join(lacking) if part.verdict == "inconclusive" else "")


CLAIM = Claim(
    number=1,
    title="Two factors, two latents",
    origin="claim from the paper; our test of it",
    datasets=("ball",),
    kinds=("beta_vae",),
    needs="`{kind: vae}` and `{kind: beta_vae}` of several β on the ball",
    measure=measure,
    published="ball",
)
