"""Options of a data set: their defaults, what they accept, and one canonical form of each value."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any


@dataclass(frozen=True)
class Option:
    """One option: its frozen default and the values it accepts.

    `kind` is the type of a value (`bool`, `int`, `float` or `str`). `None` is accepted where it is
    the default. The defaults are frozen: a run's identity leaves out what equals its default.
    """

    default: Any
    kind: type
    help: str
    choices: tuple[Any, ...] | None = None
    minimum: float = -math.inf
    maximum: float = math.inf

    def canonical(self, label: str, value: Any) -> Any:
        """Give `value` in the one form that every equal spelling has; ValueError if refused."""
        if value is None and self.default is None:
            return None
        value = self._typed(label, value)
        if self.choices is not None and value not in self.choices:
            known = ", ".join(repr(choice) for choice in self.choices)
            raise ValueError(f"{label} must be one of {known}, got {value!r}")
        if self.kind in (int, float) and not self.minimum <= value <= self.maximum:
            raise ValueError(
                f"{label} must be in {self.minimum:g} .. {self.maximum:g}, got {value!r}"
            )
        return value

    def _typed(self, label: str, value: Any) -> Any:
        # bool is a subclass of int in Python, but `grid_size: true` is a mistake, not 1.
        is_bool = isinstance(value, bool)
        if self.kind is bool and is_bool:
            return value
        if self.kind is str and isinstance(value, str):
            return str(value)
        if self.kind is int and isinstance(value, Integral) and not is_bool:
            return int(value)
        if self.kind is float and isinstance(value, Real) and not is_bool:
            number = float(value)
            if math.isfinite(number):
                return number
        needed = {bool: "true or false", int: "an integer", float: "a finite number", str: "a text"}
        raise ValueError(f"{label} must be {needed[self.kind]}, got {value!r}")
