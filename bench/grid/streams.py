"""Random numbers keyed by (seed, stream, counter), the same on every machine, device and worker.

Initialisation, batch order and noise each have a stream of their own. A stream is addressed, never
advanced: step 5,000 of a run draws the same numbers whether the run started at step 0 or was
resumed, alone or in a pack, and two kinds of model with one seed see the same data and the same
initial weights. Numpy's Philox is specified bit by bit: torch's version and device do not matter.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .specs import Evaluation

Stream = Literal["init", "order", "noise", "reconstruction", "codes", "sample"]
_STREAMS: tuple[Stream, ...] = ("init", "order", "noise", "reconstruction", "codes", "sample")

# Noise is drawn for so many steps at a time: a generator a step would cost as much as the noise.
NOISE_BLOCK = 128


def generator(seed: int, stream: Stream, counter: int = 0) -> np.random.Generator:
    """Return the generator at address (seed, stream, counter).

    Examples
    --------
    >>> a, b = generator(0, "noise", 7), generator(0, "noise", 7)
    >>> bool(a.standard_normal() == b.standard_normal())
    True
    """
    entropy = (seed, _STREAMS.index(stream), counter)
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(entropy)))


def evaluation_indices(evaluation: Evaluation, n_images: int) -> NDArray[np.int64]:
    """Return the images that a run is evaluated on, ascending; the same for every run."""
    if evaluation.images == "all" or evaluation.images >= n_images:
        return np.arange(n_images)
    source = generator(evaluation.seed, "sample")
    return np.sort(source.choice(n_images, evaluation.images, replace=False))


class BatchOrder:
    """The images of every step: without replacement within an epoch, its last part batch left out.

    Parameters
    ----------
    seed : int
        Seed of the run.
    n_images : int
        Size of the dataset.
    batch_size : int
        Images a step; at most `n_images`.
    """

    def __init__(self, seed: int, n_images: int, batch_size: int) -> None:
        self._seed = seed
        self._n_images = n_images
        self._batch_size = batch_size
        self._epoch = -1
        self._order: NDArray[np.int64] = np.empty(0, np.int64)

    def __call__(self, step: int) -> NDArray[np.int64]:
        """Return the (batch_size,) indices of `step`, counted from 0."""
        epoch, batch = divmod(step, self._n_images // self._batch_size)
        if epoch != self._epoch:
            self._order = generator(self._seed, "order", epoch).permutation(self._n_images)
            self._epoch = epoch
        return self._order[batch * self._batch_size : (batch + 1) * self._batch_size]


class Noise:
    """The standard normal numbers of every step, a block of `NOISE_BLOCK` steps at a time."""

    def __init__(self, seed: int, shape: tuple[int, ...]) -> None:
        self._seed = seed
        self._shape = shape

    def block(self, block: int) -> NDArray[np.float32]:
        """Return the float32 numbers of a block's steps, (NOISE_BLOCK, *shape)."""
        source = generator(self._seed, "noise", block)
        return source.standard_normal((NOISE_BLOCK, *self._shape), dtype=np.float32)
