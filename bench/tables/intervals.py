"""Statistics over seeds: means with intervals, paired differences, interquartile means.

Student-t intervals need a handful of seeds to mean anything: below `MIN_SEEDS` the smallest and
largest value are given instead and named as such. A bootstrap of so few is worse still (a 95%
percentile bootstrap of the mean of 5 covers 84%), so interquartile means wait for `MIN_IQM_SEEDS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

MIN_SEEDS = 6
MIN_IQM_SEEDS = 20
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean over seeds and what is known about it.

    Attributes
    ----------
    n : int
        Number of values.
    mean, std : float
        Mean, and sample standard deviation (NaN for a single value).
    low, high : float
        A 95% Student-t interval of the mean, or the smallest and largest value.
    kind : {"t95", "range"}
        Which of the two `low` and `high` are.
    p_value : float
        Two-sided, of the mean being zero; NaN without a t interval.
    """

    n: int
    mean: float
    std: float
    low: float
    high: float
    kind: Literal["t95", "range"]
    p_value: float = float("nan")


def mean_interval(values: ArrayLike) -> Interval:
    """Return the mean of the values of several seeds with its interval.

    Examples
    --------
    >>> mean_interval([1.0, 2.0, 3.0])
    Interval(n=3, mean=2.0, std=1.0, low=1.0, high=3.0, kind='range', p_value=nan)
    >>> interval = mean_interval([1, 2, 3, 4, 5, 6])
    >>> interval.kind, round(interval.low, 3), round(interval.high, 3)
    ('t95', 1.537, 5.463)
    """
    sample = np.asarray(values, np.float64)
    n = len(sample)
    mean = float(sample.mean())
    std = float(sample.std(ddof=1)) if n > 1 else float("nan")
    if n < MIN_SEEDS:
        return Interval(n, mean, std, float(sample.min()), float(sample.max()), "range")
    from scipy.stats import t

    error = std / n**0.5
    half = float(t.ppf(0.5 + CONFIDENCE / 2, n - 1)) * error
    # Without spread the t statistic is 0 / 0 or infinite.
    ratio = abs(mean) / error if error > 0 else float("inf" if mean else 0)
    p_value = 2 * float(t.sf(ratio, n - 1))
    return Interval(n, mean, std, mean - half, mean + half, "t95", p_value)


def interquartile_mean(values: ArrayLike) -> tuple[float, float, float]:
    """Return the interquartile mean with its 95% bootstrap interval; NaN with too few values."""
    sample = np.asarray(values, np.float64)
    if len(sample) < MIN_IQM_SEEDS:
        return (float("nan"),) * 3
    from scipy.stats import bootstrap

    centre = float(_trimmed(sample))
    if np.ptp(sample) == 0:
        return centre, centre, centre
    result = bootstrap(
        (sample,),
        _trimmed,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    return centre, float(result.confidence_interval.low), float(result.confidence_interval.high)


def _trimmed(sample: NDArray[np.float64], axis: int = -1) -> Any:
    from scipy.stats import trim_mean

    return trim_mean(sample, 0.25, axis=axis)
