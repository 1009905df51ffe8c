"""Entropies and mutual information of discretised codes, in nats."""

from __future__ import annotations

import numpy as np
from scipy import special

from ._scale import unit_scale
from ._shared import once
from ._ties import TIE
from ._validation import Floats, Ints

# Entries of a joint index that is counted at once: bounds memory, and stays in cache.
_ENTRIES = 2**20


def entropy(counts: Floats | Ints) -> float:
    """Return the entropy of a distribution given by counts."""
    return float(special.entr(counts / counts.sum()).sum())


@once
def factor_entropies(factors: Ints) -> Floats:
    """Return the (n_factors,) empirical entropies of factors, of which 0 says constant."""
    return np.array([entropy(np.bincount(column)) for column in factors.T])


def discretise(codes: Floats, n_bins: int) -> Ints:
    """Return each latent in equal-width bins over its own range, as `numpy.histogram` has them.

    A code on an edge, but for rounding, is in the upper bin; the last bin is closed.
    """
    bins = np.empty(codes.shape, np.int64)
    for j, code in enumerate(unit_scale(codes).T):
        low, span = code.min(), np.ptp(code)
        scaled = (code - low) / (span or 1) * n_bins
        edge = np.rint(scaled)
        lower = np.where(np.abs(scaled - edge) < TIE * n_bins, edge, np.floor(scaled))
        bins[:, j] = np.minimum(lower, n_bins - 1)
    return bins


@once
def histogram_information(
    codes: Floats, factors: Ints, n_bins: int, *, corrected: bool = False
) -> tuple[Floats, Floats]:
    """Return what `discrete_information` says of binned codes."""
    return discrete_information(discretise(codes, n_bins), n_bins, factors, corrected=corrected)


def discrete_information(
    bins: Ints, n_bins: int, factors: Ints, *, corrected: bool = False
) -> tuple[Floats, Floats]:
    """Return plug-in mutual information and the joint entropies, both (n_latents, n_factors).

    A plug-in entropy is too low by (cells in use − 1) / 2N on average, so that independent
    variables seem to share information: their joint distribution has the most cells. Miller and
    Madow's correction takes that off the information.
    """
    p, starts, of_latents = _joint_distributions(bins, n_bins, factors)
    of_factors = np.add.reduceat(special.entr(p[0].sum(0)), starts)
    joint = np.add.reduceat(special.entr(p).sum(1), starts, axis=1)
    information = special.entr(of_latents).sum(1)[:, None] + of_factors - joint
    if corrected:
        cells = np.add.reduceat((p > 0).sum(1), starts, axis=1)
        cells_alone = (of_latents > 0).sum(1)[:, None] + factors.max(0) + 1
        information -= (cells - cells_alone + 1) / (2 * len(bins))
    return np.maximum(information, 0), joint


def _joint_distributions(bins: Ints, n_bins: int, factors: Ints) -> tuple[Floats, Ints, Floats]:
    """Return joint distributions, where each factor's values start, and those of the bins alone.

    The values of all factors lie side by side in one table per latent, so that one pass counts
    all of its joint distributions.
    """
    n_samples, n_latents = bins.shape
    sizes = factors.max(0) + 1
    starts = np.cumsum(sizes) - sizes
    total = int(sizes.sum())
    size = n_bins * total
    counts = np.zeros((n_latents, size), np.int64)
    rows = max(1, _ENTRIES // factors.shape[1])
    for first in range(0, n_samples, rows):
        chunk = slice(first, first + rows)
        # One factor after the other: neighbouring entries then fall into a small part of a table.
        column = np.ascontiguousarray((factors[chunk] + starts).T)
        for j in range(n_latents):
            index = (column + bins[chunk, j] * total).ravel()
            counts[j] += np.bincount(index, minlength=size)
    p = counts.reshape(n_latents, n_bins, total) / n_samples
    # Every factor's part of a table adds up to the same distribution of bins.
    return p, starts, p[:, :, : sizes[0]].sum(2)
