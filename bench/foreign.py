"""Metrics from outside of the suite: functions that a grid names, imported only if that is allowed.

A grid is data, and reading data runs nothing. A function from elsewhere is code, so it needs the
word of whoever starts the grid: `--allow-imports`.
"""

from __future__ import annotations

import importlib
import inspect
import re
from functools import cache
from typing import Any

from ._siblings import metrics

REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_ARRAYS = ("means", "logvars", "factors")


@cache
def foreign_metric(name: str, reference: str) -> Any:
    """Import a function as a metric.

    Parameters
    ----------
    name : str
        What the grid calls it.
    reference : str
        "package.module:function". Its parameters named means, logvars and factors are given the
        run's arrays; it returns a number.

    Returns
    -------
    MetricInfo
        As for the suite's own, with an open range and no promises.

    Raises
    ------
    ValueError
        If it cannot be imported or takes none of the arrays.
    """
    module, _, attribute = reference.partition(":")
    try:
        function = getattr(importlib.import_module(module), attribute)
        signature = inspect.signature(function)
    except Exception as error:
        # Whatever somebody else's module raises while it is imported.
        raise ValueError(f"{reference} cannot be imported as a function: {error}") from None
    requires = tuple(key for key in signature.parameters if key in _ARRAYS)
    if not requires:
        raise ValueError(f"{reference} takes none of {', '.join(_ARRAYS)}")
    try:
        signature.bind(**dict.fromkeys(requires))
    except TypeError as error:
        raise ValueError(f"{reference} cannot be called with {requires} alone: {error}") from None

    def metric(*arrays: Any) -> float:
        try:
            return float(function(**dict(zip(requires, arrays, strict=True))))
        except Exception as error:
            # To a score that is missing, with its reason: the others are not this one's matter.
            raise ValueError(f"{reference}: {type(error).__name__}: {error}") from error

    metric.__name__ = name
    return metrics.MetricInfo(
        metric,
        higher_is_better=None,
        range=(None, None),
        requires=requires,
        invariances=(),
        reference=reference,
        description=(inspect.getdoc(function) or "A function from outside.").splitlines()[0],
        cost="unknown",
    )
