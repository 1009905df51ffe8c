"""What a dataset's module tells the registry, and the checking of its options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ._base import FactorDataset
from ._common import COMMON, ChangedDataset
from ._options import Option

Values = dict[str, Any]


def _unchanged(values: Values) -> Values:
    return values


def _as_given(options: Mapping[str, Any]) -> Values:
    return dict(options)


def _yaml(value: Any) -> str:
    """Return a value as a grid spells it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class DatasetInfo:
    """A dataset that `load` knows.

    Attributes
    ----------
    name : str
        What `load` and a grid call it.
    description : str
        One line.
    own_options : mapping of str to Option
        Every option of its own with its default and what it accepts.
    loader : callable
        `loader(values, options) -> FactorDataset`: `values` has every option of its own, `options`
        those that differ from their default. Draws and reads nothing large.
    settle : callable
        Checks options against each other and settles those that depend on the machine
        (`source: auto`); gets and returns every option. Draws nothing.
    check : callable
        Refuses options that name a file which is not there or cannot be what it should be. Asked
        before a training, and not where factors alone are needed, as scores do.
    written : callable
        Adds to the options that a user wrote what their leaving others out means today. Defaults
        of options are frozen, as stored runs rest on them; what a name alone means may change here.
    download : callable, optional
        Brings the official files into the cache folder and returns their place, or says in its
        error how a person gets them. None for what has no official files.
    """

    name: str
    description: str
    own_options: Mapping[str, Option]
    loader: Callable[[Values, Values], FactorDataset]
    settle: Callable[[Values], Values] = _unchanged
    check: Callable[[Values], object] = _unchanged
    written: Callable[[Mapping[str, Any]], Values] = _as_given
    download: Callable[[], Path] | None = None

    @property
    def options(self) -> dict[str, Option]:
        """Every option: its own, and those that all datasets have."""
        return {**self.own_options, **COMMON}

    @property
    def defaults(self) -> Values:
        """Every option's default."""
        return {key: option.default for key, option in self.options.items()}

    def complete(self, options: Mapping[str, Any]) -> Values:
        """Check `options`, and return every option in canonical form."""
        for key in options:
            if key not in self.options:
                known = ", ".join(self.options) or "none"
                raise ValueError(
                    f"dataset {self.name!r} has no option {key!r}; its options are: {known}"
                )
        values = self.defaults
        for key, value in options.items():
            values[key] = self.options[key].canonical(f"{self.name}: option {key!r}", value)
        for key in self.non_default(values):
            other, idle = self.options[key].idle or ("", ())
            if other and values[other] in idle:
                raise ValueError(self._idle(key, other, idle, values[other]))
        return self.settle(values)

    def _idle(self, key: str, other: str, idle: tuple[Any, ...], value: Any) -> str:
        """Say that an option has no effect beside the value of another, and what to do."""
        decides = self.options[other]
        known = (False, True) if decides.kind is bool else decides.choices or ()
        wanted = [f"{other}: {_yaml(choice)}" for choice in known if choice not in idle]
        # Only the option that is refused stands in quotes, by which a grid finds its place.
        return (
            f"{self.name}: option {key!r} has no effect with {other}: {_yaml(value)}; set "
            f"{' or '.join(wanted) or f'another {other}'}, or leave {key} out"
        )

    def non_default(self, values: Values) -> Values:
        """Leave out what equals its default."""
        defaults = self.defaults
        return {key: value for key, value in values.items() if value != defaults[key]}

    def build(self, values: Values) -> FactorDataset:
        """Return the dataset of every option, as `complete` gives them."""
        own = {key: values[key] for key in self.own_options}
        options = self.non_default(values)
        data = self.loader(own, {key: options[key] for key in own if key in options})
        changed = options.keys() & COMMON.keys()
        return ChangedDataset(data, values, options) if changed else data
