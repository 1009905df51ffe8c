"""Resampling intervals of scalar metrics.

Replicates are random halves of the samples, drawn without replacement, not the usual draws with
replacement: a sample drawn twice would stand in a predictor's training and test split at once, and
would look like information to a histogram. The deviation of a half from the whole has the same
variance as that of the whole from the population (1/m − 1/N = 1/N for m = N/2), so the spread of
the replicates needs no factor (Saigo, Shao and Sitter 2001, for repeated half-samples). The bias
that comes with fewer samples is the mean deviation; it is taken off.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from typing import Any, Protocol, cast, overload

import numpy as np
from numpy.typing import ArrayLike

from ._detail import details, record
from ._option import add_option
from ._shared import apart
from ._validation import MetricWarning, generator

CONFIDENCE = 0.95
# Arguments with a row per sample: they are resampled together.
_ROWS = ("means", "logvars", "factors")
_OPTION = """\
bootstrap : int, optional
    So many replicates for an interval; then (value, low, high) is returned."""


class ScalarMetric(Protocol):
    """A metric that is one number, or that number with an interval if `bootstrap` is given."""

    __name__: str

    @overload
    def __call__(
        self, means: ArrayLike, *args: Any, bootstrap: None = None, **options: Any
    ) -> float: ...

    @overload
    def __call__(
        self, means: ArrayLike, *args: Any, bootstrap: int, **options: Any
    ) -> tuple[float, float, float]: ...


def bootstrapped(
    least: float | None, most: float | None
) -> Callable[[Callable[..., float]], ScalarMetric]:
    """Give a scalar metric the option `bootstrap`: so many replicates, and (value, low, high).

    The interval is over resampling of the samples and of whatever the metric itself draws; it says
    nothing about other training seeds. A metric that draws gets another stream for each replicate.
    Where half of the samples are too few for the metric, the interval is NaN, with a warning.

    Parameters
    ----------
    least, most : float or None
        The range of the metric, which an interval never leaves; None where open.
    """

    def decorate(function: Callable[..., float]) -> ScalarMetric:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def metric(
            *args: Any, bootstrap: int | None = None, **options: Any
        ) -> float | tuple[float, float, float]:
            value = function(*args, **options)
            if bootstrap is None:
                return value
            if bootstrap < 2:
                raise ValueError(f"bootstrap must be at least 2 replicates, not {bootstrap}")
            bound = signature.bind(*args, **options)
            bound.apply_defaults()
            try:
                replicates = _replicates(function, bound.arguments, bootstrap)
            except Exception as error:
                # Whatever it is, the value itself is there.
                reason = error if isinstance(error, ValueError) else repr(error)
                warnings.warn(
                    f"no interval: half of the samples: {reason}", MetricWarning, stacklevel=2
                )
                return value, float("nan"), float("nan")
            record(resampling_std=float(replicates.std(ddof=1)))
            tail = 100 * (1 - CONFIDENCE) / 2
            deviations = np.percentile(replicates - replicates.mean(), [tail, 100 - tail])
            low, high = np.clip(value + deviations, least, most)
            return value, float(low), float(high)

        add_option(metric, function, _OPTION)
        return cast("ScalarMetric", metric)

    return decorate


def _replicates(
    function: Callable[..., float], arguments: dict[str, Any], bootstrap: int
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the metric of random halves of the samples."""
    arrays = {
        name: np.asarray(arguments[name]) for name in _ROWS if arguments.get(name) is not None
    }
    n_samples = len(arrays["means"])
    seeds = generator(arguments.get("random_state", 0)).integers(2**63, size=bootstrap)
    values = np.empty(bootstrap)
    for replicate, seed in enumerate(seeds):
        rng = np.random.default_rng(seed)
        rows = np.sort(rng.choice(n_samples, n_samples // 2, replace=False))
        changed: dict[str, Any] = {name: array[rows] for name, array in arrays.items()}
        if "random_state" in arguments:
            changed["random_state"] = rng
        # What there is to say about the samples was said of all of them. What a half has in common
        # with no other call is forgotten with it.
        with details(), apart(), warnings.catch_warnings():
            warnings.simplefilter("ignore", MetricWarning)
            values[replicate] = function(**{**arguments, **changed})
    return values
