"""Format numbers for people, in a table or a sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd


def number(value: float | None) -> str:
    """Return a number as it is read in a table: three or four significant digits.

    Examples
    --------
    >>> number(0.12345), number(12.345), number(1234.5), number(-1e-6), number(float("nan"))
    ('0.123', '12.3', '1234', '−1e−06', '–')
    """
    if value is None or not math.isfinite(value):
        return "–"
    if value and abs(value) < 0.0005:
        return minus(f"{value:.0e}")
    digits = 3 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    if value == round(value) and abs(value) >= 2:
        digits = 0
    return minus(f"{value:.{digits}f}")


def significant(value: float) -> str:
    """Return a number as it is read in a sentence: three significant digits at most.

    Examples
    --------
    >>> significant(0.5), significant(-0.12345), significant(25.0)
    ('0.5', '−0.123', '25')
    """
    return minus(f"{value:.3g}")


def over_seeds(values: pd.Series[Any]) -> str:
    """Return the median of values over seeds, and their range, as they are read in a sentence.

    Examples
    --------
    >>> over_seeds(pd.Series([0.25, 0.5, 1.0])), over_seeds(pd.Series([2.0, 2.0]))
    ('0.5 (0.25 to 1)', '2')
    """
    if values.empty:
        return "–"
    spread = values.median(), values.min(), values.max()
    middle, low, high = (significant(float(value)) for value in spread)
    return middle if low == high else f"{middle} ({low} to {high})"


def counted(n: float, noun: str) -> str:
    """Return a number of things.

    Examples
    --------
    >>> counted(1, "latent"), counted(2.5, "latent"), counted(1200, "run")
    ('1 latent', '2.5 latents', '1,200 runs')
    """
    return f"{n:,g} {noun}" + ("" if n == 1 else "s")


def listed(names: Sequence[str], most: int | None = None, *, last: str = "and") -> str:
    """Return names as a sentence lists them, of too many the first and how many more there are.

    Examples
    --------
    >>> listed(["alice", "bob"]), listed(["a", "b", "c", "d", "e"], most=4), listed(["a"])
    ('alice and bob', 'a, b, c and 2 more', 'a')
    """
    if most is not None and len(names) > most:
        names = [*names[: most - 1], f"{len(names) - most + 1} more"]
    return f" {last} ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def of_seeds(k: int, n: int, verb: str) -> str:
    """Return how many seeds do something.

    Examples
    --------
    >>> of_seeds(1, 6, "pass"), of_seeds(2, 6, "use")
    ('1 of 6 seeds passes', '2 of 6 seeds use')
    """
    ending = "" if k != 1 else "es" if verb.endswith("s") else "s"
    return f"{k} of {counted(n, 'seed')} {verb}{ending}"


def minus(text: str) -> str:
    """Return the text of a number with a minus sign in place of a hyphen."""
    return text.replace("-", "−")
