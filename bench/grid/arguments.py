"""Check numbers and paths given beside a grid, as options or as keywords, in one place."""

from __future__ import annotations

import math
import operator
import os
import re
import reprlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any


def whole(value: Any, most: int, least: int = 1) -> int:
    """Return a whole number from `least` to `most`.

    Raises
    ------
    ValueError
        If it is none, or another one.

    Examples
    --------
    >>> whole("4", most=10)
    4
    """
    try:
        if isinstance(value, bool):
            raise TypeError
        number = int(value) if isinstance(value, str) else operator.index(value)
    except (TypeError, ValueError):
        number = least - 1
    if not least <= number <= most:
        reason = f"must be a whole number from {least} to {most:,}, not {reprlib.repr(value)}"
        raise ValueError(reason)
    return number


def images(value: Any) -> Any:
    """Return a whole number of images, or the text 'all'.

    Raises
    ------
    ValueError
        If it is neither.
    """
    if isinstance(value, str) and value == "all":
        return value
    try:
        return whole(value, most=10**9)
    except ValueError as error:
        raise ValueError(str(error).replace("must be", "must be 'all' or", 1)) from None


def seconds(value: Any) -> float:
    """Return a time above 0, and up to a year.

    Raises
    ------
    ValueError
        If it is none.
    """
    number = _number(value)
    if not 0 < number <= YEAR:
        raise ValueError(f"must be seconds above 0 and up to a year, not {reprlib.repr(value)}")
    return number


def share(value: Any) -> float:
    """Return a share of a GPU, or a number of GPUs.

    Raises
    ------
    ValueError
        If it is none that Ray has a meaning for.
    """
    number = _number(value)
    if not (LEAST_SHARE <= number <= 1 or (1 < number <= MOST_GPUS and number.is_integer())):
        raise ValueError(
            f"must be a share of a GPU, from {LEAST_SHARE} to 1, or a whole number of GPUs up to "
            f"{MOST_GPUS:,}, not {reprlib.repr(value)}"
        )
    return number


def path(value: Any) -> Path:
    """Return a path, with `~` for a home folder.

    Raises
    ------
    ValueError
        If there can be no such path.

    Examples
    --------
    >>> path("~nosuchuser/out")
    Traceback (most recent call last):
    ValueError: must be a path, not '~nosuchuser/out': there is no user of that name
    """
    try:
        if b"\0" in os.fsencode(value):
            raise ValueError("a path has no null character")
        return Path(value).expanduser()
    except UnicodeEncodeError:
        reason = "it has characters that no file name has"
    except RuntimeError:
        reason = "there is no user of that name"
    except ValueError as error:
        reason = str(error)
    raise ValueError(f"must be a path, not {reprlib.repr(os.fspath(value))}: {reason}")


def sbatch_option(value: Any) -> tuple[str, str | bool]:
    """Return an option of sbatch, as its name and its value, True where it has none.

    Raises
    ------
    ValueError
        If it is none, or one that the engine itself sets.

    Examples
    --------
    >>> sbatch_option("time=4:00:00"), sbatch_option("exclusive")
    (('time', '4:00:00'), ('exclusive', True))
    """
    name, equals, content = str(value).partition("=")
    if not _SBATCH.fullmatch(name) or not (content.isprintable() and bool(content) == bool(equals)):
        raise ValueError(
            f"must be an option of sbatch without its dashes, such as partition=gpu or exclusive, "
            f"not {reprlib.repr(value)}"
        )
    if name in _OF_ENGINE:
        raise ValueError(f"cannot be {name}: {_OF_ENGINE[name]}")
    return name, content if equals else True


def sbatch_options(value: Any) -> dict[str, str | bool]:
    """Return options of sbatch from a mapping of names to values, True where there is none.

    Raises
    ------
    ValueError
        If it is none, or has an option that `sbatch_option` refuses.

    Examples
    --------
    >>> sbatch_options({"partition": "gpu", "exclusive": True})
    {'partition': 'gpu', 'exclusive': True}
    """
    if not isinstance(value, Mapping):
        raise ValueError(f"must be a mapping of sbatch's options, not {reprlib.repr(value)}")
    texts = (str(name) if part is True else f"{name}={part}" for name, part in value.items())
    return dict(map(sbatch_option, texts))


_SBATCH = re.compile("[a-z][a-z0-9-]*")
_OF_ENGINE = {
    "cpus-per-task": "--threads says it",
    **dict.fromkeys(
        ("array", "error", "job-name", "nodes", "ntasks", "open-mode", "output", "signal", "wrap"),
        "the engine sets it",
    ),
}
# The most work, in seconds of training, that a crash can cost, where nothing else is said.
CHECKPOINT_SECONDS = 60.0
YEAR = 366 * 86_400
# Ray counts in ten thousandths.
LEAST_SHARE, MOST_GPUS = 0.0001, 1_000
# Limits are beyond any machine: what is above them is a mistake.
WORKERS = partial(whole, most=10_000)
THREADS = partial(whole, most=1_000)
PACK = partial(whole, most=10_000)
FACTOR_BINS = partial(whole, most=1_000, least=2)
BATCH_SIZE = partial(whole, most=1_000_000)
# As a spec may have it.
SEED = partial(whole, most=2**32 - 1, least=0)
# By the keyword.
_CHECKS: dict[str, Callable[[Any], Any]] = {
    "workers": WORKERS,
    "threads": THREADS,
    "pack": PACK,
    "gpus_per_run": share,
    "checkpoint_seconds": seconds,
    "out": path,
    "slurm": sbatch_options,
}


def check(**given: Any) -> None:
    """Check keywords; None is whatever the default is.

    Raises
    ------
    ValueError
        If one is out of its range; the message begins with its name.
    """
    for name, value in given.items():
        if value is None:
            continue
        if isinstance(value, str) and _CHECKS[name] not in (path, sbatch_options):
            raise ValueError(f"{name} must be a number, not {reprlib.repr(value)}")
        try:
            _CHECKS[name](value)
        except ValueError as error:
            raise ValueError(f"{name} {error}") from None


def _number(value: Any) -> float:
    if isinstance(value, bool):
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
