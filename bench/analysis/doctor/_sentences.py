"""The doctor's words: a sentence for each finding, with its numbers and what to do."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ...tables import minus
from ._examination import POURED_SHARE, Examination, count_for, suggested_gamma


def sentence(run: Examination, names: Sequence[str], working: Collection[float]) -> str:
    """Return the findings in words, the gravest first, and what to set next time.

    That KL is on C is good news only where nothing graver was found. `working` is every γ at which
    runs of the same data are on C with a code.
    """
    parts = [_WORDS[name](run) for name in names if name != "tracked" or len(names) == 1]
    return " ".join([*parts, *_advice(run, working)])


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


def _gamma_too_large(run: Examination) -> str:
    return (
        f"KL of {run.final_kl:.2f} nats bought {_tenths(run.gain)} nats of reconstruction "
        f"({run.reconstruction:.1f} against {run.seen.plateau:.1f} without a code), less than it "
        f"costs: γ = {run.gamma:g} asks for KL before there is anything to encode, and the model "
        f"pays with noise. Lower γ, and let C rise more slowly."
    )


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
    "poured into few latents": _poured,
    "above C": _above,
    "lagged": _lagged,
    "tracked": _tracked,
}


def _advice(run: Examination, working: Collection[float]) -> Iterator[str]:
    """Yield C and γ that other runs suggest, or what is missing for that."""
    reference, gamma = run.reference, suggested_gamma(run, working)
    if math.isfinite(reference.kl):
        yield f"Suggested C: {reference.kl:.0f}, the KL of the β = 1 runs."
    elif reference.n_runs:
        yield "No C suggested: the β = 1 runs of these settings have no code."
    else:
        yield "No C suggested: add `{kind: vae}` of the same settings."
    if gamma in working:
        yield f"Suggested γ: {gamma:g}, at which a model of these data is on C with a code."
    elif math.isfinite(gamma):
        yield (f"Suggested γ: {gamma:g}, above the steepest slope seen, {run.seen.steepest:.0f}.")


def _tenths(value: float) -> str:
    # Rounded first: nothing is below nothing.
    return minus(f"{round(value, 1) + 0.0:.1f}")
