"""Random numbers keyed by (seed, stream, counter), the same on every machine, device and worker.

Initialisation, batch order and noise each have a stream of their own. A stream is addressed, never
advanced: step 5,000 of a run draws the same numbers whether the run started at step 0 or was
resumed, alone or in a pack, and two kinds of model with one seed see the same data and the same
initial weights. Numpy's Philox is specified bit by bit: torch's version and device do not matter.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from .dataset_spec import Evaluation

# Numbered in this order: a new one comes last.
Stream = Literal[
    "init", "order", "noise", "reconstruction", "codes", "sample", "objective_init", "objective"
]
_STREAMS: tuple[Stream, ...] = get_args(Stream)


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
