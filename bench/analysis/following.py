"""Following: in how much of training KL is on C, by one rule for claim 4 and the doctor."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from ..store import WINDOW

# |KL − C| below this many nats is on C, as the paper's authors advise ...
TOLERANCE = 1.0
# ... and a run follows C if that holds in this share of its windows ...
LEAST_SHARE = 0.95
# ... that start at this step or later. Before, the weights are those of chance, and KL leaps.
AFTER = 5_000
# With fewer windows after it than this the share is of too little.
LEAST_WINDOWS = 5
LEAST_STEPS = AFTER + LEAST_WINDOWS * WINDOW
# Shorter training is read in windows of a twentieth of it, after a quarter.
SHORT_WINDOWS, SHORT_AFTER = 20, 0.25


@dataclass(frozen=True)
class Following:
    """Where KL was beside C in the windows of a run's training that are judged.

    Attributes
    ----------
    within, above, below : float
        Share of them with KL within 1 nat of C, and at least 1 nat above or below it.
    """

    within: float
    above: float
    below: float


def judged(steps: int) -> tuple[int, int]:
    """Return the steps of a window, and the step after which training is judged.

    Claim 4 says nothing of training that is too short for windows of 1,000 steps after step 5,000.
    The doctor looks at every capacity run: it has the rule of claim 4 where that can be read, so
    that both say the same of a run, and a rule in proportion where it cannot.

    Examples
    --------
    >>> judged(100_000), judged(12_000), judged(2_000)
    ((1000, 5000), (1000, 5000), (100, 500))
    """
    if steps >= LEAST_STEPS:
        return WINDOW, AFTER
    return max(1, steps // SHORT_WINDOWS), int(SHORT_AFTER * steps)


def following(windows: pd.DataFrame, after: int) -> Following:
    """Return where KL was beside C from a step on.

    Parameters
    ----------
    windows : DataFrame
        `start`, and the means `kl` and `c` in nats, a row per window.
    after : int
        As `judged` returns it. Where no window starts so late, all shares are NaN.

    Examples
    --------
    >>> windows = pd.DataFrame({"start": [0, 5000, 6000], "kl": [9.0, 2.5, 4.0], "c": [1.0, 2, 3]})
    >>> following(windows, 5_000)
    Following(within=0.5, above=0.5, below=0.0)
    """
    late = windows[windows["start"] >= after]
    if late.empty:
        return Following(math.nan, math.nan, math.nan)
    distance = late["kl"] - late["c"]
    # A window of NaN is not within anything.
    return Following(
        within=float((distance.abs() < TOLERANCE).mean()),
        above=float((distance >= TOLERANCE).mean()),
        below=float((distance <= -TOLERANCE).mean()),
    )
