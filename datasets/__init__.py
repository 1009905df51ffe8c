"""Image datasets with known factors of variation: `load(name, **options)`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import (
    arrays,
    ball,
    cars3d,
    color_dsprites,
    dsprites,
    dsprites_without_shape,
    mpi3d,
    noisy_dsprites,
    scream_dsprites,
    shapes3d,
    smallnorb,
    xy_object,
    xy_squares,
)
from ._base import FactorDataset
from ._cache import cache_folder
from ._common import COMMON
from ._own import own_info
from ._registry import DatasetInfo
from .arrays import from_arrays, from_file

__all__ = [
    "DATASETS",
    "DatasetInfo",
    "FactorDataset",
    "cache_folder",
    "from_arrays",
    "from_file",
    "load",
    "own_info",
    "resolve",
    "restore",
    "spelling",
]

DATASETS: dict[str, DatasetInfo] = {
    info.name: info
    for info in (
        dsprites.INFO,
        ball.INFO,
        color_dsprites.INFO,
        noisy_dsprites.INFO,
        dsprites_without_shape.INFO,
        scream_dsprites.INFO,
        xy_squares.INFO,
        xy_object.INFO,
        shapes3d.INFO,
        *mpi3d.INFOS,
        cars3d.INFO,
        smallnorb.INFO,
        arrays.INFO,
    )
}


def load(name: str, **options: Any) -> FactorDataset:
    """Return a dataset by its name, without drawing or reading its images yet.

    Parameters
    ----------
    name : str
        A name of `DATASETS`.
    **options
        The dataset's options; `DATASETS[name].options` lists them with their defaults.

    Returns
    -------
    FactorDataset

    Raises
    ------
    ValueError
        Unknown name or option, a value that the option does not accept, or a file that cannot be
        what it should be.
    FileNotFoundError
        A file that is needed is not there; the message says where it comes from.

    Examples
    --------
    >>> from datasets import load
    >>> ball = load("ball", grid_size=8)
    >>> len(ball), ball.images([0, 63]).shape
    (64, (2, 1, 64, 64))
    """
    info = _info(name)
    values = info.complete(info.written(options))
    info.check(values)
    return info.build(values)


def restore(name: str | DatasetInfo, options: Mapping[str, Any]) -> FactorDataset:
    """Return the dataset of options that `resolve` gave, today or long ago.

    What a name alone means may change: `load("ball")` is another ball than it once was. What
    resolved options mean does not, so a stored run keeps its dataset.

    Parameters
    ----------
    name : str or DatasetInfo
        A name of `DATASETS`, or what `own_info` returned.
    options : mapping
        What `resolve` returned, as it stands in a run's spec.

    Returns
    -------
    FactorDataset

    Raises
    ------
    ValueError, FileNotFoundError
        As `load`.

    Examples
    --------
    >>> from datasets import load, resolve, restore
    >>> resolve("ball", {}), resolve("ball", {"radius": 4})
    ({'radius': 7.5, 'margin': 0.0}, {})
    >>> restore("ball", {}).fingerprint == load("ball", radius=4).fingerprint
    True
    """
    info = _info(name)
    values = info.complete(options)
    return info.build(values)


def spelling(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fewest options that a user has to write for resolved ones.

    Parameters
    ----------
    name : str
        A name of `DATASETS`.
    options : mapping
        What `resolve` returned.

    Returns
    -------
    dict
        Options of which `resolve` makes the same.

    Raises
    ------
    ValueError, FileNotFoundError
        As `load`.

    Examples
    --------
    >>> from datasets import spelling
    >>> spelling("ball", {"radius": 7.5, "margin": 0.0}), spelling("ball", {})
    ({}, {'radius': 4.0})
    """
    info = _info(name)
    written = {key: v for key, v in info.complete(options).items() if v is not None}
    for key in tuple(written):
        rest = {other: value for other, value in written.items() if other != key}
        try:
            same = info.non_default(info.complete(info.written(rest))) == options
        except ValueError:
            # Without it the others do not fit together: it has to be written.
            continue
        if same:
            written = rest
    return written


def resolve(name: str | DatasetInfo, options: Mapping[str, Any]) -> dict[str, Any]:
    """Check a dataset's name and options without drawing anything, in one canonical form.

    Parameters
    ----------
    name : str or DatasetInfo
        A name of `DATASETS`, or what `own_info` returned.
    options : mapping
        Options as a user wrote them.

    Returns
    -------
    dict
        The options that differ from their default; equal spellings (4 and 4.0) give equal values,
        `source: auto` is settled. `restore(name, resolve(name, options))` is the same dataset.

    Raises
    ------
    ValueError
        Unknown name or option, a value that the option does not accept, or a file that cannot be
        what the option asks for.
    FileNotFoundError
        A file that an option names is not there.

    Examples
    --------
    >>> from datasets import resolve
    >>> resolve("ball", {"radius": 5, "grid_size": 16})
    {'radius': 5.0, 'grid_size': 16}
    """
    info = _info(name)
    values = info.complete(info.written(options))
    info.check(values)
    settled = info.non_default(values)
    if settled.keys() & COMMON.keys():
        info.build(values)  # refuses what does not fit the images or the factors
    return settled


def _info(name: str | DatasetInfo) -> DatasetInfo:
    if isinstance(name, DatasetInfo):
        return name
    if name not in DATASETS:
        raise ValueError(f"unknown dataset {name!r}; known are: {', '.join(DATASETS)}")
    return DATASETS[name]
