"""Options that are the same in many metrics, given by a decorator."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any


def add_option(wrapper: Callable[..., Any], function: Callable[..., Any], text: str) -> None:
    """Let a wrapper appear as its function with one more keyword, an integer or None.

    Parameters
    ----------
    wrapper, function : callable
        The wrapper, as `functools.wraps` leaves it, and what it wraps.
    text : str
        The option's entry among the parameters of a docstring, its name the first word.
    """
    name, annotation = text.split()[0], "int | None"
    keyword = inspect.Parameter.KEYWORD_ONLY
    signature = inspect.signature(function)
    option = inspect.Parameter(name, keyword, default=None, annotation=annotation)
    parameters = [*signature.parameters.values(), option]
    wrapper.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    wrapper.__annotations__ = {**function.__annotations__, name: annotation}
    before, heading, after = (function.__doc__ or "").partition("\n\n    Returns\n")
    lines = "".join(f"\n    {line}" for line in text.splitlines())
    wrapper.__doc__ = f"{before}{lines}{heading}{after}"
