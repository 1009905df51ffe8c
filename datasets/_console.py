"""A command's streams, which may be closed, full, or lack letters that are printed.

For `python -m datasets` and, by way of `bench._siblings`, for all commands of `bench`.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Callable

from ._paths import printable

# What a shell says of a command whose reader went away.
_NOT_READ = 128 + signal.SIGPIPE


class _UnheardError(Exception):
    """Standard output cannot be written to; `__cause__` is why."""


def run(work: Callable[[], int]) -> int:
    """Return the exit code of a command's work, wherever its streams lead.

    A stream that is closed takes anything. Letters that the output's encoding lacks are escaped. If
    standard output cannot be written to, what was done before counts and is not undone; the exit
    code is 141 where nobody reads any more, as of any command whose pipe is closed, else 2.
    """
    _open_closed()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        try:
            code = work()
        except SystemExit:  # of a parser, which may have printed its help
            _write("")
            raise
        _write("")
        return code
    except _UnheardError as error:
        reason = error.__cause__
        if isinstance(reason, BrokenPipeError):
            return _NOT_READ
        complain(f"error: standard output: {getattr(reason, 'strerror', None) or reason}")
        return 2
    finally:
        _mute_broken()


def say(text: str) -> None:
    """Print a command's answer, at once."""
    _write(f"{text}\n")


def complain(text: str) -> None:
    """Print what is wrong in one line to standard error, if anybody can hear it there."""
    try:
        print(printable(text), file=sys.stderr, flush=True)
    except (OSError, ValueError):
        return


def _write(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except (OSError, ValueError) as error:
        raise _UnheardError from error


def _open_closed() -> None:
    """Lead descriptors that are closed nowhere, before a file that is opened is given their number.

    Whatever a library writes to standard error would go into that file.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
            os.set_inheritable(number, True)
        if getattr(sys, name) is None:
            mode = "r" if number == 0 else "w"
            stream = open(number, mode, closefd=False, encoding="utf-8")  # noqa: SIM115 - it stays
            setattr(sys, name, stream)


def _mute_broken() -> None:
    """Drop what a stream cannot write: Python would try again at its end, and say so."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            try:
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            except (OSError, ValueError):
                continue
