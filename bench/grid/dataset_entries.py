"""Dataset entries of a grid: resolve their paths, and read their lists as single values."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._siblings import datasets
from .problems import flow


def _options_of(kind: type) -> frozenset[str]:
    infos = datasets.DATASETS.values()
    return frozenset(
        k for info in infos for k, option in info.options.items() if option.kind is kind
    )


# A list is an axis of the grid, but for the options whose value is a list.
LIST_OPTIONS = _options_of(list)
_PATH_OPTIONS = _options_of(Path)


def anchored(grid: Any, folder: Path) -> Any:
    """Return a grid's plain data with the files of its datasets as whole paths.

    Parameters
    ----------
    grid : object
        What YAML gives; whatever is no grid is left for validation to refuse.
    folder : Path
        Where the grid lies, from which relative paths start.

    Examples
    --------
    >>> anchored({"datasets": [{"name": "file", "path": "mine.npz"}]}, Path("/grids"))
    {'datasets': [{'name': 'file', 'path': '/grids/mine.npz'}]}
    """
    if not isinstance(grid, Mapping):
        return grid
    grid = dict(grid)
    if isinstance(grid.get("datasets"), list):
        grid["datasets"] = [_anchored_options(entry, folder) for entry in grid["datasets"]]
    if isinstance(grid.get("models"), list):
        # An entry of `models` may have datasets of its own.
        grid["models"] = [anchored(entry, folder) for entry in grid["models"]]
    return grid


def _anchored_options(entry: Any, folder: Path) -> Any:
    if not isinstance(entry, Mapping):
        return entry
    return {k: _whole(v, folder) if k in _PATH_OPTIONS else v for k, v in entry.items()}


def _whole(path: Any, folder: Path) -> Any:
    if isinstance(path, list):
        return [_whole(one, folder) for one in path]
    # What is whole already stays as it is written: it is part of the identity of stored runs.
    if not isinstance(path, str) or not path or path.startswith("~") or os.path.isabs(path):
        return path
    return os.path.abspath(folder / path)


def axis_hint(known: str | datasets.DatasetInfo, options: Mapping[str, Any]) -> str:
    """Return how to write an axis whose list was put inside a mapping; nothing where none was.

    Parameters
    ----------
    known : str or DatasetInfo
        What `datasets.resolve` takes.
    options : mapping
        What it refused.

    Examples
    --------
    >>> pairs = [["scale", "position_x"]]
    >>> axis_hint("dsprites", {"correlated": {"pairs": pairs, "strength": [0.1, 0.2]}})
    '; to vary strength, list whole mappings: correlated: [{pairs: [[scale, position_x]], \
strength: 0.1}, {pairs: [[scale, position_x]], strength: 0.2}]'
    """
    inside = (
        (key, inner, [{**option, inner: one} for one in values])
        for key, option in options.items()
        if isinstance(option, Mapping)
        for inner, values in option.items()
        if isinstance(values, list)
    )
    for key, inner, whole in inside:
        if whole and all(_accepted(known, {**options, key: one}) for one in whole):
            return f"; to vary {inner}, list whole mappings: {key}: {flow(whole, 300)}"
    return ""


def _accepted(known: str | datasets.DatasetInfo, options: Mapping[str, Any]) -> bool:
    try:
        datasets.resolve(known, options)
    except (ValueError, TypeError, OSError):
        return False
    return True


def blamed(error: Exception, options: Mapping[str, Any], paths: Mapping[str, str]) -> str | None:
    """Return the path of the option that a dataset complains of: by its name, or by its value."""
    texts = [key for key, value in options.items() if isinstance(value, str)]
    # A file's name is longer than that of an array in it.
    texts.sort(key=lambda key: -len(options[key]))
    said = str(error)
    named = [key for key in options if f"'{key}'" in said]
    named += [key for key in texts if f"'{options[key]}'" in said]
    named += [key for key in texts if options[key] in said]
    return paths[named[0]] if named else None
