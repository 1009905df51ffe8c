"""Choose how many models to train together, by measuring on the GPU that trains them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..grid import BaseSpec, Execution, Pack, TrainedSpec, make_packs
from .timing import time_pack

# A pack is doubled as long as this trains a tenth more model-steps a second. Beyond that, larger
# packs only finish later.
GAIN = 1.1
# The share of a GPU's memory that a pack may take.
MEMORY_SHARE = 0.7


def pack_size(specs: Sequence[BaseSpec], execution: Execution) -> int:
    """Return how many models of a grid to train together.

    Parameters
    ----------
    specs : sequence of BaseSpec
        What is to be made. The largest family of models that can share a pack decides.
    execution : Execution
        Device, which is no longer `auto`, and precision.

    Returns
    -------
    int
        1 on a CPU, where a single model leaves nothing idle.

    Examples
    --------
    >>> pack_size([], Execution("cpu"))
    1
    """
    trained = [spec for spec in specs if isinstance(spec, TrainedSpec)]
    if execution.device == "cpu" or not trained:
        return 1
    family = max(make_packs(trained, execution, len(trained)), key=lambda pack: len(pack.specs))
    return best_size(len(family.specs), lambda size: _rate(family, size))


def best_size(limit: int, rate: Callable[[int], float | None]) -> int:
    """Return the size from which on doubling does not pay.

    Parameters
    ----------
    limit : int
        The largest that is of use.
    rate : callable
        Size to model-steps a second, None where it does not fit.

    Examples
    --------
    A machine that is full with eight:

    >>> best_size(50, lambda size: 100.0 * min(size, 8))
    8
    >>> best_size(50, lambda size: None if size > 4 else 100.0 * size)
    4
    """
    size, best = 1, rate(1)
    while size < limit and best is not None:
        larger = min(2 * size, limit)
        found = rate(larger)
        # The last doubling may be less than one: the gain asked for is that share of it.
        if found is None or found < best * (1 + (GAIN - 1) * (larger / size - 1)):
            break
        size, best = larger, found
    return size


def _rate(family: Pack, size: int) -> float | None:
    """Return the model-steps a second of so many of a family, None where they do not fit."""
    import torch

    torch.cuda.reset_peak_memory_stats()
    try:
        costs = time_pack(Pack(family.specs[:size], family.execution), lambda *progress: None)
    except torch.OutOfMemoryError:
        return None
    _, memory = torch.cuda.mem_get_info()
    fits = torch.cuda.max_memory_allocated() <= MEMORY_SHARE * memory
    return size / costs.step if fits else None
