"""Part: one inequality of a claim, measured over seeds, and whether its interval supports it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ...tables import CONFIDENCE, MIN_SEEDS, mean_interval

VerdictWord = Literal["reproduced", "contradicted", "inconclusive"]
Direction = Literal["above", "below"]
# A share of seeds is beyond chance where more than half of them pass.
SHARE = 0.5
# Fisher's z of a correlation of 1 is infinite.
_LARGEST_CORRELATION = 1 - 1e-9


@dataclass(frozen=True)
class Part:
    """A quantity that a claim says lies above or below a margin.

    Attributes
    ----------
    quantity : str
        What is measured, with its unit.
    direction : {"above", "below"}
        On which side of the margin the claim says it lies.
    margin : float
        The margin, in the unit of the quantity.
    effect, low, high : float
        What was measured, and its 95% interval: Clopper-Pearson of a share, Student-t of a mean
        of differences that are paired by seed.
    n_seeds : int
        How many seeds, or pairs of runs of one seed, that is over.
    p_value : float
        Two-sided, of the quantity being equal to the margin.
    unpaired, unpaired_low, unpaired_high : float
        The same difference from all seeds of both sides, by Welch's interval; NaN for a share.
    """

    quantity: str
    direction: Direction
    margin: float
    effect: float
    low: float
    high: float
    n_seeds: int
    p_value: float
    unpaired: float = math.nan
    unpaired_low: float = math.nan
    unpaired_high: float = math.nan

    @property
    def verdict(self) -> VerdictWord:
        """Reproduced: the interval lies wholly beyond the margin; contradicted: wholly short."""
        above, below = self.low > self.margin, self.high < self.margin
        beyond, short = (above, below) if self.direction == "above" else (below, above)
        return "reproduced" if beyond else "contradicted" if short else "inconclusive"


def combined(parts: list[Part], complete: bool) -> VerdictWord:
    """Return the verdict of a conjunction: contradicted if any part is, reproduced if all are.

    Parameters
    ----------
    parts : list of Part
        Those that could be measured.
    complete : bool
        Whether these are all: what was not measured cannot be reproduced.
    """
    outcomes = {part.verdict for part in parts}
    if "contradicted" in outcomes:
        return "contradicted"
    return "reproduced" if complete and outcomes == {"reproduced"} else "inconclusive"


def share(quantity: str, passed: int, n_seeds: int, unknown: int = 0) -> Part:
    """Return the share of seeds that pass, with its Clopper-Pearson interval.

    Parameters
    ----------
    quantity : str
        What passing means.
    passed, n_seeds : int
        Seeds that pass, of how many.
    unknown : int
        Seeds that do not pass so far and might yet. They count as not passing in the share and
        its lower bound, and as passing in the upper bound: no verdict rests on them.

    Examples
    --------
    >>> [round(share("", passed, passed).low, 3) for passed in (5, 6)]
    [0.478, 0.541]
    >>> share("", 1, 10).verdict, share("", 1, 10, unknown=4).verdict
    ('contradicted', 'inconclusive')
    """
    from scipy.stats import binomtest

    counts = range(passed, passed + unknown + 1)
    tests = [binomtest(count, n_seeds, SHARE) for count in counts]
    return Part(
        quantity=quantity,
        direction="above",
        margin=SHARE,
        effect=passed / n_seeds,
        low=float(tests[0].proportion_ci(CONFIDENCE, "exact").low),
        high=float(tests[-1].proportion_ci(CONFIDENCE, "exact").high),
        n_seeds=n_seeds,
        p_value=float(max(test.pvalue for test in tests)),
    )


def difference(
    quantity: str,
    direction: Direction,
    margin: float,
    values: pd.Series[Any],
    reference: pd.Series[Any],
) -> Part | None:
    """Return the mean difference between runs of the same seeds; None for too few of them.

    Parameters
    ----------
    quantity, direction, margin
        As in `Part`.
    values, reference : Series
        Indexed by seed; a seed that one of them lacks is in the unpaired interval alone.
    """
    pairs = (values - reference).dropna()
    if len(pairs) < MIN_SEEDS:
        return None
    interval = mean_interval(pairs)
    return Part(
        quantity,
        direction,
        margin,
        interval.mean,
        interval.low,
        interval.high,
        interval.n,
        mean_interval(pairs - margin).p_value,
        *_welch(values.dropna(), reference.dropna()),
    )


def correlation_difference(
    quantity: str,
    direction: Direction,
    margin: float,
    values: pd.Series[Any],
    reference: pd.Series[Any],
) -> Part | None:
    """Return the difference between correlations of the same seeds; None for too few of them.

    Correlations are compared by Fisher's z, whose spread does not depend on their size. The mean
    difference of z and its interval are brought back to the scale of correlations where the
    reference lies: tanh(z₀ + d) − tanh(z₀), with z₀ the mean z of the reference's pairs. So the
    margin keeps its plain meaning, a difference of correlations.

    Parameters
    ----------
    quantity, direction, margin
        As in `Part`; the margin is a difference of correlations.
    values, reference : Series
        Correlations, indexed by seed.
    """
    pairs = values.index[values.notna()].intersection(reference.index[reference.notna()])
    z, z_reference = _fisher(values.dropna()), _fisher(reference.dropna())
    centre = float(z_reference[pairs].mean())

    def back(step: float) -> float:
        return math.tanh(centre + step) - math.tanh(centre)

    in_z = float(_fisher(pd.Series([math.tanh(centre) + margin])).iloc[0]) - centre
    part = difference(quantity, direction, in_z, z[pairs], z_reference[pairs])
    if part is None:
        return None
    unpaired = [back(step) for step in _welch(z, z_reference)]
    return replace(
        part,
        margin=margin,
        effect=back(part.effect),
        low=back(part.low),
        high=back(part.high),
        unpaired=unpaired[0],
        unpaired_low=unpaired[1],
        unpaired_high=unpaired[2],
    )


def _fisher(correlations: pd.Series[Any]) -> pd.Series[Any]:
    clipped = correlations.clip(-_LARGEST_CORRELATION, _LARGEST_CORRELATION)
    return clipped.map(math.atanh).astype("float64")


def _welch(first: ArrayLike, second: ArrayLike) -> tuple[float, float, float]:
    """Return the difference of two means with Welch's interval, for unequal variances."""
    from scipy.stats import t

    samples = [np.asarray(sample, np.float64) for sample in (first, second)]
    mean = float(samples[0].mean() - samples[1].mean())
    errors = np.array([sample.var(ddof=1) / len(sample) for sample in samples])
    if errors.sum() == 0:
        return mean, mean, mean
    freedom = errors.sum() ** 2 / (errors**2 / [len(s) - 1 for s in samples]).sum()
    half = float(t.ppf(0.5 + CONFIDENCE / 2, freedom)) * float(errors.sum()) ** 0.5
    return mean, mean - half, mean + half
