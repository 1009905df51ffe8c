"""Score codes from elsewhere in an output folder, with the same pipeline as all runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from .._siblings import metrics
from ..engines import LocalEngine, usable_cpus
from ..grid import MetricRequest, check_excluded, metric_requests
from ..report import build
from ..scoring import ONE_SEED, drop_superseded, note_unscored, score_stored
from ..store import Store, StoredRun
from ..tables import collect
from .arrays import CodesArrays
from .commit import ExternalCodes, commit_codes
from .details import COLUMNS, detail_rows

# Left out by default above so many images: with chance and ceiling they take minutes.
SLOW_ABOVE = {"dci": 50_000, "explicitness": 50_000}


@dataclass(frozen=True)
class Scores:
    """What codes score.

    Attributes
    ----------
    scores : DataFrame
        A row for every score: model, seed, metric, value, its interval over resampling (low, high,
        resampling_std) where one was asked for, the value of codes that know nothing (chance) and
        of perfect ones (ceiling), why there is no value (reason), warnings, options. A metric of a
        number for each latent has its numbers in `details`.
    details : DataFrame
        What scores are means of: model, seed, metric, detail, latent, factor, value.
    failed : int
        Models where a score could not be computed.
    report : Path or None
        The page, where it was asked for.
    """

    scores: pd.DataFrame
    details: pd.DataFrame
    failed: int
    report: Path | None


def score_models(
    folder: Path,
    models: Sequence[ExternalCodes],
    requests: Sequence[MetricRequest] | None,
    *,
    workers: int = 1,
    page: bool = True,
) -> Scores:
    """Store codes as runs of an output folder, and score them.

    Parameters
    ----------
    folder : Path
        An output folder, new or there.
    models : sequence of ExternalCodes
        The codes.
    requests : sequence of MetricRequest, optional
        The metrics; by default all, less the slow ones where there are many images.
    workers : int
        Processes.
    page : bool
        Whether to write tables, figures and page.

    Raises
    ------
    CodesError, StoreError
        If the folder has other codes by a model's name and seed, or cannot be used.
    GridError
        If a metric is to leave out a factor that no codes have, or all.
    """
    factors = [(model.codes.factor_names, model.entry["factor_sizes"]) for model in models]
    check_excluded(requests or [], factors, "metrics")
    store = Store(folder, create=True)
    with store.lock():
        taken = {(run.group_id, run.spec.seed): run.run_id for run in store.scan()[0]}
        runs = [store.run(commit_codes(store, model, taken)) for model in models]
        stored = store.runs()
        n_images = max(len(model.codes.means) for model in models)
        wanted, slow = _affordable(requests, n_images)
        drop_superseded(store, stored, {run.run_id for run in runs}, wanted)
        with _threads(1 if workers > 1 else usable_cpus()):
            failed = score_stored(store, stored, runs, wanted, LocalEngine(workers))
        sizes = Counter(run.group_id for run in stored)
        for run in runs:
            if run.run_id not in failed:
                alone = sizes[run.group_id] < 2
                note_unscored(store, run, slow | (_of_groups(wanted) if alone else {}))
        # Scoring sets aside what it finds damaged.
        stored = [run for run in stored if store.has(run.run_id)]
        tables = collect(store, stored)
        report = build(store, runs=stored, tables=tables) if page else None
        scores, details = _tables(tables.scores, runs, models)
    return Scores(scores, details, len(failed & {run.run_id for run in runs}), report)


def _threads(n_threads: int) -> AbstractContextManager[Any]:
    """Let what takes threads of joblib's, such as trees, have so many in this process."""
    # Imported here: it comes with scikit-learn, and takes as long as the rest of this module.
    import joblib

    threads: AbstractContextManager[Any] = joblib.parallel_config("threading", n_jobs=n_threads)
    return threads


def _affordable(
    requests: Sequence[MetricRequest] | None, n_images: int
) -> tuple[list[MetricRequest], dict[str, str]]:
    """Return what to compute, and which metrics are left out, with the reason."""
    if requests is not None:
        return list(requests), {}
    reasons = {
        name: f"slow for more than {limit:,} images; computed where it is asked for by its name"
        for name, limit in SLOW_ABOVE.items()
        if n_images > limit
    }
    return metric_requests([name for name in metrics.METRICS if name not in reasons]), reasons


def _of_groups(requests: Sequence[MetricRequest]) -> dict[str, str]:
    return {request.name: ONE_SEED for request in requests if request.info.level == "group"}


def _tables(
    table: pd.DataFrame, runs: Sequence[StoredRun], models: Sequence[ExternalCodes]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the scores of the models, and what they are means of, out of `Tables.scores`."""
    scores, details = [], []
    for run, model in zip(runs, models, strict=True):
        part = table[table["run_id"] == run.run_id]
        details += [
            (model.name, model.seed, *row)
            for entry in part.to_dict("records")
            for row in _details(entry, model.codes)
        ]
        own = part.drop(columns=["run_id", "detail"])
        reasons = [_reason(entry) for entry in part.to_dict("records")]
        scores.append(
            own.assign(
                model=model.name, seed=model.seed, reason=pd.Series(reasons, own.index, object)
            )
        )
    whole = pd.concat(scores, ignore_index=True)
    value = whole["value"].map(lambda value: None if isinstance(value, list) else value)
    numbers = ["value", "low", "high", "resampling_std", "chance", "ceiling"]
    order = dict.fromkeys(["model", "seed", *whole])
    return (
        whole.assign(value=value)[[*order]].astype(dict.fromkeys(numbers, "float64")),
        pd.DataFrame(details, columns=["model", "seed", *COLUMNS]),
    )


def _reason(entry: Mapping[Any, Any]) -> str | None:
    """Return why there is no value: what a metric warned of says more than that it is undefined."""
    if isinstance(entry["value"], list) or not pd.isna(entry["value"]):
        return None
    warned = "; ".join(entry["warnings"] or ())
    return warned or entry["reason"] or "is undefined for these codes"


def _details(entry: Mapping[Any, Any], codes: CodesArrays) -> list[tuple[Any, ...]]:
    detail = dict(entry["detail"])
    if isinstance(entry["value"], list):
        detail["per_latent"] = entry["value"]
    varies = [] if codes.factors is None else (codes.factors != codes.factors[0]).any(0)
    varying = [name for name, found in zip(codes.factor_names, varies, strict=True) if found]
    excluded = (entry["options"] or {}).get("exclude", ())
    names = codes.latent_names, codes.factor_names
    return list(detail_rows(entry["metric"], detail, *names, varying, excluded))
