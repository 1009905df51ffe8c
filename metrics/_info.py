"""MetricInfo: what a reader and a runner need to know about a metric."""

from __future__ import annotations

import inspect
import math
import sys
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Invariance = Literal["sample_order", "latent_order", "sign", "scale", "relabelling"]
Options = tuple[tuple[str, Any], ...]
# Where what an option asks for can be computed and means something. One name is one thing in every
# metric; a number that is not here is checked by its metric alone.
_BOUNDS: Mapping[str, tuple[float, float]] = {
    "alpha": (0, 1),
    "batch_size": (2, 10_000),
    "bootstrap": (2, 100_000),
    "degree": (1, 10),
    "diff_quantile": (0.01, 1),
    "factor_bins": (2, 1_000),
    "kl_threshold": (0, 1_000_000),
    "least_information": (0, 1),
    "n_bins": (2, 10_000),
    "n_draws": (2, 10_000_000),
    "n_neighbors": (1, 10_000),
    "n_pairs": (1, 10_000),
    "n_test": (1, 10_000_000),
    "n_train": (1, 10_000_000),
    "prune_below": (0, 1),
    "threshold": (0, 1_000_000),
}
# Arguments that are data or chance, not options that a grid may set.
_NOT_OPTIONS = ("means", "logvars", "factors", "test_means", "test_factors", "random_state")


@dataclass(frozen=True)
class Part:
    """What one of several numbers under a metric's name is called and says.

    Attributes
    ----------
    name : str
        An output or the suffix of a variant.
    title : str
        What people call it.
    description : str
        One sentence, said after the metric's own.
    """

    name: str
    title: str
    description: str


@dataclass(frozen=True)
class MetricInfo:
    """A metric and what is promised about it.

    Attributes
    ----------
    function : callable
        Takes what `requires` lists, in that order, and keyword options.
    higher_is_better : bool or None
        None where neither direction is better.
    range : tuple of float or None
        Least and greatest value, of every output; None where open.
    requires : tuple of str
        Positional arguments out of means, logvars, factors.
    invariances : tuple of str
        What changes nothing.
    reference : str
        Where it is defined.
    description : str
        One sentence for a report.
    cost : str
        How time grows, for N samples, D latents and K factors.
    outputs : tuple of str
        Fields of the dataclass that the function returns; empty where it returns one value.
    level : {"run", "group"}
        Whether it scores one model, or several of one group together.
    title : str
        What people call it; empty for a function from outside.
    unit : str
        Of its values, where they have one.
    parts : tuple of Part
        One for each output, and for each variant where there are several.
    variants : tuple
        (column suffix, options) of what is always computed side by side; one empty entry where
        there is only one.
    alternatives : tuple
        (label, options) of what else goes by this name, for `compare_variants`.
    """

    function: Callable[..., Any]
    higher_is_better: bool | None
    range: tuple[float | None, float | None]
    requires: tuple[str, ...]
    invariances: tuple[Invariance, ...]
    reference: str
    description: str
    cost: str
    outputs: tuple[str, ...] = ()
    level: Literal["run", "group"] = "run"
    title: str = ""
    unit: str = ""
    parts: tuple[Part, ...] = ()
    variants: tuple[tuple[str, Options], ...] = (("", ()),)
    alternatives: tuple[tuple[str, Options], ...] = ()

    @property
    def name(self) -> str:
        """The function's name, which is the metric's."""
        return str(self.function.__name__)

    @property
    def per_latent(self) -> bool:
        """Whether it has a number for each latent; an array of several models is one for each."""
        returned = typing.get_type_hints(self.function).get("return")
        return self.level == "run" and typing.get_origin(returned) is np.ndarray

    @property
    def options(self) -> dict[str, Any]:
        """The options that a grid may set, with their defaults."""
        own = {key for _, fixed in self.variants for key, _ in fixed}
        return {
            parameter.name: parameter.default
            for parameter in inspect.signature(self.function).parameters.values()
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY
            and parameter.name not in {*own, *_NOT_OPTIONS}
        }

    def definitions(self, factor_names: Sequence[str] = ()) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield every definition that goes by this name, as its label and options.

        Parameters
        ----------
        factor_names : sequence of str
            Where one is "shape", a metric that can leave factors out is also given without it.
        """
        for label, options in self.alternatives or ((self.name, ()),):
            yield label, dict(options)
        if "exclude" in self.options and "shape" in factor_names:
            shape = list(factor_names).index("shape")
            for label, options in self.alternatives:
                yield f"{label}, without shape", {**dict(options), "exclude": (shape,)}

    def labels(self, definition: str) -> list[str]:
        """Return what the values of a definition are called: one, or one of each output."""
        return [f"{definition}: {output}" for output in self.outputs] or [definition]

    def check_options(self, options: Mapping[str, Any]) -> None:
        """Refuse options that the metric does not have, or values that it cannot do anything with.

        Raises
        ------
        ValueError
            In one line that names the option and what it takes.
        """
        known = self.options
        hints = typing.get_type_hints(self.function)
        for key, value in options.items():
            if key not in known:
                listed = ", ".join(known) or "none"
                raise ValueError(f"{self.name} has no option {key!r}; known are {listed}")
            low, high = _BOUNDS.get(key, (-math.inf, math.inf))
            hint, number = hints[key], type(value) in (int, float)
            inside = not number or low <= value <= high
            if inside and _fits(value, hint):
                continue
            wanted = _said(hint) + (f" from {low:,} to {high:,}" if key in _BOUNDS else "")
            shown = repr(value) if len(repr(value)) < 80 else f"{repr(value)[:77]}..."
            # To YAML 1e4 is no whole number.
            meant = number and inside and value % 1 == 0 and _fits(int(value), hint)
            remedy = f"; write {int(value)}" if meant else ""
            raise ValueError(f"{self.name}: {key} must be {wanted}, not {shown}{remedy}")


def _fits(value: Any, hint: Any) -> bool:
    """Return whether a plain value (what YAML gives) is of an option's type."""
    origin = typing.get_origin(hint)
    if origin is Literal:
        return value in typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, branch) for branch in typing.get_args(hint))
    if origin is not None and issubclass(origin, Sequence):
        (inner,) = {*typing.get_args(hint)} - {Ellipsis}
        return isinstance(value, list | tuple) and all(_fits(item, inner) for item in value)
    if hint is float:
        # A whole number may be too large for `isfinite`.
        return type(value) in (int, float) and abs(value) <= sys.float_info.max
    return type(value) is hint


def _said(hint: Any) -> str:
    """Return a type in the words of a grid's author."""
    origin = typing.get_origin(hint)
    if origin is Literal:
        return "one of " + ", ".join(repr(choice) for choice in typing.get_args(hint))
    if origin in (typing.Union, types.UnionType):
        branches = [branch for branch in typing.get_args(hint) if branch is not types.NoneType]
        return " or ".join(_said(branch) for branch in branches)
    if origin is not None:
        return f"a list, each {_said(typing.get_args(hint)[0])}"
    return {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}[hint]
