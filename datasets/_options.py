"""Options of a dataset: their defaults, what they accept, and one canonical form of each value."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from ._paths import absolute, shown

_NEEDED = {
    bool: "true or false",
    int: "an integer",
    float: "a finite number",
    str: "a text",
    list: "a list of texts",
    Path: "the path of a file",
}


@dataclass(frozen=True)
class Option:
    """One option: its frozen default and the values it accepts.

    `kind` is the type of a value (`bool`, `int`, `float`, `str`, `list` for a list of texts, or
    `Path` for a text that names a file). `None` is accepted where it is the default. The defaults
    are frozen: a run's identity leaves out what equals its default. `form`, where there is one,
    checks a value of a kind of its own and returns it in its canonical form. `idle` names another
    option and those of its values beside which this one has no effect: there it is refused.
    """

    default: Any
    kind: type
    help: str
    choices: tuple[Any, ...] | None = None
    minimum: float = -math.inf
    maximum: float = math.inf
    form: Callable[[str, Any], Any] | None = None
    idle: tuple[str, tuple[Any, ...]] | None = None

    def canonical(self, label: str, value: Any) -> Any:
        """Return `value` in the one form that every equal spelling has; ValueError if refused."""
        if value is None and self.default is None:
            return None
        if self.form is not None:
            return self.form(label, value)
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
        if self.kind is Path and isinstance(value, str):
            return absolute(value, label)
        is_list = isinstance(value, list | tuple)
        if self.kind is list and is_list and all(isinstance(item, str) for item in value):
            return [str(item) for item in value]
        if self.kind is int and isinstance(value, Integral) and not is_bool:
            return int(value)
        if self.kind is float and isinstance(value, Real) and not is_bool:
            with suppress(OverflowError):  # an integer of 400 digits
                if math.isfinite(number := float(value)):
                    return number
        raise ValueError(f"{label} must be {_NEEDED[self.kind]}, got {shown(repr(value))}")
