"""SIGINT, SIGTERM and SIGHUP: end a process at once, but training only after its current step."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ..errors import Stopped

_TAKEN = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _State:
    """Signals are the process's, and so is this."""

    deferring = False
    pending: int | None = None
    hung_up = False


def install(*, worker: bool = False) -> None:
    """Handle these signals in this process; a worker leaves those of its terminal to its driver.

    Where a hang-up is ignored already, as `nohup` has it, that stays so.
    """
    _State.pending = None
    _State.hung_up = False
    signal.signal(signal.SIGTERM, _handle)
    signal.signal(signal.SIGINT, signal.SIG_IGN if worker else _handle)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_IGN if worker else _handle)


@contextmanager
def interruptible() -> Iterator[None]:
    """Handle SIGINT while the block runs, in a process whose signals are otherwise not ours.

    Elsewhere than in the main thread nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _State.pending = None
    before = signal.signal(signal.SIGINT, _handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def kept() -> Iterator[None]:
    """Put handlers back that the block replaces: libraries take signals without asking."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _TAKEN}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:  # None is a handler that is not Python's
                signal.signal(number, handler)


@contextmanager
def deferred() -> Iterator[None]:
    """Keep the first signal for `check` while the block runs; a second one ends it at once."""
    _State.deferring = True
    try:
        yield
    finally:
        _State.deferring = False


def pending() -> bool:
    """Return whether a signal waits."""
    return _State.pending is not None


def check() -> None:
    """Raise `Stopped` if a signal waits."""
    if _State.pending is not None:
        raise Stopped(_State.pending)


def _handle(number: int, frame: FrameType | None) -> None:
    if number == signal.SIGHUP:
        # A closed terminal signals its shell, which signals us, and then us directly. The second
        # signal is no request to end at once.
        if _State.hung_up:
            return
        _State.hung_up = True
    if _State.deferring and _State.pending is None:
        _State.pending = number
    else:
        raise Stopped(number)
