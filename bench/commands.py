"""`disbench`, and what all of its commands share: signals, messages, exit codes, checks of numbers.

Exit codes: 0 for success, 1 when part of the work failed, 2 when it cannot be done (one line says
why), 129, 130 and 143 after SIGHUP, SIGINT and SIGTERM, 141 when the reader of the output is gone.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import metadata
from typing import Any

from ._siblings import console, datasets
from .engines import stopping
from .errors import DisbenchError, Stopped

log = logging.getLogger("disbench")
say = console.say

# What `disbench` has, each the module of that name: imported only once it is asked for.
COMMANDS = {
    "run": "train the runs of a grid, score them and write a report",
    "report": "rebuild a report, or compare several output folders in one",
    "score": "score codes that any other software made",
    "share": "copy an output folder to pass it on, without weights",
    "export": "write the model of a run as the Hugging Face Hub has them",
    "datasets": "list the datasets, draw contact sheets, download official files",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run `disbench COMMAND ...` and return its exit code."""
    _import_from_here()
    arguments = sys.argv[1:] if argv is None else [*argv]
    name, *rest = arguments or ["--help"]
    if name == "datasets":
        work = importlib.import_module(f"{datasets.__name__}.__main__").main
        return int(work(rest, prog="disbench datasets"))
    if name not in COMMANDS:
        return console.run(lambda: _check(_parser(), [name]))
    # Help and mistakes are answered before what does the work is imported.
    options = importlib.import_module(f".options.{name}", __package__).parser()
    console.run(lambda: _check(options, rest))
    return int(importlib.import_module(f".{name}", __package__).main(rest))


def _import_from_here() -> None:
    """Have imports look into the current folder too, as `python -m` does, but last of all."""
    with suppress(OSError):
        here = os.getcwd()
        if here not in sys.path:
            sys.path.append(here)


def _check(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> int:
    """Parse arguments for what the parser prints of them: help, the version, or what is wrong."""
    parser.parse_args(arguments)
    return 0


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS))
    listed = "\n".join(f"  {name:{width}}  {text}" for name, text in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="disbench",
        description="A benchmark of disentangled representations.",
        epilog=f"commands:\n{listed}\n\n'disbench COMMAND --help' says what a command takes.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"disbench {_version()}")
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help="one of those below")
    return parser


def _version() -> str:
    try:
        return metadata.version("disbench")
    except metadata.PackageNotFoundError:
        return "(a checkout that is not installed)"


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
        # Of other libraries only warnings.
        logging.basicConfig(format="%(message)s", stream=sys.stderr)
        level = log.level
        log.setLevel(logging.INFO)
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
        finally:
            log.setLevel(level)
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
