"""What metrics have in common, computed once for all that are called inside a block.

Metrics stay functions of their arguments and know nothing of one another: they call the same
helpers, and inside the block a helper that was called with the same arguments returns what it
returned before. So a metric's value is the same inside and outside, bit by bit.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np

P = ParamSpec("P")
T = TypeVar("T")

# Arrays of so many bytes are the same where their content is; larger ones where their memory is.
_SMALL = 4096
_PLAIN = (int, float, bool, str, type(None))


class _NotComparableError(Exception):
    """Arguments of which nobody can say whether they are those of another call."""


# Key of a call to its result, and to its arguments: their memory must not become another array's.
_Memo = dict[Any, tuple[Any, Any]]
_memo: ContextVar[_Memo | None] = ContextVar("memo", default=None)


@contextmanager
def shared() -> Iterator[None]:
    """Share what metrics have in common among the calls inside the block.

    Checked copies of the arrays, mutual information, aggregate posteriors and the like are computed
    once for the same arrays and options, and forgotten with the end of the block. Values, details
    and warnings are those that the calls have outside, bit by bit. Arrays are the same where they
    lie in the same memory: leave them unchanged inside the block. A block inside another one is
    part of it. A generator that is suspended inside its block shares with whoever goes on
    meanwhile: do not yield there.

    Examples
    --------
    >>> from metrics import dcimig, mig, shared
    >>> grid = np.indices((4, 4)).reshape(2, -1).T
    >>> codes = grid.astype(float)
    >>> with shared():
    ...     mig(codes, grid), dcimig(codes, grid)
    (1.0, 1.0)
    """
    with nullcontext() if _memo.get() is not None else apart():
        yield


@contextmanager
def apart() -> Iterator[None]:
    """Share what the calls inside the block have in common with one another and with no others."""
    token = _memo.set({})
    try:
        yield
    finally:
        _memo.reset(token)


def once(function: Callable[P, T]) -> Callable[P, T]:
    """Have a function called once for the same arguments inside a block of `shared`.

    It must be pure, warn of nothing and record no detail. What it returns is read-only there, as
    several metrics get it. Arguments that cannot be compared, such as a generator or a list of
    arrays, are no obstacle: it is called each time then.
    """

    @functools.wraps(function)
    def call(*args: P.args, **options: P.kwargs) -> T:
        memo = _memo.get()
        if memo is None:
            return function(*args, **options)
        try:
            key = (function, _key(args), _key(tuple(sorted(options.items()))))
        except _NotComparableError:
            return function(*args, **options)
        if key not in memo:
            memo[key] = _read_only(function(*args, **options)), (args, options)
        return cast("T", memo[key][0])

    return call


def _key(value: Any) -> Any:
    """Return what is equal for equal arguments."""
    if type(value) is np.ndarray and value.dtype.kind in "fiub":
        if value.nbytes <= _SMALL:
            return "content", value.dtype.str, value.shape, value.tobytes()
        start = value.__array_interface__["data"][0]
        return "memory", value.dtype.str, value.shape, value.strides, start
    if type(value) in (tuple, list):
        return type(value), tuple(map(_key, value))
    if type(value) in _PLAIN:
        # True and 1 are equal, and are not the same option.
        return type(value), value
    raise _NotComparableError


def _read_only(value: Any) -> Any:
    """Return a result of which no array can be written to."""
    if isinstance(value, np.ndarray):
        view = value.view()
        view.flags.writeable = False
        return view
    if isinstance(value, tuple):
        return tuple(map(_read_only, value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [field.name for field in dataclasses.fields(value)]
        return dataclasses.replace(
            value, **{name: _read_only(getattr(value, name)) for name in fields}
        )
    return value
