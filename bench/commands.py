"""What all commands share: signals, messages, exit codes and checks of numbers.

Exit codes: 0 for success, 1 when part of the work failed, 2 when it cannot be done (one line says
why), 129, 130 and 143 after SIGHUP, SIGINT and SIGTERM, 141 when the reader of the output is gone.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from collections.abc import Callable
from typing import Any

from ._siblings import console
from .engines import stopping
from .errors import DisbenchError, Stopped

log = logging.getLogger("disbench")
say = console.say


def command(work: Callable[[], int], *, stopped: str = "the same command resumes from here") -> int:
    """Do a command's work in this process, and return its exit code.

    Parameters
    ----------
    work : callable
        Reads the arguments, does what they ask for, prints with `say` and returns an exit code.
    stopped : str
        What to say of the work after a signal.
    """

    def done() -> int:
        stopping.install()
        logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
        try:
            return work()
        except DisbenchError as error:
            console.complain(f"error: {error}")
        except OSError as error:
            log.debug("", exc_info=True)
            console.complain(f"error: {_named(error)}")
        except Stopped as stop:
            console.complain(f"stopped by {signal.Signals(stop.number).name}; {stopped}")
            return 128 + stop.number
        return 2

    return console.run(done)


def option(check: Callable[[Any], Any]) -> Callable[[str], Any]:
    """Return what reads an option's text: by a check of `given`, whose message is shown."""

    def read(text: str) -> Any:
        try:
            return check(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


def _named(error: OSError) -> str:
    """Return what the system says, with the file that it says it of first."""
    if error.filename is None or error.strerror is None:
        return str(error)
    return f"{error.filename}: {error.strerror}"
