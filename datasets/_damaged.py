"""Files that are not what they should be, and the remedy that every complaint of one ends with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class CorruptFileError(ValueError):
    """A file is not what it should be: damaged, incomplete, or another one.

    Raised with the file and what is wrong with it. What to do about that depends on whose file it
    is: whoever asked for it adds this by `remedied`.
    """


@contextmanager
def remedied(remedy: Callable[[], str]) -> Iterator[None]:
    """Add to a complaint of a file what to do; used once for a file, where its owner is known."""
    try:
        yield
    except CorruptFileError as error:
        raise CorruptFileError(f"{error}; {remedy()}") from error
