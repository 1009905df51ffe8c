"""Metrics from outside the suite: functions that a grid names, pinned by their source.

They are executed from the text that their digest is of: see `own_code`.
"""

from __future__ import annotations

import inspect
import math
import re
from functools import cache
from typing import Any

import numpy as np

from .._siblings import metrics
from ..errors import OwnCodeError, Stopped, named, said
from .own_code import own_object

_ARRAYS = ("means", "logvars", "factors")
# How numpy refuses to write to an array.
_READ_ONLY = re.compile(r"read-?only|writeable", re.IGNORECASE)


class ForeignError(ValueError):
    """A function from outside gave no number; its author may give it another try."""


@cache
def foreign_metric(name: str, reference: str) -> metrics.MetricInfo:
    """Import a function as a metric. Whoever calls this has made sure that it may be imported.

    Parameters
    ----------
    name : str
        What the grid calls it.
    reference : str
        The pinned name of a function. Its parameters named means, logvars and factors are given
        the run's arrays, read-only; it returns a finite number.

    Returns
    -------
    MetricInfo
        As for the suite's own, with an open range and no promises.

    Raises
    ------
    OwnCodeError
        If it cannot be imported, is of another source, or takes none of the arrays.
    """
    function = own_object(reference)
    called = reference.rpartition("@")[0]
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError) as error:
        raise OwnCodeError(f"{called} is no function that a metric can be: {error}") from None
    requires = tuple(key for key in signature.parameters if key in _ARRAYS)
    if not requires:
        raise OwnCodeError(f"{called} takes none of {', '.join(_ARRAYS)}")
    try:
        signature.bind(**dict.fromkeys(requires))
    except TypeError as error:
        raise OwnCodeError(f"{called} cannot be called with {requires} alone: {error}") from None

    def metric(*arrays: Any) -> float:
        given = dict(zip(requires, map(_own, arrays), strict=True))
        try:
            return _number(function(**given))
        except (KeyboardInterrupt, Stopped):
            raise
        except BaseException as error:
            raise ForeignError(f"{called}: {_reason(error, requires[0])}") from error

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
