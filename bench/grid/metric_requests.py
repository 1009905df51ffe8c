"""Which metrics a grid asks for, checked before anything is trained."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import Field

from .._siblings import metrics
from ..errors import GridError, OwnCodeError
from .fields import Frozen
from .imported_metric import foreign_metric
from .own_code import is_own, pinned
from .problems import did_you_mean
from .specs import KINDS

# A metric's name is a column of tables.
NAME = re.compile(r"[A-Za-z]\w{0,60}", re.ASCII)
# Columns that say what a run is, or that every run has.
RESERVED = {name for spec in KINDS.values() for name in spec.model_fields} | {
    "run_id",
    "group_id",
    "label",
    "dataset_options",
    "precision",
    "execution",
    "evaluation_images",
    "evaluation_seed",
    "dataset_images",
    "folder",
    "reconstruction",
    "kl",
}
# Options that say how sure a value is, not which value it is.
_NO_PART_OF_THE_NAME = ("bootstrap",)


class MetricRequest(Frozen):
    """A metric by name, with its options, or with the pinned name of the function that it is."""

    name: str
    options: dict[str, Any] = Field(default_factory=dict)
    function: str | None = None

    @property
    def info(self) -> metrics.MetricInfo:
        """The registry's entry, or one made of the function from outside."""
        if self.function is not None:
            return foreign_metric(self.name, self.function)
        return metrics.METRICS[self.name]

    def without_interval(self) -> MetricRequest:
        """Return the same metric without resampling, whose value is the same."""
        options = {key: v for key, v in self.options.items() if key not in _NO_PART_OF_THE_NAME}
        return self.model_copy(update={"options": options})


def metric_requests(
    entries: Sequence[str | dict[str, Any]] | dict[str, str],
    source: str = "grid",
    *,
    allow_imports: bool = False,
) -> list[MetricRequest]:
    """Return the metrics that a grid asks for, each with its checked options.

    Parameters
    ----------
    entries : sequence or dict
        A grid's `metrics`: names, mappings of a name and its options, or mappings of a name of
        one's own to "package.module:function".
    source : str
        What to call the grid in errors.
    allow_imports : bool
        Whether functions from outside may be imported; they are pinned by today's source.

    Returns
    -------
    list of MetricRequest
        Without repetitions.

    Raises
    ------
    GridError
        If a metric or an option is unknown, or a function may not or cannot be imported.
    """
    if isinstance(entries, dict):
        entries = [{name: function} for name, function in entries.items()]
    requests: dict[str, MetricRequest] = {}
    for position, entry in enumerate(entries):
        path = f"metrics.{position}"
        request = _metric_request(entry, path, source, allow_imports)
        column = column_name(request, "", {})
        if requests.setdefault(column, request) != request:
            reason = f"another entry makes the column {column!r} too; keep one of them"
            raise GridError(source, path, reason)
    return list(requests.values())


def check_excluded(
    requests: Iterable[MetricRequest],
    factors: Sequence[tuple[Sequence[str], Sequence[int]]],
    source: str,
) -> None:
    """Refuse to leave out a factor that no dataset has, or all that a metric could be of.

    What one dataset of several lacks needs no leaving out there.

    Parameters
    ----------
    requests : iterable of MetricRequest
        Metrics with their options.
    factors : sequence of tuple
        Names and sizes of the factors of every dataset.
    source : str
        What to call the grid in errors.

    Raises
    ------
    GridError
        With the metric, what is excluded, and what there is.
    """
    known = {name for names, _ in factors for name in names}
    most = max((len(names) for names, _ in factors), default=0)
    for request in requests:
        path = f"metrics: {request.name}.exclude"
        excluded = request.options.get("exclude", ())
        for name in excluded:
            if isinstance(name, str) and name not in known:
                meant = did_you_mean(name, known) or f"; known are {', '.join(sorted(known))}"
                raise GridError(source, path, f"no dataset has the factor {name!r}{meant}")
            if isinstance(name, int) and not 0 <= name < most:
                reason = f"no dataset has a factor {name}; they are counted from 0 to {most - 1}"
                raise GridError(source, path, reason)
        if excluded and not any(_are_left(excluded, *dataset) for dataset in factors):
            reason = "leaves no factor that varies; leave fewer out"
            raise GridError(source, path, reason)


