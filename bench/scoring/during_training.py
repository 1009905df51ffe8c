"""Score codes of a model that is still in training: nothing is read, nothing is stored here."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .._siblings import metrics
from ..grid import MetricRequest, short_digest
from .evaluate import Arrays, score_request
from .keys import of_scope


def scores_on_the_way(
    requests: Sequence[MetricRequest], arrays: Arrays, factor_names: Sequence[str]
) -> dict[str, float]:
    """Return what codes score by the metrics of single runs that give one number.

    Parameters
    ----------
    requests : sequence of MetricRequest
        Metrics; no interval over resampling is computed, whether asked for or not.
    arrays : mapping
        means and logvars, each (N, D), and factors, (N, K).
    factor_names : sequence of str
        K names.

    Returns
    -------
    dict
        Column to value; NaN where there is none. The column of an own metric has the first digits
        of its source's digest: these scores are stored with the run, and never computed again.
    """
    with metrics.shared():
        entries = [
            (_column(request, entry["column"]), entry["value"])
            for request in of_scope("run", requests)
            if not request.info.per_latent
            for entry in score_request(request.without_interval(), arrays, factor_names)
        ]
    return {column: math.nan if value is None else float(value) for column, value in entries}


def _column(request: MetricRequest, column: str) -> str:
    return column if request.function is None else f"{column}@{short_digest(request.function)}"
