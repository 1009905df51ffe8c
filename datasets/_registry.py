"""What a data set's module tells the registry, and the checking of its options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ._base import FactorDataset
from ._options import Option

Values = dict[str, Any]


def _unchanged(values: Values) -> Values:
    return values


@dataclass(frozen=True)
class DatasetInfo:
    """A data set that `load` knows.

    Attributes
    ----------
    name : str
        What `load` and a grid call it.
    description : str
        One line.
    options : mapping of str to Option
        Every option with its default and what it accepts.
    loader : callable
        `loader(values, options) -> FactorDataset`: `values` has every option, `options` those
        that differ from their default. Draws and reads nothing large.
    settle : callable
        Checks options against each other and settles those that depend on the machine
        (`source: auto`); gets and gives every option. Draws nothing.
    """

    name: str
    description: str
    options: Mapping[str, Option]
    loader: Callable[[Values, Values], FactorDataset]
    settle: Callable[[Values], Values] = _unchanged

    @property
    def defaults(self) -> Values:
        """Every option's default."""
        return {key: option.default for key, option in self.options.items()}

    def complete(self, options: Mapping[str, Any]) -> Values:
        """Check `options`, and give every option in canonical form."""
        for key in options:
            if key not in self.options:
                known = ", ".join(self.options) or "none"
                raise ValueError(
                    f"data set {self.name!r} has no option {key!r}; its options are: {known}"
                )
        values = self.defaults
        for key, value in options.items():
            values[key] = self.options[key].canonical(f"{self.name}: option {key!r}", value)
        return self.settle(values)

    def non_default(self, values: Values) -> Values:
        """Leave out what equals its default."""
        defaults = self.defaults
        return {key: value for key, value in values.items() if value != defaults[key]}
