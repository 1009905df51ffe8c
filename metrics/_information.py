"""Entropies and mutual information, in nats, of discretised codes and of Gaussian posteriors."""

from __future__ import annotations

import numpy as np
from scipy import fft

from ._validation import Floats, Ints

# The aggregate posterior of a latent is integrated on a grid of so many points.
_GRID = 4_096
# Levels of ln σ; a component is shared between the two levels around it.
_SIGMA_LEVELS = 48
# A Gaussian is followed so many standard deviations beyond the outermost mean.
_TAIL = 6.0


def entropy(counts: Floats) -> float:
    """Return the entropy of a distribution given by counts."""
    p = counts[counts > 0] / counts.sum()
    return float(-(p * np.log(p)).sum())


def discretise(codes: Floats, n_bins: int) -> Ints:
    """Return each latent in equal-width bins over its own range, the last bin closed."""
    low, span = codes.min(0), np.ptp(codes, axis=0)
    scaled = (codes - low) / np.where(span > 0, span, 1) * n_bins
    bins: Ints = np.minimum(scaled.astype(np.int64), n_bins - 1)
    return bins


def histogram_information(codes: Floats, factors: Ints, n_bins: int) -> Floats:
    """Return the (n_latents, n_factors) plug-in mutual information of binned codes."""
    bins = discretise(codes, n_bins)
    information = np.zeros((codes.shape[1], factors.shape[1]))
    for k, values in enumerate(factors.T):
        n_values = int(values.max()) + 1
        for j, column in enumerate(bins.T):
            joint = np.bincount(column * n_values + values, minlength=n_bins * n_values)
            table = joint.reshape(n_bins, n_values).astype(np.float64)
            information[j, k] = entropy(table.sum(1)) + entropy(table.sum(0)) - entropy(table)
    return np.maximum(information, 0)


def posterior_information(means: Floats, logvars: Floats, factors: Ints) -> Floats:
    """Return the (n_latents, n_factors) I(z_j; v_k) of the aggregate posterior of all samples.

    q(z_j) = 1/N Σ N(μ_nj, σ_nj²) is a one-dimensional mixture: its components are binned by place
    and by ln σ (both by linear interpolation), every level of σ is convolved with its Gaussian by
    FFT, and −q ln q is integrated. Deterministic, over all samples at once.
    """
    n_latents, n_factors = means.shape[1], factors.shape[1]
    information = np.zeros((n_latents, n_factors))
    for j in range(n_latents):
        mu, sigma = means[:, j], np.exp(0.5 * logvars[:, j])
        if np.ptp(mu) == 0 and np.ptp(sigma) == 0:
            continue
        mixture = _Mixture(mu, sigma)
        whole = mixture.entropies(np.zeros(len(mu), np.int64))[0]
        for k in range(n_factors):
            share = np.bincount(factors[:, k]) / len(mu)
            information[j, k] = whole - share @ mixture.entropies(factors[:, k])
    return np.maximum(information, 0)


class _Mixture:
    """One latent's components on a grid of places and levels of ln σ."""

    def __init__(self, mu: Floats, sigma: Floats) -> None:
        low, high = mu.min() - _TAIL * sigma.max(), mu.max() + _TAIL * sigma.max()
        # The grid resolves the narrowest Gaussian that matters with three points a σ.
        narrow = float(np.quantile(sigma, 0.001))
        self._points = int(min(max(_GRID, 3 * (high - low) / narrow), 65_536))
        self._step = (high - low) / (self._points - 1)
        self._place, self._place_share = _interpolate((mu - low) / self._step, self._points)
        levels = np.linspace(np.log(sigma).min(), np.log(sigma).max() + 1e-9, _SIGMA_LEVELS)
        level = (np.log(sigma) - levels[0]) / (levels[1] - levels[0])
        self._level, self._level_share = _interpolate(level, _SIGMA_LEVELS)
        frequencies = np.fft.rfftfreq(2 * self._points, self._step)
        self._filters = np.exp(-2 * (np.pi * frequencies * np.exp(levels)[:, None]) ** 2)

    def entropies(self, values: Ints) -> Floats:
        """Return the entropy of the mixture of the samples of each value, in nats."""
        n_values = int(values.max()) + 1
        result = np.empty(n_values)
        order = np.argsort(values, kind="stable")
        ends = np.cumsum(np.bincount(values, minlength=n_values))
        for value, rows in enumerate(np.split(order, ends[:-1])):
            weights = np.zeros((_SIGMA_LEVELS, self._points))
            flat = weights.reshape(-1)
            for up in (0, 1):
                for right in (0, 1):
                    cell = (self._level[rows] + up) * self._points + self._place[rows] + right
                    share = np.abs(1 - up - self._level_share[rows])
                    share = share * np.abs(1 - right - self._place_share[rows])
                    flat += np.bincount(cell, share, minlength=flat.size)
            used = np.flatnonzero(weights.any(1))
            spectrum = (fft.rfft(weights[used], 2 * self._points) * self._filters[used]).sum(0)
            density = np.maximum(fft.irfft(spectrum)[: self._points], 0)
            density /= density.sum()
            mass = density[density > 0]
            result[value] = -(mass * np.log(mass)).sum() + np.log(self._step)
        return result


def _interpolate(position: Floats, size: int) -> tuple[Ints, Floats]:
    """Return the cell at or below each position and the share of the one above."""
    cell = np.minimum(position.astype(np.int64), size - 2)
    return cell, position - cell
