"""Latents that hardly vary, and are left out."""

from __future__ import annotations

import numpy as np

from ._scale import exponents, unit_scale
from ._validation import Floats, Ints, check_threshold


def pruned(codes: Floats, prune_below: float, *, absolute: bool) -> tuple[Ints, Floats, Floats]:
    """Return which latents are left, their codes on unit scale, and their standard deviations.

    Parameters
    ----------
    codes : ndarray
        (n_samples, n_latents).
    prune_below : float
        The least standard deviation, as a share of the largest. A constant latent never is left.
    absolute : bool
        Compare with `prune_below` itself.

    Raises
    ------
    ValueError
        If `prune_below` is negative or not finite.
    """
    check_threshold(prune_below, "prune_below")
    powers, unit = exponents(codes), unit_scale(codes)
    deviations = np.where(np.ptp(unit, axis=0) > 0, unit.std(0), 0)
    spread = np.ldexp(deviations, powers)
    least = prune_below * (1 if absolute else spread.max())
    active = np.flatnonzero((deviations > 0) & (spread >= least))
    return active, unit[:, active], deviations[active]
