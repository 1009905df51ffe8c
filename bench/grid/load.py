"""Load a grid from a file or plain data, and validate it down to the last run.

Every problem is a `GridError` of one line: file, path in it, reason and, where there is one, the
remedy. Reading a grid loads neither torch nor scikit-learn, so a bad one is refused at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..errors import GridError, OwnCodeError
from .config import MODEL_KEYS, TRAIN_KEYS, Grid
from .dataset_entries import anchored
from .dataset_spec import Evaluation
from .expand import expand
from .fields import Frozen
from .metric_requests import MetricRequest, check_excluded, metric_requests
from .own_code import own_object, pinned
from .problems import first_problem, shape_problem, unknown_key
from .yaml_text import read_text, read_yaml


def load_grid(path: str | Path, *, allow_imports: bool = False) -> Grid:
    """Read and validate a grid file, down to the last run it expands to.

    Parameters
    ----------
    path : str or Path
        A YAML 1.2 file; docs/grids.md has its keys. Relative paths in it start at its folder.
    allow_imports : bool
        Whether what the grid names of its author's own may be imported: objectives, architectures,
        datasets, metrics and figures.

    Returns
    -------
    Grid
        Frozen; `expand` gives its runs.

    Raises
    ------
    GridError
        If the file cannot be read or anything in it cannot be run. The message is one line.
    """
    source = str(path)
    data = anchored(read_yaml(read_text(path), source), Path(path).absolute().parent)
    return parse_grid(data, source, allow_imports=allow_imports)


def parse_grid(data: object, source: str = "grid", *, allow_imports: bool = False) -> Grid:
    """Validate plain data (what YAML or JSON gives) as a grid; `source` names it in errors."""
    if not isinstance(data, Mapping):
        raise GridError(source, "", "must be a mapping with the keys name, datasets, seeds, models")
    _check_keys(data, Grid, "", source)
    if (problem := shape_problem(data)) is not None:
        raise GridError(source, *problem)
    _check_keys(data.get("evaluation", {}), Evaluation, "evaluation.", source)
    try:
        grid = Grid.model_validate(data)
    except ValidationError as error:
        path, reason = first_problem(error)
        raise GridError(source, path, reason) from None
    specs = expand(grid, source, allow_imports=allow_imports)
    for position, figure in enumerate(grid.figures):
        _check_figure(figure, f"figures.{position}", source, allow_imports=allow_imports)
    requests = metric_requests(grid.metrics, source, allow_imports=allow_imports)
    if grid.metrics_at is not None and not any(map(_is_one_number, requests)):
        reason = "there is nothing to compute on the way; name a metric that gives one number"
        raise GridError(source, "metrics_at", reason)
    references = dict.fromkeys(spec.dataset for spec in specs)
    loaded = [ref.load(allow_imports=allow_imports) for ref in references]
    check_excluded(requests, [(data.factor_names, data.factor_sizes) for data in loaded], source)
    return grid


def _check_figure(name: str, path: str, source: str, *, allow_imports: bool) -> None:
    try:
        found = own_object(pinned(name, allow_imports=allow_imports))
    except OwnCodeError as error:
        raise GridError(source, path, str(error)) from None
    if not callable(found):
        raise GridError(source, path, f"{name} is not a function, which draws a figure")


def _is_one_number(request: MetricRequest) -> bool:
    """Return whether a metric gives a single model a number, not one for each latent."""
    return request.info.level == "run" and not request.info.per_latent


def _check_keys(data: Mapping[Any, Any], model: type[Frozen], place: str, source: str) -> None:
    """Refuse keys that are not there, and say where they belong."""
    elsewhere = {"train": TRAIN_KEYS, "an entry of models": MODEL_KEYS}
    for key in data:
        if key not in model.model_fields:
            reason = unknown_key(str(key), model.model_fields, elsewhere)
            raise GridError(source, f"{place}{key}", reason)
