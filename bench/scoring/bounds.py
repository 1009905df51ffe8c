"""Bounds of a score: what codes that know nothing of the factors get, and what perfect ones get.

A range of [0, 1] says little: no histogram of 20 bins gives a perfect dSprites code a MIG of 1, and
a classifier is right by chance. So both bounds are computed, for the factors of exactly the images
that a run is scored on.

Metrics see labels only by their ranks among those present, and so do these codes. Samples are
ordered by their factors, so neither renamed labels nor reordered samples change the bounds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..grid import MetricRequest, generator
from .evaluate import score_request

# A perfect posterior is far narrower than the step between two values of its factor.
_STEPS_PER_SIGMA = 10
# Rounds of colouring, enough to separate values that occur with different others.
_TURNS = 3


def chance_codes(factors: NDArray[np.int64], n_latents: int) -> dict[str, NDArray[np.float32]]:
    """Return standard normal codes, drawn without a look at the factors.

    Parameters
    ----------
    factors : ndarray
        (N, K) labels.
    n_latents : int
        D.

    Returns
    -------
    dict
        means and logvars, each (N, D) float32.
    """
    shape = (len(factors), n_latents)
    means = generator(0, "codes", 1).standard_normal(shape, dtype=np.float32)
    return {"means": means, "logvars": np.zeros(shape, np.float32)}


def perfect_codes(factors: NDArray[np.int64]) -> dict[str, NDArray[np.float32]]:
    """Return codes with one factor in each latent, and no other latents.

    Parameters
    ----------
    factors : ndarray
        (N, K) labels.

    Returns
    -------
    dict
        means and logvars, each (N, K) float32; a factor's values are spread over [−1, 1].

    Examples
    --------
    >>> perfect_codes(np.array([[0, 0], [1, 1000], [1, 1]]))["means"].tolist()
    [[-1.0, -1.0], [1.0, 1.0], [1.0, 0.0]]
    """
    ranks = _ranks(factors)
    highest = np.maximum(ranks.max(0), 1)
    means = (2 * ranks / highest - 1).astype(np.float32)
    logvars = np.broadcast_to(2 * np.log(2 / highest / _STEPS_PER_SIGMA), means.shape)
    return {"means": means, "logvars": logvars.astype(np.float32)}


class BoundCodes:
    """Both kinds of codes for the factors of a run, each made when it is first asked for.

    Parameters
    ----------
    factors : ndarray
        (N, K) labels.
    n_latents : int
        Of the codes that know nothing.
    """

    def __init__(self, factors: NDArray[np.int64], n_latents: int) -> None:
        self._given = factors
        self._n_latents = n_latents

    @cached_property
    def digest(self) -> str:
        """Names the codes: other factors or another number of latents have another one."""
        content = np.ascontiguousarray(self._given, np.int64)
        terms = f"{content.shape} {self._n_latents} ".encode()
        return hashlib.sha256(terms + content.tobytes()).hexdigest()

    @cached_property
    def of_ranks(self) -> bool:
        """Whether every label is its rank among those present."""
        return bool((_ranks(self._given) == self._given).all())

    @cached_property
    def factors(self) -> NDArray[np.int64]:
        """The factors that the codes are of: ranks, in an order of their own."""
        ranks = _ranks(self._given)
        return ranks[_order(ranks)]

    @cached_property
    def chance(self) -> dict[str, NDArray[Any]]:
        """What `chance_codes` returns, and the factors."""
        return {**chance_codes(self.factors, self._n_latents), "factors": self.factors}

    @cached_property
    def perfect(self) -> dict[str, NDArray[Any]]:
        """What `perfect_codes` returns, and the factors."""
        return {**perfect_codes(self.factors), "factors": self.factors}


def measured_bounds(
    request: MetricRequest, made: BoundCodes, factor_names: Sequence[str]
) -> tuple[list[dict[str, Any]], bool]:
    """Return chance and ceiling of each column of a metric, and whether they are final.

    Only where a higher value is better do chance and perfection mean anything. Bounds that may
    succeed at another try are not final.
    """
    info = request.info
    n_columns = len(info.variants) * max(1, len(info.outputs))
    if info.higher_is_better is not True:
        return [{} for _ in range(n_columns)], True
    alone = request.without_interval()
    found: dict[str, Sequence[Mapping[str, Any]]] = {}
    for bound in ("chance", "ceiling"):
        try:
            codes = made.chance if bound == "chance" else made.perfect
            found[bound] = score_request(alone, codes, factor_names)
        except Exception:
            # The score itself is still valid.
            found[bound] = [{"value": None, "retry": True}] * n_columns
    bounds = [
        {bound: entries[place]["value"] for bound, entries in found.items()}
        for place in range(n_columns)
    ]
    return bounds, not any(entry.get("retry") for part in found.values() for entry in part)


def _ranks(factors: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rank of every label among those of its factor that are present."""
    columns = [np.unique(column, return_inverse=True)[1] for column in factors.T]
    return np.stack(columns, axis=1).astype(np.int64)


def _order(ranks: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return an order of the samples, independent of their position and their labels' names.

    Values are distinguished by the samples that have them, and samples by their values, in turns.
    Values that this cannot distinguish, as in a full grid of factors, are interchangeable; they are
    taken by rank.
    """
    colours = np.zeros(ranks.shape, np.uint64)
    places = np.arange(1, ranks.shape[1] + 1, dtype=np.uint64)
    for _ in range(_TURNS):
        samples = _mixed(_mixed(colours + places).sum(axis=1, dtype=np.uint64))
        for k, column in enumerate(ranks.T):
            sums = np.zeros(int(column.max()) + 1, np.uint64)
            np.add.at(sums, column, samples)
            colours[:, k] = sums[column]
    return np.lexsort((*ranks.T[::-1], *colours.T[::-1]))


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return 64 bits that look random, the same for the same value: splitmix64's finaliser."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
