"""The doctor's words: a sentence for each finding, with its numbers and what to do."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ...tables import minus, of_seeds
from ._examination import POURED_SHARE, Examination, count_for, suggested_gamma


def sentence(run: Examination, names: Sequence[str], working: Collection[float]) -> str:
    """Return the findings in words, the gravest first, and what to set next time.

    That KL is on C is good news only where nothing graver was found. `working` is every γ at which
    runs of the same data are on C with a code. What there is to say of C is the same for all runs
    of a setting: see `Reference.advice`.
    """
    parts = [_WORDS[name](run) for name in names if name != "tracked" or len(names) == 1]
    return " ".join([*parts, *_other_gamma(run, working)])


def largest(latents: NDArray[np.float64], most: int = 5) -> str:
    """Return the largest latents, as `7.76 7.50 6.41 3.30, rest 0.03`.

    Examples
    --------
    >>> largest(np.array([7.76, 7.5, 6.41, 3.3, 0.02, 0.01]), 4)
    '7.76 7.50 6.41 3.30, rest 0.03'
    """
    first = " ".join(f"{kl:.2f}" for kl in latents[:most])
    return f"{first}, rest {latents[most:].sum():.2f}" if len(latents) > most else first


def _collapsed(run: Examination) -> str:
    return (
        f"KL is {run.kl:.2f} nats although C is {run.capacity:.1f}: no code has begun. γ pulls "
        f"towards C at every step, so train longer, or raise the learning rate."
    )


def _bought(run: Examination) -> str:
    return (
        f"KL of {run.final_kl:.2f} nats bought {_tenths(run.gain)} nats of reconstruction "
        f"({run.reconstruction:.1f} against {run.seen.plateau:.1f} without a code), less than it "
        f"costs"
    )


def _gamma_too_large(run: Examination) -> str:
    few = f", though {_find_a_code(run)}" if run.n_working else ""
    return (
        f"{_bought(run)}: γ = {run.gamma:g} asks for KL before there is anything to encode, and "
        f"the model pays with noise{few}. Lower γ, and let C rise more slowly."
    )


def _seed_without_a_code(run: Examination) -> str:
    return (
        f"{_bought(run)}: this seed is on C with noise. At γ = {run.gamma:g}, "
        f"{_find_a_code(run)}, so the settings can work. Let C rise more slowly if no seed may "
        f"fail."
    )


def _find_a_code(run: Examination) -> str:
    return f"{of_seeds(run.n_working, run.n_seeds, 'find')} a code"


def _poured(run: Examination) -> str:
    few = count_for(run.latents, POURED_SHARE)
    held = run.latents[:few].sum() / run.latents.sum()
    known = len(run.reference.latents)
    beside = (
        f"the β = 1 run needs {count_for(run.reference.latents, POURED_SHARE)} latents for as much"
        if known
        else "more in one latent than a factor of 40 values can use (3.69); harmless only for data "
        f"of no more than {few} factors"
    )
    return (
        f"{held:.0%} of {run.final_kl:.1f} nats lie in {few} latents "
        f"({largest(run.latents, few)}); {beside}. Let C rise more slowly or end lower: capacity "
        f"that comes before a new factor pays goes to the latents that are already in use."
    )


def _above(run: Examination) -> str:
    steep = run.seen.steepest
    why = (
        f"γ = {run.gamma:g} is below the steepest slope seen, −dD/dR = {steep:.0f}: there, every "
        f"nat above C gains more than it costs. Raise γ."
        if run.gamma < steep
        else "γ is above every slope seen, so it is the optimiser that overshoots. Lower the "
        "learning rate, or let C rise more slowly."
    )
    return (
        f"KL ends at {run.kl:.2f} nats for C = {run.capacity:.1f}; it was more than 1 nat above C "
        f"in {run.above:.0%} of training after step {run.after:,}. {why}"
    )


def _lagged(run: Examination) -> str:
    return (
        f"KL ends at {run.kl:.2f} nats for C = {run.capacity:.1f}; it was more than 1 nat below C "
        f"in {run.below:.0%} of training after step {run.after:,}. Both terms of the loss pull KL "
        f"up there, so it is the optimiser that did not follow: let C rise over more steps, train "
        f"longer, or raise γ."
    )


def _tracked(run: Examination) -> str:
    return (
        f"KL ends at {run.kl:.2f} nats for C = {run.capacity:.1f} and was within 1 nat of C in "
        f"{run.share:.0%} of training after step {run.after:,}."
    )


_WORDS: dict[str, Callable[[Examination], str]] = {
    "collapsed": _collapsed,
    "gamma too large": _gamma_too_large,
    "seed without a code": _seed_without_a_code,
    "poured into few latents": _poured,
    "above C": _above,
    "lagged": _lagged,
    "tracked": _tracked,
}


def _other_gamma(run: Examination, working: Collection[float]) -> Iterator[str]:
    """Yield the γ that other runs suggest, if any."""
    gamma = suggested_gamma(run, working)
    if gamma in working:
        yield f"Suggested γ: {gamma:g}, at which a model of these data is on C with a code."
    elif math.isfinite(gamma):
        yield (f"Suggested γ: {gamma:g}, above the steepest slope seen, {run.seen.steepest:.0f}.")


def _tenths(value: float) -> str:
    # Rounded first: nothing is below nothing.
    return minus(f"{round(value, 1) + 0.0:.1f}")
