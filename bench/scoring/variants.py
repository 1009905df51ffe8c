"""Score variants: other published definitions under a metric's name, on the same codes."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .._siblings import metrics
from ..grid import MetricRequest
from ..store import Source, Store, StoredRun
from .evaluate import arrays_of, by_position, columns_of, handed, isolated, plain
from .keys import of_scope, request_key, variants_name

log = logging.getLogger("disbench")


def missing_variants(store: Store, run: StoredRun, requests: Iterable[MetricRequest]) -> list[str]:
    """Return the metrics whose other definitions a run has no stored values of."""
    stored = read_variants(store, run)
    several = [r.name for r in of_scope("run", requests) if len(r.info.alternatives) > 1]
    return [name for name in dict.fromkeys(several) if name not in stored]


def score_variants(store: Store, run: StoredRun, requests: Iterable[MetricRequest]) -> None:
    """Compute and store what else goes by the names of the metrics, on the codes of a run.

    A definition that is a score of the run already is not computed again.
    """
    stored = read_variants(store, run)
    scores = store.read_scores(run.run_id, run.codes_digest)
    arrays = {key: handed(array) for key, array in arrays_of(run).items()}
    with metrics.shared():
        for name in missing_variants(store, run, requests):
            same = [r for r in of_scope("run", requests) if r.name == name]
            known = _known(same, scores, run.factor_names)
            names = {"factor_names": run.factor_names, "known": known}
            try:
                with isolated():
                    found = metrics.compare_variants(name, **arrays, **names)
            except Exception:
                # The score itself has the reason.
                log.debug("%s", name, exc_info=True)
                found = {}
            stored[name] = {label: plain(value) for label, value in found.items()}
    store.write_scores(variants_name(run), run.codes_digest, stored)


def read_variants(store: Source, run: StoredRun) -> dict[str, dict[str, float]]:
    """Return metric to label to value, of what `score_variants` stored."""
    return store.read_scores(variants_name(run), run.codes_digest)


def _known(
    requests: Sequence[MetricRequest], scores: Mapping[str, Any], factor_names: Sequence[str]
) -> dict[str, float]:
    """Return the definitions of a metric that are among a run's scores: label to value."""
    info = requests[0].info
    values = [found for r in requests for found in _values(r, scores, factor_names)]
    known: dict[str, float] = {}
    for label, options in info.definitions(factor_names):
        of_label = next((found for of, found in values if of == _full(info, options)), None)
        if of_label is not None:
            known.update(zip(info.labels(label), of_label, strict=True))
    return known


def _values(
    request: MetricRequest, scores: Mapping[str, Any], factor_names: Sequence[str]
) -> Iterator[tuple[dict[str, Any], list[float]]]:
    """Yield all options of each variant that has stored values, and these, one of every output."""
    info, entries = request.info, scores.get(request_key(request), ())
    stored = {e["column"]: e["value"] for e in entries if isinstance(e["value"], int | float)}
    chosen = by_position(request.options, factor_names)
    for suffix, fixed in info.variants:
        columns = columns_of(request, suffix, dict(fixed))
        if stored.keys() >= set(columns):
            yield _full(info, {**chosen, **dict(fixed)}), [float(stored[name]) for name in columns]


def _full(info: metrics.MetricInfo, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return all options that a value depends on, those with their default too."""
    parameters = inspect.signature(info.function).parameters.values()
    full = {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}
    full.update(options)
    # An interval is around the same value; log-variances are those of the run.
    for name in ("bootstrap", "logvars"):
        full.pop(name, None)
    return {key: tuple(v) if isinstance(v, list) else v for key, v in full.items()}
