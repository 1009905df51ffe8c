"""MetricInfo: what a reader and a runner need to know about a metric."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Invariance = Literal["sample_order", "latent_order", "sign", "scale", "relabelling"]


@dataclass(frozen=True)
class MetricInfo:
    """A metric and what is promised about it.

    Attributes
    ----------
    name : str
        The function's name.
    function : callable
        Takes what `requires` lists, in that order, and keyword options.
    higher_is_better : bool or None
        None where neither direction is better.
    range : tuple of float or None
        Least and greatest value; None where open.
    requires : tuple of str
        Positional arguments out of means, logvars, factors.
    variants : dict
        Column suffix to the options of that variant; one empty entry where there is only one.
    invariances : tuple of str
        What changes nothing.
    reference : str
        Where it is defined.
    description : str
        One sentence for a report.
    """

    name: str
    function: Callable[..., Any]
    higher_is_better: bool | None
    range: tuple[float | None, float | None]
    requires: tuple[str, ...]
    invariances: tuple[Invariance, ...]
    reference: str
    description: str
    level: Literal["run", "group"] = "run"
    variants: tuple[tuple[str, tuple[tuple[str, Any], ...]], ...] = (("", ()),)

    @property
    def options(self) -> dict[str, Any]:
        """The options that a grid may set, with their defaults."""
        parameters = inspect.signature(self.function).parameters.values()
        own = {key for _, fixed in self.variants for key, _ in fixed} | {"logvars", "random_state"}
        return {
            p.name: p.default
            for p in parameters
            if p.kind is inspect.Parameter.KEYWORD_ONLY and p.name not in own
        }
