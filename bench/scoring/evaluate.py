"""Evaluate one metric on arrays. An error in it affects no other metric.

A metric gets views of read-only arrays, numpy with its default settings, and warnings that are not
errors. So it computes the same whatever the metric before it did.
"""

from __future__ import annotations

import dataclasses
import logging
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from .._siblings import metrics
from ..errors import Stopped, named, said
from ..grid import Codes, ForeignError, MetricRequest, column_name
from ..store import SCORED_WITH, StoredRun, versions

log = logging.getLogger("disbench")
# The codes of a run and the factors of its images, by the names that metrics give them.
Arrays = Mapping[str, Any]
Entry = dict[str, Any]
# These stop the process; they are no failure of the metric.
_NOT_THE_METRIC = (KeyboardInterrupt, Stopped)
# The most latents that a message about values that are not finite names.
_NAMED = 5


def arrays_of(run: StoredRun) -> Arrays:
    """Return the codes of a run and the factors of its images.

    Raises
    ------
    DamagedError
        If the codes are not what was committed.
    """
    latents = run.latents()
    factors = latents.factors
    # Codes from elsewhere have their own factors, or none, and so have those of own datasets.
    if factors is None and not isinstance(run.spec, Codes):
        factors = run.spec.dataset.load().factors(latents.indices)
    return {"means": latents.means, "logvars": latents.logvars, "factors": factors}


def score_request(
    request: MetricRequest, arrays: Arrays, factor_names: Sequence[str]
) -> list[Entry]:
    """Return every variant of a metric, and every output of a variant, as plain JSON values."""
    info = request.info
    chosen = by_position(request.options, factor_names)
    entries = []
    for suffix, fixed in info.variants:
        columns = columns_of(request, suffix, dict(fixed))
        entries += evaluate(info, {**chosen, **dict(fixed)}, arrays, columns)
    common = {"options": request.options, "versions": versions(SCORED_WITH)}
    return [{**common, **entry} for entry in entries]


def columns_of(request: MetricRequest, suffix: str, fixed: Mapping[str, Any]) -> list[str]:
    """Return the columns of a variant of a metric, one for every output."""
    column = column_name(request, suffix, dict(fixed))
    return [f"{column}_{output}" for output in request.info.outputs] or [column]


def by_position(options: Mapping[str, Any], factor_names: Sequence[str]) -> dict[str, Any]:
    """Replace names of factors by their columns; what a dataset does not have needs no leaving out.

    A grid may have datasets with other factors: shape is left out where there is one.
    """
    if "exclude" not in options:
        return dict(options)
    known = {name: place for place, name in enumerate(factor_names)}
    places = [known.get(name, name) for name in options["exclude"]]
    return {**options, "exclude": [place for place in places if isinstance(place, int)]}


# The reason that begins so is no fault: codes of this kind have no such array.
NOT_GIVEN = "the run has no "
ONE_SEED = "compares several seeds of one model, and there is one"


def evaluate(
    info: metrics.MetricInfo, options: Mapping[str, Any], arrays: Arrays, columns: Sequence[str]
) -> list[Entry]:
    """Call a metric and return an entry for each of its columns.

    Parameters
    ----------
    info : MetricInfo
        The metric.
    options : mapping
        Its options; with the estimator "posterior" it is given the log-variances too.
    arrays : mapping
        What the metric requires, or None where there is none; of a group a sequence of arrays.
    columns : sequence of str
        One for each output, or for each model of a group.

    Returns
    -------
    list of dict
        Plain JSON values. Where there is no score, `value` is None and `reason` says why; `retry`
        is there if that does not lie in the data, so that another start may have one.
    """
    posterior = options.get("estimator") == "posterior"
    needed = [*info.requires, *(["logvars"] if posterior else [])]
    absent = [name for name in needed if arrays[name] is None]
    if absent:
        return _without(columns, f"{NOT_GIVEN}{absent[0]}")
    started = time.monotonic()
    try:
        given = {name: handed(arrays[name]) for name in needed}
        if posterior:
            options = {**options, "logvars": given["logvars"]}
        with isolated() as caught, metrics.details() as detail:
            value = info.function(*(given[name] for name in info.requires), **options)
        entries = _entries(info, value, detail, columns)
    except _NOT_THE_METRIC:
        raise
    except BaseException as error:
        # Also SystemExit, and what else a function from outside raises in place of an Exception.
        log.debug("%s", info.name, exc_info=True)
        if isinstance(error, ForeignError):
            return _without(columns, said(error), retry=True)
        if isinstance(error, ValueError):
            return _without(columns, said(error))
        return _without(columns, named(error), retry=True)
    common = {
        "warnings": [str(w.message) for w in caught if w.category is metrics.MetricWarning],
        "seconds": round(time.monotonic() - started, 3),
    }
    return [{**entry, **common} for entry in entries]


@contextmanager
def isolated() -> Iterator[list[warnings.WarningMessage]]:
    """Compute as in a fresh process, and collect what metrics warn of.

    Code from outside may have told numpy to raise, or Python to make errors of warnings.
    """
    with (
        np.errstate(divide="warn", over="warn", under="ignore", invalid="warn"),
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", metrics.MetricWarning)
        yield caught


def handed(array: Any) -> Any:
    """Return an array, or a group's arrays, as a metric is given it.

    It is read-only, and a metric that changes its shape changes it for no other.
    """
    if array is None:
        return None
    if isinstance(array, list | tuple):
        return [handed(part) for part in array]
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view


def plain(value: Any) -> Any:
    """Return a value as JSON has it: lists for arrays, None for what is not finite."""
    if isinstance(value, np.ndarray):
        return [plain(item) for item in value.tolist()]
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _without(columns: Sequence[str], reason: str, **more: Any) -> list[Entry]:
    return [{"column": name, "value": None, "reason": reason, **more} for name in columns]


def _entries(
    info: metrics.MetricInfo, value: Any, detail: Mapping[str, Any], columns: Sequence[str]
) -> list[Entry]:
    """Return what a metric returned, column by column."""
    found, interval = dict(detail), {}
    if info.outputs:
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        values = [fields.pop(output) for output in info.outputs]
        found.update(fields)
    elif info.level == "group":
        values = list(value)
    else:
        if isinstance(value, tuple):
            value, low, high = value
            interval = {"low": plain(low), "high": plain(high)}
        values = [value]
    common = {"detail": {key: plain(part) for key, part in found.items()}, **interval}
    return [
        {"column": column, **_scored(one), **common}
        for column, one in zip(columns, values, strict=True)
    ]


def _scored(value: Any) -> Entry:
    """Return a number, or a number for each latent, and why there is none where one is not finite.

    One that is missing among a list would be missing from its sum, and it would not be noticed.
    """
    numbers = np.asarray(value, np.float64)
    wrong = np.flatnonzero(~np.isfinite(numbers))
    if not len(wrong):
        return {"value": plain(value), "reason": None}
    kind = "not a number" if np.isnan(numbers.flat[wrong[0]]) else "infinite"
    if numbers.ndim:
        more = ", …" if len(wrong) > _NAMED else ""
        kind += f" in latent {', '.join(map(str, wrong[:_NAMED]))}{more} (counted from 0)"
    return {"value": None, "reason": f"the value is {kind}"}
