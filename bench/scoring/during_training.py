"""Score codes of a model that is still in training: nothing is read, nothing is stored here."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .._siblings import metrics
from ..grid import MetricRequest
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
        Column to value; NaN where there is none.
    """
    with metrics.shared():
        entries = [
            entry
            for request in of_scope("run", requests)
            if not request.info.per_latent
            for entry in score_request(request.without_interval(), arrays, factor_names)
        ]
    return {
        entry["column"]: math.nan if entry["value"] is None else float(entry["value"])
        for entry in entries
    }
