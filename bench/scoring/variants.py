"""Score variants: other published definitions under a metric's name, on the same codes."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from .._siblings import metrics
from ..grid import MetricRequest
from ..store import Source, Store, StoredRun
from .evaluate import arrays_of, handed, isolated, plain
from .keys import of_scope, variants_name

log = logging.getLogger("disbench")


def missing_variants(store: Store, run: StoredRun, requests: Iterable[MetricRequest]) -> list[str]:
    """Return the metrics whose other definitions a run has no stored values of."""
    stored = read_variants(store, run)
    several = [r.name for r in of_scope("run", requests) if len(r.info.alternatives) > 1]
    return [name for name in dict.fromkeys(several) if name not in stored]


def score_variants(store: Store, run: StoredRun, requests: Iterable[MetricRequest]) -> None:
    """Compute and store what else goes by the names of the metrics, on the codes of a run."""
    stored = read_variants(store, run)
    arrays = arrays_of(run)
    for name in missing_variants(store, run, requests):
        given = {key: handed(array) for key, array in arrays.items()}
        try:
            with isolated():
                found = metrics.compare_variants(name, **given, factor_names=run.factor_names)
        except Exception:
            # The score itself has the reason.
            log.debug("%s", name, exc_info=True)
            found = {}
        stored[name] = {label: plain(value) for label, value in found.items()}
    store.write_scores(variants_name(run), run.codes_digest, stored)


def read_variants(store: Source, run: StoredRun) -> dict[str, dict[str, float]]:
    """Return metric to label to value, of what `score_variants` stored."""
    return store.read_scores(variants_name(run), run.codes_digest)
