"""Errors that end a command, and warnings about input that is probably a mistake.

Errors of a single room are defined there (`store`, `engines`). All derive from `DisbenchError`.
"""

from __future__ import annotations

import importlib
from typing import Any

# The most characters kept of an exception's message: some include their whole input.
_MOST = 500


def printable(text: str) -> str:
    r"""Return a text in one line that no terminal obeys: names and values in it are anybody's.

    Examples
    --------
    >>> printable("a\x1b[2Jb\nc")
    'a\\x1b[2Jb\\nc'
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


class DisbenchError(Exception):
    """What ends a command with a message in one line, which says why and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


class InputError(DisbenchError, ValueError):
    """Input that cannot be used: one line that names the file, the path in it and the reason."""

    def __init__(self, source: str, path: str, reason: str) -> None:
        super().__init__(f"{source}: {path}: {reason}" if path else f"{source}: {reason}")


class GridError(InputError):
    """A grid that cannot be run."""


class CodesError(InputError):
    """Codes from elsewhere that cannot be scored."""


class OwnCodeError(DisbenchError, ValueError):
    """Code from outside that may not or cannot be imported, or is not what it has to be."""


class DeviceError(DisbenchError, RuntimeError):
    """The device that was asked for is not there."""


class MissingPackageError(DisbenchError, ImportError):
    """A package that only a part of this suite needs is not there."""


def optional(module: str, what: str, extra: str) -> Any:
    """Import a module that only a part of this suite needs.

    Parameters
    ----------
    module : str
        Its name.
    what : str
        Who needs it, as the beginning of a sentence.
    extra : str
        The extra of this distribution that brings it.

    Raises
    ------
    MissingPackageError
        If it is not there.
    """
    try:
        found = importlib.import_module(module)
        # To Python any folder of that name is a package, such as the one that wandb writes to.
        if getattr(found, "__file__", None) is None:
            raise ImportError(f"there is only a folder of the name {module}")
        return found
    except ImportError as error:
        reason = f"{what} ({said(error)}): pip install 'disbench[{extra}]'"
        raise MissingPackageError(reason) from None


class Stopped(BaseException):
    """A signal asked the process to end. Not an `Exception`: no handler of errors catches it.

    Attributes
    ----------
    number : int
        The signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class GridWarning(UserWarning):
    """Something in a grid that is probably not what was meant."""


def said(error: BaseException) -> str:
    r"""Return what an exception says in one line, its name where it says nothing.

    Examples
    --------
    >>> said(ValueError("means has\n  no samples")), said(MemoryError())
    ('means has no samples', 'MemoryError')
    """
    try:
        text = " ".join(str(error).split())
    except Exception:
        # A foreign exception may fail even to describe itself.
        text = ""
    text = text if len(text) <= _MOST else f"{text[:_MOST]}…"
    return printable(text or _name(error))


def named(error: BaseException) -> str:
    """Return what an exception is, and what it says.

    Examples
    --------
    >>> named(ZeroDivisionError("division by zero")), named(MemoryError())
    ('ZeroDivisionError: division by zero', 'MemoryError')
    """
    text = said(error)
    return text if text == _name(error) else f"{_name(error)}: {text}"


def _name(error: BaseException) -> str:
    return type(error).__name__.lstrip("_")
