"""Codes of any scale: powers of two are taken off, exactly, before squares and sums."""

from __future__ import annotations

import numpy as np

from ._shared import once
from ._validation import Floats, Ints

# Power of two of codes so large that no penalty on a classifier's weights shows any more.
_LARGE = 40


def exponents(codes: Floats) -> Ints:
    """Return the (n_latents,) power of two just above each latent's largest magnitude."""
    powers: Ints = np.frexp(np.abs(codes).max(0))[1].astype(np.int64)
    return powers


@once
def unit_scale(codes: Floats) -> Floats:
    """Return codes of which each latent has a largest magnitude in [0.5, 1), or is 0."""
    return scaled_down(codes, exponents(codes))


def common_scale(codes: Floats) -> Floats:
    """Return codes of which the largest magnitude of all is in [0.5, 1)."""
    return scaled_down(codes, exponents(codes).max())


def bounded_scale(codes: Floats) -> Floats:
    """Return codes for a penalised classifier, at most so large that it finds its optimum."""
    return scaled_down(codes, np.maximum(exponents(codes).max() - _LARGE, 0))


def scaled_down(codes: Floats, powers: Ints | np.int64) -> Floats:
    """Return codes over powers of two."""
    scaled: Floats = np.ldexp(codes, -powers)
    return scaled
