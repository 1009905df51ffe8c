"""Options that decorators add to a metric, which its source does not show, such as `bootstrap`."""

import importlib
import inspect
from typing import Any

import griffe


class Options(griffe.Extension):
    """Give functions the signature and the docstring that they have when they are imported."""

    def on_function(self, *, func: griffe.Function, **_: Any) -> None:
        """Add what a decorator added."""
        if func.docstring is None or not func.path.startswith("metrics."):
            return
        real = getattr(importlib.import_module(f"disbench.{func.module.path}"), func.name, None)
        if not hasattr(real, "__wrapped__"):
            return
        func.docstring.value = inspect.getdoc(real) or ""
        for name, parameter in inspect.signature(real).parameters.items():
            if name not in func.parameters:
                func.parameters.add(
                    griffe.Parameter(
                        name,
                        kind=griffe.ParameterKind.keyword_only,
                        default=repr(parameter.default),
                    )
                )
