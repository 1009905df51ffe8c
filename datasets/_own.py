"""A dataset that a user's own code makes, with options like those of the suite's datasets."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable

import numpy as np

from ._base import FactorDataset
from ._common import COMMON
from ._options import Option
from ._registry import DatasetInfo, Values

_KINDS = (bool, int, float, str)
# What a grid's entry of a dataset has of its own.
_TAKEN = frozenset({"name", *COMMON})


def own_info(name: str, make: Callable[..., FactorDataset]) -> DatasetInfo:
    """Return what the registry would know of a dataset that a function or a class makes.

    Parameters
    ----------
    name : str
        What to call it.
    make : callable
        Returns a `FactorDataset`, without drawing all of it yet where that takes long. Its
        parameters are the options: each with a default, a number, a text, true or false.

    Returns
    -------
    DatasetInfo
        Like those in `DATASETS`; `resolve` and `restore` take it in place of a name.

    Raises
    ------
    ValueError
        If it cannot be called so, or a parameter is no option.

    Examples
    --------
    >>> from datasets import from_arrays, own_info, restore
    >>> def lines(n: int = 4):
    ...     return from_arrays(np.eye(n)[:, None].repeat(n, 1), np.arange(n))
    >>> restore(own_info("lines", lines), {"n": 8})
    <arrays: 8 images of (1, 8, 8), factor_0 8>
    """
    try:
        parameters = inspect.signature(make).parameters.values()
    except (TypeError, ValueError):
        raise ValueError(f"{name} is no function or class that makes a dataset") from None
    options = {parameter.name: _option(name, parameter) for parameter in parameters}

    def loader(values: Values, options: Values) -> FactorDataset:
        try:
            data = make(**values)
        except (Exception, SystemExit) as error:
            reason = f"{type(error).__name__}: {error}"
            raise ValueError(f"{name} made no dataset: {reason}") from error
        if not isinstance(data, FactorDataset):
            reason = _of_another_copy(type(data))
            raise ValueError(f"{name} made no FactorDataset, but {type(data).__name__}{reason}")
        return data

    def check(values: Values) -> None:
        _check_first(name, loader({key: values[key] for key in options}, {}))

    description = (inspect.getdoc(make) or "a dataset of one's own").splitlines()[0]
    return DatasetInfo(name, description, options, loader, check=check)


def _of_another_copy(found: type) -> str:
    """Return what to write where a class is a `FactorDataset` that was imported by another path.

    In a checkout the package is `datasets`, and installed `disbench.datasets`: there may be both.
    """
    for one in found.__mro__:
        if one.__name__ == "FactorDataset" and one.__module__.endswith("datasets._base"):
            other = one.__module__.removesuffix("._base")
            return f" of another copy of this package, {other}: write from {__package__} import …"
    return ""


def _option(name: str, parameter: inspect.Parameter) -> Option:
    default = parameter.default
    by_name = parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    is_finite = not isinstance(default, float) or math.isfinite(default)
    if not by_name or type(default) not in _KINDS or not is_finite:
        raise ValueError(
            f"{name}: the parameter {parameter.name!r} must have a default that is a number, a "
            f"text, True or False: it is an option of the dataset"
        )
    if parameter.name in _TAKEN:
        raise ValueError(
            f"{name}: every dataset has an option {parameter.name!r}: rename the parameter"
        )
    return Option(default, type(default), "")


def _check_first(name: str, data: FactorDataset) -> None:
    """Refuse a dataset whose first image is none that a model could be trained on."""
    try:
        image, factors = data.images([0]), data.factors([0])
    except (Exception, SystemExit) as error:
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(f"{name} does not give its first image: {reason}") from error
    for what, array, kind, shape in (
        ("images", image, np.uint8, (1, *data.image_shape)),
        ("factors", factors, np.int64, (1, len(data.factor_sizes))),
    ):
        found = getattr(array, "dtype", type(array).__name__), getattr(array, "shape", ())
        if found != (kind, shape):
            raise ValueError(
                f"{name}: {what}([0]) must be {kind.__name__} of shape {shape}, "
                f"not {found[0]} of shape {found[1]}"
            )
