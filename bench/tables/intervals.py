"""Statistics over seeds: means with intervals, paired differences, interquartile means.

Intervals need a handful of seeds to mean anything: below `MIN_SEEDS` the smallest and largest value
are given instead and named as such. A bootstrap of so few is worse still (a 95% percentile
bootstrap of the mean of 5 covers 84%), so interquartile means wait for `MIN_IQM_SEEDS`.

The mean of a score that has a range lies in it, and so does its interval: Student's t on the scale
of the mean's logit, or of its logarithm where the range is open above, by the delta method. What is
transformed is the mean, not the values: the interval is that of the mean itself, and values may lie
on a bound. It covers the mean more often than Student-t near a bound, and as often elsewhere
(docs/metrics.md has the table, `benchmarks/intervals.py` makes it). Of values that are all equal no
method knows the spread: they are named `equal` and have no interval.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

MIN_SEEDS = 6
MIN_IQM_SEEDS = 20
CONFIDENCE = 0.95
IntervalKind = Literal["t95", "logit95", "log95", "equal", "range"]
# The kinds that are 95% intervals.
INTERVALS: tuple[IntervalKind, ...] = ("t95", "logit95", "log95")
# What `Interval.kind` is from `MIN_SEEDS` on.
OF_ENOUGH_SEEDS: tuple[IntervalKind, ...] = (*INTERVALS, "equal")
# So far beyond an end of its range, in shares of its size, a value is rounded and not wrong.
_ROUNDING = 1e-9
# What differs by less, in shares of the range or of the largest value, is equal but for rounding.
_SAME = 1e-12
Range = tuple[float | None, float | None]


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
        A 95% interval of the mean, or the smallest and largest value.
    kind : {"t95", "logit95", "log95", "equal", "range"}
        What `low` and `high` are: the interval by Student's t, on the scale of the logit (a range
        with two ends) or of the logarithm (a range with a lower end); the one value of all seeds;
        the smallest and largest of few.
    p_value : float
        Two-sided, of the mean being zero, by Student's t; NaN for few values and for scores with
        a range.
    """

    n: int
    mean: float
    std: float
    low: float
    high: float
    kind: IntervalKind
    p_value: float = float("nan")


def mean_interval(values: ArrayLike, span: Range = (None, None)) -> Interval:
    """Return the mean of the values of several seeds with its interval.

    Parameters
    ----------
    values : array_like
        One value a seed, at least one.
    span : tuple of float or None
        Least and greatest value that there can be, None where open. A score that leaves its range
        has none.

    Examples
    --------
    >>> mean_interval([1.0, 2.0, 3.0])
    Interval(n=3, mean=2.0, std=1.0, low=1.0, high=3.0, kind='range', p_value=nan)
    >>> interval = mean_interval([1, 2, 3, 4, 5, 6])
    >>> interval.kind, round(interval.low, 3), round(interval.high, 3)
    ('t95', 1.537, 5.463)
    >>> interval = mean_interval([0.9, 0.95, 1, 1, 1, 1], (0, 1))
    >>> interval.kind, round(interval.low, 3), round(interval.high, 3)
    ('logit95', 0.866, 0.996)
    """
    sample = np.asarray(values, np.float64)
    n = len(sample)
    # Of equal values the sum, and so the mean, may be rounded off them.
    mean = float(np.clip(sample.mean(), sample.min(), sample.max()))
    std = float(sample.std(ddof=1)) if n > 1 else float("nan")
    if n < MIN_SEEDS:
        return Interval(n, mean, std, float(sample.min()), float(sample.max()), "range")
    equal = bool(np.ptp(sample) <= _SAME * _size(sample, span))
    if equal:
        mean, std = float(np.median(sample)), 0.0
    if span != (None, None) and not equal:
        bounded = _bounded(sample, span)
        if bounded is not None:
            low, high, kind = bounded
            # Ends and mean are rounded each by itself.
            return Interval(n, mean, std, min(low, mean), max(high, mean), kind)
    from scipy.stats import t

    error = std / n**0.5
    half = t_half(n) * std
    # Without spread the t statistic is 0 / 0 or infinite.
    ratio = abs(mean) / error if error > 0 else float("inf" if mean else 0)
    p_value = 2 * float(t.sf(ratio, n - 1)) if span == (None, None) else float("nan")
    return Interval(n, mean, std, mean - half, mean + half, "equal" if equal else "t95", p_value)


def difference_interval(values: ArrayLike, span: Range = (None, None)) -> Interval:
    """Return the mean of paired differences with its interval, by Student's t.

    It is cut at the most by which two values of a range can differ, where their true mean cannot
    lie: that changes no coverage.

    Parameters
    ----------
    values : array_like
        One difference a pair.
    span : tuple of float or None
        The range of what is subtracted.

    Examples
    --------
    >>> interval = difference_interval([1, 1, 1, 1, 1, 0], (0, 1))
    >>> interval.kind, round(interval.low, 3), interval.high
    ('t95', 0.405, 1.0)
    """
    interval = mean_interval(values)
    bottom, top = span
    if bottom is None or top is None:
        return interval
    most = float(top - bottom)
    return replace(interval, low=max(interval.low, -most), high=min(interval.high, most))


def _bounded(sample: NDArray[np.float64], span: Range) -> tuple[float, float, IntervalKind] | None:
    """Return the interval of the mean of a score that has a range, and what it is.

    None where the sample leaves the range, or the range has no lower end.
    """
    bottom, top = span
    if bottom is None:
        return None
    size = _size(sample, span)
    beyond = _ROUNDING * size
    if sample.min() < bottom - beyond or (top is not None and sample.max() > top + beyond):
        return None
    # Distances, not values: near an end they keep their digits.
    below = np.maximum(sample - bottom, 0)
    low = float(below.mean())
    half = t_half(len(sample)) * float(below.std(ddof=1))
    if top is None:
        factor = float(np.exp(half / low)) if low else 1.0
        return bottom + low / factor, bottom + low * factor, "log95"
    high = float(np.maximum(top - sample, 0).mean())
    odds, factor = low / high, float(np.exp(half * size / (low * high)))

    def back(odds: float) -> float:
        return bottom + size * odds / (1 + odds) if odds < 1 else top - size / (1 + odds)

    return back(odds / factor), back(odds * factor), "logit95"


def _size(sample: NDArray[np.float64], span: Range) -> float:
    """Return the size of a range, or of the values of one that is open."""
    bottom, top = span
    if bottom is None or top is None:
        return float(np.abs(sample - (bottom or 0)).max())
    return top - bottom


@cache
def t_half(n: int) -> float:
    """Return half the width of a Student-t interval of n values whose standard deviation is 1."""
    from scipy.stats import t

    return float(t.ppf(0.5 + CONFIDENCE / 2, n - 1)) / float(n**0.5)


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
