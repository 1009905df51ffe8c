"""How long training must be before its result can be judged: one rule for every dataset."""

from __future__ import annotations

import math

# On data that training does not see fifty times ...
SHORT_STEPS = 20_000
# ... and on small data as many passes, in as many updates at least: dSprites is seen 1.7 times in
# 20,000 batches of 64, the ball's 1,024 images 94 times in 6,000 batches of 16.
PASSES, FEWEST_STEPS = 50, 5_000


def least_steps(n_images: float, batch_size: float, large: int = SHORT_STEPS) -> int:
    """Return the steps from which on training says what a model leads to, not how it starts.

    Parameters
    ----------
    n_images : float
        Images of the dataset; NaN where that is not known, which asks for as many as a large one.
    batch_size : float
        Images of a step.
    large : int
        Steps that are asked for on a large dataset.

    Returns
    -------
    int
        `large`, or less where 50 passes through the data take fewer steps, yet at least 5,000.

    Examples
    --------
    >>> least_steps(737_280, 64), least_steps(1_024, 16)
    (20000, 5000)
    >>> least_steps(20_000, 64), least_steps(float("nan"), 64)
    (15625, 20000)
    """
    passes = math.ceil(PASSES * n_images / batch_size) if math.isfinite(n_images) else large
    return min(large, max(FEWEST_STEPS, passes))
