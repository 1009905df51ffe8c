"""Image data sets with known factors of variation: `load(name, **options)`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import arrays, ball, color_dsprites, dsprites, dsprites_without_shape, noisy_dsprites
from ._base import FactorDataset
from ._registry import DatasetInfo
from .arrays import from_arrays, from_file

__all__ = [
    "DATASETS",
    "DatasetInfo",
    "FactorDataset",
    "from_arrays",
    "from_file",
    "load",
    "resolve",
]

DATASETS: dict[str, DatasetInfo] = {
    info.name: info
    for info in (
        dsprites.INFO,
        ball.INFO,
        color_dsprites.INFO,
        noisy_dsprites.INFO,
        dsprites_without_shape.INFO,
        arrays.INFO,
    )
}


def load(name: str, **options: Any) -> FactorDataset:
    """Give a data set by its name, without drawing or reading its images yet.

    Parameters
    ----------
    name : str
        A name of `DATASETS`.
    **options
        The data set's options; `DATASETS[name].options` lists them with their defaults.

    Returns
    -------
    FactorDataset

    Raises
    ------
    ValueError
        Unknown name or option, or a value that the option does not accept.
    FileNotFoundError
        A file that an option names is not there.

    Examples
    --------
    >>> from datasets import load
    >>> ball = load("ball", grid_size=8)
    >>> len(ball), ball.images([0, 63]).shape
    (64, (2, 1, 64, 64))
    """
    info = _info(name)
    values = info.complete(options)
    return info.loader(values, info.non_default(values))


def resolve(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Check a data set's name and options without drawing anything, in one canonical form.

    Parameters
    ----------
    name : str
        A name of `DATASETS`.
    options : mapping
        Options as a user wrote them.

    Returns
    -------
    dict
        The options that differ from their default; equal spellings (4 and 4.0) give equal values,
        `source: auto` is settled. `load(name, **resolve(name, options))` is the same data set.

    Raises
    ------
    ValueError
        Unknown name or option, or a value that the option does not accept.

    Examples
    --------
    >>> from datasets import resolve
    >>> resolve("ball", {"radius": 4, "grid_size": 16})
    {'grid_size': 16}
    """
    info = _info(name)
    return info.non_default(info.complete(options))


def _info(name: str) -> DatasetInfo:
    if name not in DATASETS:
        raise ValueError(f"unknown data set {name!r}; known are: {', '.join(DATASETS)}")
    return DATASETS[name]
