"""Continuous factors: cut into quantile bins."""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._bootstrap import ScalarMetric
from ._option import add_option
from ._validation import Ints, factor_columns, relabel

T = TypeVar("T")

_OPTION = """\
factor_bins : int, optional
    Cut factors of more values than this into so many quantile bins, as `bin_factors` does; for
    continuous factors."""


def bin_factors(factors: ArrayLike, n_bins: int) -> Ints:
    """Return factors as labels, those of many values cut into quantile bins.

    Parameters
    ----------
    factors : array_like
        (n_samples, n_factors) numbers, or (n_samples,) of one factor.
    n_bins : int
        A column with more different values is cut into so many bins of about equally many samples;
        equal values are in one bin. Of other columns the values are numbered by their rank.

    Returns
    -------
    ndarray
        (n_samples, n_factors) int64, each column 0 .. n_labels - 1 in the order of its values.

    Raises
    ------
    ValueError
        If the array has another shape, is not of finite numbers, or n_bins is below 2.

    Notes
    -----
    A sample's bin is the place of its mean rank among all samples, so that only the order of values
    matters. Where many samples share a value there can be fewer bins.

    Examples
    --------
    >>> bin_factors([0.1, 0.2, 0.4, 0.8, 1.6, 3.2], 3).ravel().tolist()
    [0, 0, 1, 1, 2, 2]
    >>> bin_factors([[-0.5, 7], [0.5, 7], [0.5, 9]], 2).tolist()
    [[0, 0], [1, 0], [1, 1]]
    """
    return _binned({"factors": factors}, n_bins, "n_bins")["factors"]


@overload
def binned(function: ScalarMetric) -> ScalarMetric: ...
@overload
def binned(function: Callable[..., T]) -> Callable[..., T]: ...
def binned(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a metric of factors the option `factor_bins`.

    Factors are cut before anything else is done with them, so that the halves of a bootstrap, and
    samples that a predictor is judged on, have the same bins as the rest.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def metric(*args: Any, factor_bins: int | None = None, **options: Any) -> Any:
        if factor_bins is None:
            return function(*args, **options)
        bound = signature.bind(*args, **options)
        given = {name: bound.arguments.get(name) for name in ("factors", "test_factors")}
        given = {name: values for name, values in given.items() if values is not None}
        bound.arguments.update(_binned(given, factor_bins, "factor_bins"))
        return function(*bound.args, **bound.kwargs)

    add_option(metric, function, _OPTION)
    return metric


def _binned(given: Mapping[str, Any], n_bins: int, option: str) -> dict[str, Ints]:
    """Return arrays of the same factors, by their names, cut at the same places."""
    if operator.index(n_bins) < 2:
        raise ValueError(f"{option} must be at least 2, not {n_bins}")
    tables = [factor_columns(values, name) for name, values in given.items()]
    if len({len(columns) for columns in tables}) > 1:
        raise ValueError("factors and test_factors have different numbers of columns")
    joined = [np.concatenate(columns) for columns in zip(*tables, strict=True)]
    labels = np.stack([_labels(column, n_bins) for column in joined], axis=1)
    ends = np.cumsum([len(columns[0]) for columns in tables])
    return dict(zip(given, np.split(labels, ends[:-1]), strict=True))


def _labels(column: NDArray[Any], n_bins: int) -> Ints:
    """Return the bin of each value, or its rank where there are few different ones."""
    ranks = relabel(column)
    counts = np.bincount(ranks)
    if len(counts) <= n_bins:
        return ranks
    # Twice the mean rank of each value, from 1 to 2n − 1: whole numbers, which nothing rounds.
    middle = 2 * np.cumsum(counts) - counts
    return relabel((middle * n_bins // (2 * len(column)))[ranks])
