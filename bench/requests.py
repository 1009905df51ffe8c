"""Which metrics a grid asks for, checked before anything is trained."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pydantic import Field

from ._siblings import metrics
from .errors import GridError
from .foreign import REFERENCE, foreign_metric
from .specs import Frozen

# A metric's name is a column of tables.
NAME = re.compile(r"[A-Za-z]\w{0,60}", re.ASCII)


class MetricRequest(Frozen):
    """A metric by name, with its options, or with the function from outside that it is."""

    name: str
    options: dict[str, Any] = Field(default_factory=dict)
    function: str | None = None

    @property
    def info(self) -> Any:
        """The registry's entry, or one made of the function from outside."""
        if self.function is not None:
            return foreign_metric(self.name, self.function)
        return metrics.METRICS[self.name]


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
        Whether functions from outside may be imported.

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
    requests: list[MetricRequest] = []
    for position, entry in enumerate(entries):
        request = _metric_request(entry, f"metrics.{position}", source, allow_imports)
        if request not in requests:
            requests.append(request)
    return requests


def _metric_request(
    entry: str | dict[str, Any], path: str, source: str, allow_imports: bool
) -> MetricRequest:
    options = {"name": entry} if isinstance(entry, str) else dict(entry)
    values = list(options.values())
    if len(values) == 1 and isinstance(values[0], str) and REFERENCE.fullmatch(values[0]):
        return _foreign_request(next(iter(options)), values[0], path, source, allow_imports)
    name = options.pop("name", None)
    if not isinstance(name, str):
        raise GridError(source, path, "must be a metric's name or a mapping with 'name'")
    if name not in metrics.METRICS:
        known = ", ".join(metrics.METRICS)
        raise GridError(source, path, f"unknown metric {name!r}; known are {known}")
    try:
        metrics.METRICS[name].check_options(_with_positions(options))
    except (ValueError, TypeError) as error:
        raise GridError(source, path, str(error)) from None
    return MetricRequest(name=name, options=options)


def _foreign_request(
    name: str, function: str, path: str, source: str, allow_imports: bool
) -> MetricRequest:
    if not NAME.fullmatch(name) or name in metrics.METRICS:
        reason = f"{name!r} must be a name of letters, digits and _ that no other metric has"
        raise GridError(source, path, reason)
    if not allow_imports:
        reason = f"{function} is code from outside; --allow-imports lets the grid import it"
        raise GridError(source, path, reason)
    request = MetricRequest(name=name, function=function)
    try:
        request.info  # noqa: B018 - imports it, to refuse it before anything is trained
    except ValueError as error:
        raise GridError(source, path, str(error)) from None
    return request


def _with_positions(options: dict[str, Any]) -> dict[str, Any]:
    """Put a position for each factor that is excluded by its name: metrics know positions only."""
    excluded = options.get("exclude")
    if not isinstance(excluded, list):
        return options
    return {**options, "exclude": [0 if isinstance(name, str) else name for name in excluded]}
