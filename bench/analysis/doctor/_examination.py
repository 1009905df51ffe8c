"""Examination: the measurements of one capacity run, and the findings that follow from them.

Every rule depends only on the measurements below; its threshold is a constant.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...store import CODE_KL
from ..following import LEAST_SHARE, TOLERANCE
from ..gain import pays
from ._frontier import Frontier
from ._reference import Reference

# A code of a capacity of at least this is poured into few latents if this share of its KL lies in
# at most so many of them. The capacity run of YannDubs/disentangling-vae has 87% of 25 nats in
# three; its VAE and β = 4 runs need seven and six latents for as much.
POURED_CAPACITY, POURED_SHARE, POURED_LATENTS = 10.0, 0.85, 4
# Beside a β = 1 run: at most this part of the latents that it needs for the same share.
POURED_PART = 0.5
# Without one: a latent of more nats than a factor of dSprites can ask for (ln 40 = 3.69).
LARGE_LATENT = 4.0


@dataclass(frozen=True)
class Examination:
    """What was measured of a capacity run, in nats per image.

    Attributes
    ----------
    gamma : float
        Weight of |KL − C|.
    capacity, kl : float
        C and KL over the last tenth of training.
    after : int
        The step after which training is judged.
    share, above, below : float
        Share of windows of training after it with KL within 1 nat of C, at least 1 nat above it,
        and below it.
    final_kl, reconstruction : float
        With the final weights, on the evaluation images.
    latents : ndarray
        (D,) KL of each latent with the final weights, descending.
    seen : Frontier
        What all comparable runs reached in training.
    reference : Reference
        The β = 1 runs among them.
    n_working, n_seeds : int
        Of how many seeds of the same model KL is on C with a code, and how many there are.
    """

    gamma: float
    capacity: float
    kl: float
    after: int
    share: float
    above: float
    below: float
    final_kl: float
    reconstruction: float
    latents: NDArray[np.float64]
    seen: Frontier
    reference: Reference
    n_working: int = 0
    n_seeds: int = 1

    @property
    def slope(self) -> float:
        """−dD/dR of the frontier at the final capacity."""
        return self.seen.slope(self.capacity)

    @property
    def gain(self) -> float:
        """How far the reconstruction lies below that of no code; NaN where that is not known."""
        return self.seen.plateau - self.reconstruction

    @property
    def is_off(self) -> bool:
        """Whether KL is not on C: at the end, or in more than a few windows."""
        return abs(self.kl - self.capacity) >= TOLERANCE or self.share < LEAST_SHARE

    @property
    def mostly_works(self) -> bool:
        """Whether most seeds of the model are on C with a code, so that its settings are sound."""
        return 2 * self.n_working > self.n_seeds

    @property
    def is_above(self) -> bool:
        """Whether KL is off C upwards; the end counts before the windows."""
        if abs(self.kl - self.capacity) >= TOLERANCE:
            return self.kl > self.capacity
        return self.above >= self.below


def count_for(latents: NDArray[np.float64], share: float) -> int:
    """Return how many latents, largest first, hold a share of the total KL.

    Examples
    --------
    >>> count_for(np.array([7.76, 7.50, 6.41, 3.30]), 0.85)
    3
    """
    if not len(latents) or latents.sum() <= 0:
        return 0
    held = np.cumsum(np.sort(latents)[::-1]) / latents.sum()
    return int(np.argmax(held >= share)) + 1


def _collapsed(run: Examination) -> bool:
    return run.kl < CODE_KL and run.capacity - run.kl >= TOLERANCE


def _noise(run: Examination) -> bool:
    # KL that satisfies |KL − C| and says nothing of the image.
    paid = pays(run.final_kl, run.reconstruction, run.seen.plateau)
    return run.final_kl >= CODE_KL and paid is False


def _gamma_too_large(run: Examination) -> bool:
    return _noise(run) and not run.mostly_works


def _seed_without_a_code(run: Examination) -> bool:
    return _noise(run) and run.mostly_works


def _poured(run: Examination) -> bool:
    few = count_for(run.latents, POURED_SHARE)
    if min(run.capacity, run.final_kl) < POURED_CAPACITY or few > POURED_LATENTS:
        return False
    if len(run.reference.latents):
        return few <= POURED_PART * count_for(run.reference.latents, POURED_SHARE)
    return float(run.latents.max()) > LARGE_LATENT


# The gravest first; a run's first finding is its verdict. The last two are exclusive with tracking.
RULES: dict[str, Callable[[Examination], bool]] = {
    "collapsed": _collapsed,
    "gamma too large": _gamma_too_large,
    "seed without a code": _seed_without_a_code,
    "poured into few latents": _poured,
    "above C": lambda run: run.is_off and run.is_above,
    "lagged": lambda run: run.is_off and not run.is_above and not _collapsed(run),
    "tracked": lambda run: not run.is_off,
}


def findings(run: Examination) -> list[str]:
    """Return the names of the rules that hold, the gravest first; never none."""
    return [name for name, holds in RULES.items() if holds(run)]


def works(run: Examination) -> bool:
    """Return whether KL is on C and bought what it cost."""
    return not run.is_off and not _collapsed(run) and not _noise(run)


def suggested_gamma(run: Examination, working: Collection[float]) -> float:
    """Return the γ to try next, or NaN: another γ is no remedy for what was found.

    Parameters
    ----------
    run : Examination
        The run that was examined.
    working : collection of float
        Every γ at which runs of the same data are on C with a code. The nearest on the right side
        is suggested; without one twice the steepest slope, if it is on that side.
    """
    if _gamma_too_large(run):
        lower = [gamma for gamma in working if gamma < run.gamma]
        guess = by_slope(run.seen)
        return max(lower) if lower else guess if guess < run.gamma else math.nan
    # Above every slope seen it is the optimiser that is off C, not the objective.
    if run.is_off and not _collapsed(run) and (not run.is_above or run.gamma < run.seen.steepest):
        higher = [gamma for gamma in working if gamma > run.gamma]
        guess = by_slope(run.seen)
        return min(higher) if higher else guess if guess > run.gamma else math.nan
    return math.nan


def by_slope(seen: Frontier) -> float:
    """Return twice the steepest slope, rounded up to one digit: above it, yet of its order.

    Examples
    --------
    >>> by_slope(Frontier(np.array([0.0, 1]), np.array([90.0, 20]), 90.0))
    200.0
    """
    if not seen.steepest > 0:
        return math.nan
    wanted = 2 * seen.steepest
    digit = 10.0 ** math.floor(math.log10(wanted))
    return math.ceil(wanted / digit) * digit