def _are_left(excluded: Sequence[Any], names: Sequence[str], sizes: Sequence[int]) -> bool:
    """Return whether factors are left that have more than one value."""
    factors = enumerate(zip(names, sizes, strict=True))
    return any(
        size > 1 and name not in excluded and place not in excluded
        for place, (name, size) in factors
    )


def column_name(request: MetricRequest, suffix: str, fixed: Mapping[str, Any]) -> str:
    """Return the column of a request: the function, its variant, and the options that were chosen.

    Examples
    --------
    >>> column_name(MetricRequest(name="dci", options={"learner": "extra_trees"}), "", {})
    'dci_extra_trees'
    >>> column_name(MetricRequest(name="mig", options={"exclude": [0]}), "posterior", {})
    'mig_posterior_exclude_0'
    """
    parts = [request.name, suffix]
    for key, value in sorted(request.options.items()):
        if key in fixed or key in _NO_PART_OF_THE_NAME:
            continue
        if isinstance(value, bool):
            parts.append(key if value else f"not_{key}")
        elif isinstance(value, str):
            parts.append(value)
        else:
            listed = value if isinstance(value, list | tuple) else [value]
            parts.append("_".join([key, *map(str, listed)]))
    return "_".join(part for part in parts if part)


def _metric_request(
    entry: str | dict[str, Any], path: str, source: str, allow_imports: bool
) -> MetricRequest:
    options = {"name": entry} if isinstance(entry, str) else dict(entry)
    outside = [key for key, value in options.items() if isinstance(value, str) and is_own(value)]
    if "name" in outside:
        reason = "is a function from outside, which needs a name for its column"
        raise GridError(source, path, f"{options['name']} {reason}: {{mine: {options['name']}}}")
    if len(options) == 1 and outside:
        return _foreign_request(outside[0], options[outside[0]], path, source, allow_imports)
    if outside and "name" not in options:
        reason = f"{options[outside[0]]} is a function from outside, which takes no options"
        raise GridError(source, path, reason)
    name = options.pop("name", None)
    if not isinstance(name, str):
        raise GridError(source, path, "must be a metric's name or a mapping with 'name'")
    if name not in metrics.METRICS:
        known = ", ".join(metrics.METRICS)
        meant = did_you_mean(name, metrics.METRICS)
        raise GridError(source, path, f"unknown metric {name!r}{meant or f'; known are {known}'}")
    try:
        metrics.METRICS[name].check_options(_with_positions(options))
    except (ValueError, TypeError) as error:
        raise GridError(source, path, str(error)) from None
    return MetricRequest(name=name, options=options)


def _foreign_request(
    name: str, function: str, path: str, source: str, allow_imports: bool
) -> MetricRequest:
    taken = name in RESERVED or any(f"{name}_".startswith(f"{own}_") for own in metrics.METRICS)
    if taken or not NAME.fullmatch(name):
        reason = f"{name!r} must be a name of letters, digits and _ that nothing else has"
        raise GridError(source, path, reason)
    try:
        reference = pinned(function, allow_imports=allow_imports)
        # To refuse before anything is trained what is no metric.
        foreign_metric(name, reference)
    except OwnCodeError as error:
        raise GridError(source, path, str(error)) from None
    return MetricRequest(name=name, function=reference)


def _with_positions(options: dict[str, Any]) -> dict[str, Any]:
    """Put a position for each factor that is excluded by its name: metrics know positions only."""
    excluded = options.get("exclude")
    if not isinstance(excluded, list):
        return options
    return {**options, "exclude": [0 if isinstance(name, str) else name for name in excluded]}
