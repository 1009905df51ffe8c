"""The β above which a code of the ball's position is not worth its rate, by rate–distortion theory.

What is weighed is the best that a model could do with a Gaussian code of the position: latent k is
z_k = a f_k + s ε, f_k a function of the position of mean 0 and variance 1, ε standard normal, and
the decoder is the optimal one, p(x|z) = E[x|z] per pixel. The posterior N(a f, s²) of a latent
costs ½(a² + s² − 1 − ln s²) nats over the data. What it shows depends on r = a/s alone, and at
fixed r the cost is least for s² = 1/(1 + r²), where it is ½ ln(1 + r²): the capacity of the
channel. D at any rate is that of linear codes, f_k the standardised index of axis k, as the paper's
are at β = 150. Where a code fades out, all shapes are weighed: of a ball that the edge cuts, curved
ones pay a fifth longer.

β-VAE minimises D + β·KL, so a code is worth its rate as long as (D(0) − D)/KL > β. D is the
Bernoulli cross-entropy in nats per image, summed over pixels; D(0) is the entropy of the mean
image, the reconstruction of every collapsed model.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from scipy.linalg import eigvalsh

from .._siblings import datasets

# Nats per axis. Denser where β's of interest lie; beyond 2.5 a grid of 32 positions is told apart.
RATES = (0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9, 1.1, 1.3, 1.5, 1.7, 1.9, 2.2, 2.5)
# Quadrature over z in units of the noise: a Gaussian is integrated to 1e-15 by steps of 0.75.
_STEP, _REACH = 0.75, 4.5
# Positions × pixels above which a caption takes too long (the default ball has 2²²).
_MAX_SIZE = 2**24
_TINY = np.float32(1e-12)


@dataclass(frozen=True)
class Collapse:
    """What rate–distortion theory says of a dataset of one object at (x, y).

    Attributes
    ----------
    beta : float
        Above it no code is worth its rate, of any shape: see `initial_slope`.
    beta_linear : float
        The largest (D(0) − D)/KL of codes that are linear in the position.
    kl : float
        The KL in nats at which `beta_linear` is reached; 0 where the code fades out continuously.
    beta_one_nat : float
        The β at which the best linear code of both axes has 1 nat, the KL below which this suite
        calls a run collapsed.
    plateau : float
        D(0), nats per image.
    rates : ndarray
        (n,) total KL in nats of a code of both axes at equal rates, ascending, from 0.
    distortions : ndarray
        (n,) its D in nats per image.
    one_axis : ndarray
        (n,) D of a code of the better single axis with KL `rates` / 2.
    """

    beta: float
    beta_linear: float
    kl: float
    beta_one_nat: float
    plateau: float
    rates: NDArray[np.float64]
    distortions: NDArray[np.float64]
    one_axis: NDArray[np.float64]

    def optimum(self, beta: float, axes: int = 2) -> float:
        """Return the KL in nats of the code that minimises D + β·KL.

        Parameters
        ----------
        beta : float
            Weight of the KL.
        axes : {1, 2}
            Codes of both axes at equal rates, or of one axis alone.

        Returns
        -------
        float
            Total KL; at most that of the last entry of `rates`, however small β is.
        """
        rates = self.rates if axes == 2 else self.rates / 2
        curve = PchipInterpolator(rates, self.distortions if axes == 2 else self.one_axis)
        fine = np.linspace(0, rates[-1], 2001)
        return float(fine[np.argmin(curve(fine) + beta * fine)])


def mean_image_entropy(images: NDArray[np.float32]) -> float:
    """Return D(0) = Σ over pixels H(mean pixel) in nats; images (n, pixels) in [0, 1].

    Examples
    --------
    >>> round(mean_image_entropy(np.array([[0.0], [1.0]], np.float32)), 4)
    0.6931
    """
    return float(_entropies(images.mean(0, dtype=np.float64)))


def initial_slope(images: NDArray[np.float32]) -> float:
    """Return −dD/dKL at KL = 0 of the best code of any shape.

    For small r, E[x|z] = m + r z cov(x, f) to first order, so D(0) − D = ½ r² Σ cov²/(m(1 − m)),
    and KL = ½ r². Over all f of mean 0 and variance 1 the sum is at most the largest eigenvalue of
    the images' covariance, each pixel divided by √(m(1 − m)).

    Parameters
    ----------
    images : ndarray
        (n_x, n_y, pixels) in [0, 1].
    """
    rows = images.reshape(-1, images.shape[-1])
    mean = rows.mean(0, dtype=np.float64)
    varies = mean * (1 - mean) > _TINY
    white = (rows[:, varies] - mean[varies]) / np.sqrt((mean * (1 - mean))[varies])
    covariance = white @ white.T / len(white)
    last = len(white) - 1
    return float(eigvalsh(covariance, subset_by_index=[last, last])[0])


def _linear_slope(images: NDArray[np.float32]) -> float:
    """Return −dD/dKL of a linear code of an axis at KL = 0, the larger of both axes."""
    mean = images.mean((0, 1), dtype=np.float64)
    variance = mean * (1 - mean)
    slopes = []
    for axis in (0, 1):
        means = images.mean(1 - axis, dtype=np.float64)
        covariance = _standardised(len(means)) @ means / len(means)
        slopes.append((covariance[variance > 0] ** 2 / variance[variance > 0]).sum())
    return float(max(slopes))


def distortion_one(images: NDArray[np.float32], rate: float, axis: int) -> float:
    """Return D in nats per image of a code of one axis with a KL of `rate` nats.

    Parameters
    ----------
    images : ndarray
        (n_x, n_y, pixels) in [0, 1].
    rate : float
        KL of the axis, nats.
    axis : {0, 1}
        The axis that is coded; nothing is known of the other.
    """
    means = images.mean(1 - axis)
    weight, posterior = _channel(len(means), rate)
    return float(weight @ _entropies(posterior @ means))


def distortion_both(images: NDArray[np.float32], rate: float) -> float:
    """Return D in nats per image of a code of both axes with a KL of `rate` nats each.

    Parameters
    ----------
    images : ndarray
        (n_x, n_y, pixels) in [0, 1].
    rate : float
        KL of each axis, nats.
    """
    n_x, n_y, n_pixels = images.shape
    weight_x, posterior_x = _channel(n_x, rate)
    weight_y, posterior_y = _channel(n_y, rate)
    columns = (posterior_x @ images.reshape(n_x, -1)).reshape(-1, n_y, n_pixels)
    inner = [weight_y @ _entropies(posterior_y @ column) for column in columns]
    return float(weight_x @ np.asarray(inner))


def collapse(images: NDArray[np.float32]) -> Collapse:
    """Return the rate–distortion curve of codes of the position and the β of their collapse.

    Parameters
    ----------
    images : ndarray
        (n_x, n_y, pixels) in [0, 1]: the object at every position of a grid.

    Returns
    -------
    Collapse
    """
    plateau = mean_image_entropy(images.reshape(-1, images.shape[-1]))
    one = [min(distortion_one(images, rate, axis) for axis in (0, 1)) for rate in RATES]
    both = [distortion_both(images, rate) for rate in RATES]
    rates = np.array([0.0, *RATES])
    worth = [(plateau - d) / r for d, r in zip(one, RATES, strict=True)]
    worth += [(plateau - d) / (2 * r) for d, r in zip(both, RATES, strict=True)]
    at = np.array([*RATES, *(2 * rate for rate in RATES)])
    best, limit = int(np.argmax(worth)), _linear_slope(images)
    linear = max(limit, worth[best])
    curve = PchipInterpolator(2 * rates, [plateau, *both])
    return Collapse(
        beta=max(initial_slope(images), linear),
        beta_linear=linear,
        kl=float(at[best]) if worth[best] > limit else 0.0,
        beta_one_nat=-float(curve(1.0, 1)),
        plateau=plateau,
        rates=2 * rates,
        distortions=np.array([plateau, *both]),
        one_axis=np.array([plateau, *one]),
    )


@cache
def collapse_beta(name: str, options: str) -> Collapse | None:
    """Return the collapse of a dataset, once computed (some seconds) and then remembered.

    Parameters
    ----------
    name : str
        Name of the dataset.
    options : str
        Its options as JSON, as in the column `dataset_options` of `Tables.runs`.

    Returns
    -------
    Collapse or None
        None for any dataset but the ball, and for one too large to be computed in seconds.

    Examples
    --------
    >>> found = collapse_beta("ball", '{"grid_size": 8, "image_size": 16, "radius": 2.0}')
    >>> found.beta > found.beta_one_nat > 0
    True
    """
    if name != "ball":
        return None
    ball = datasets.restore(name, json.loads(options))
    n_pixels = int(np.prod(ball.image_shape))
    if len(ball) * n_pixels > _MAX_SIZE:
        return None
    images = ball.images(np.arange(len(ball))).astype(np.float32)
    images /= 255
    return collapse(images.reshape(*ball.factor_sizes, n_pixels))


def collapse_note(name: str, options: str) -> str:
    """Return what `collapse_beta` found as a line for a caption, empty where there is nothing."""
    found = collapse_beta(name, options)
    if found is None:
        return ""
    return (
        f"Rate–distortion (Gaussian channel, optimal decoder): a code of this ball is worth its "
        f"rate below β ≈ {found.beta:.0f}, one that is linear in the position below β ≈ "
        f"{found.beta_linear:.0f}, and has more than 1 nat below β ≈ {found.beta_one_nat:.0f}; a "
        f"collapsed model's reconstruction is {found.plateau:.1f} nats."
    )


def _standardised(n: int) -> NDArray[np.float64]:
    """Return n equally spaced values of mean 0 and variance 1."""
    return np.linspace(-1, 1, n) * math.sqrt(3 * (n - 1) / (n + 1))


def _channel(n: int, rate: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the nodes' weights (n_z,) and p(position | z) (n_z, n) of an axis at a KL in nats."""
    centres = np.sqrt(np.expm1(2 * rate)) * _standardised(n)
    n_nodes = 2 + int((centres[-1] - centres[0] + 2 * _REACH) / _STEP)
    z = np.linspace(centres[0] - _REACH, centres[-1] + _REACH, n_nodes)
    likelihood = np.exp(-0.5 * (z[:, None] - centres) ** 2)
    density = likelihood.sum(1)
    return (
        (density / density.sum()).astype(np.float32),
        (likelihood / density[:, None]).astype(np.float32),
    )


def _entropies(means: NDArray[Any]) -> NDArray[Any]:
    """Return −Σ m ln m + (1 − m) ln(1 − m) over the last axis."""
    rest = 1 - means
    terms = means * np.log(np.maximum(means, _TINY)) + rest * np.log(np.maximum(rest, _TINY))
    entropies: NDArray[Any] = -terms.sum(-1)
    return entropies
