"""Metrics from outside the suite: functions that a grid names, imported only if allowed.

A grid is data, and reading data runs no code. An imported function is code, so whoever starts the
grid has to allow it: `--allow-imports`.
"""

from __future__ import annotations

import importlib
import inspect
import math
import re
from functools import cache
from typing import Any

import numpy as np

from .._siblings import metrics
from ..errors import Stopped, named, said
from .own_code import no_module

_ARRAYS = ("means", "logvars", "factors")
# How numpy refuses to write to an array.
_READ_ONLY = re.compile(r"read-?only|writeable", re.IGNORECASE)


class ForeignError(ValueError):
    """A function from outside gave no number; its author may give it another try."""


@cache
def foreign_metric(name: str, reference: str) -> metrics.MetricInfo:
    """Import a function as a metric.

    Parameters
    ----------
    name : str
        What the grid calls it.
    reference : str
        "package.module:function". Its parameters named means, logvars and factors are given the
        run's arrays, read-only; it returns a finite number.

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
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        # A foreign module may raise anything while it is imported; a script exits.
        reason = no_module(module) if _is_missing(module, error) else named(error)
        raise ValueError(f"{reference} cannot be imported as a function: {reason}") from None
    requires = tuple(key for key in signature.parameters if key in _ARRAYS)
    if not requires:
        raise ValueError(f"{reference} takes none of {', '.join(_ARRAYS)}")
    try:
        signature.bind(**dict.fromkeys(requires))
    except TypeError as error:
        raise ValueError(f"{reference} cannot be called with {requires} alone: {error}") from None

    def metric(*arrays: Any) -> float:
        given = dict(zip(requires, map(_own, arrays), strict=True))
        try:
            return _number(function(**given))
        except (KeyboardInterrupt, Stopped):
            raise
        except BaseException as error:
            raise ForeignError(f"{reference}: {_reason(error, requires[0])}") from error

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


def _is_missing(module: str, error: BaseException) -> bool:
    """Return whether a module, or a package that it is in, is not there; not one that it needs."""
    name = error.name if isinstance(error, ModuleNotFoundError) else None
    return name is not None and f"{module}.".startswith(f"{name}.")


def _own(array: Any) -> Any:
    """Return a copy that cannot be written to.

    What goes below numpy, as `torch.from_numpy` does, writes to read-only arrays all the same.
    """
    copy = np.array(array)
    copy.flags.writeable = False
    return copy


def _number(value: Any) -> float:
    """Return a function's result as a float, if it is one finite number."""
    if isinstance(value, str | bytes):
        raise ForeignError(f"returned text; {_WANTED}")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        what = type(value).__name__
        shape = f" of shape {value.shape}" if isinstance(value, np.ndarray) else ""
        raise ForeignError(f"returned {what}{shape}; {_WANTED}") from None
    if not math.isfinite(number):
        raise ForeignError(f"returned {number}; {_WANTED}")
    return number


_WANTED = "it must return one finite number"


def _reason(error: BaseException, first: str) -> str:
    """Return why there is no number, and the remedy where it is known."""
    if isinstance(error, ForeignError):
        return said(error)
    text = named(error)
    if _READ_ONLY.search(text):
        text += f"; arrays are read-only, so work on a copy: {first} = {first}.copy()"
    return text
