"""Collect a store into tidy tables, sorted by spec, without times or host names."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any

import pandas as pd
from pydantic import BaseModel

from ..grid import KINDS, SPEC_ADAPTER, BaseSpec, Codes, OwnVAESpec, VAESpec, sort_key
from ..scoring import read_group_scores, read_variants, run_entries, total
from ..store import MADE_WITH, ScoreEntry, Source, StoredRun, shown_runs, trained_groups
from ..store.during_training import COLUMNS
from ..uncollected import uncollected
from .names import model_names
from .summary import differences, summarise

# The columns of `runs.csv` that come before the scores; what a kind does not have stays empty.
_FIRST = [
    "run_id",
    "dataset",
    "dataset_options",
    "kind",
    "seed",
    "steps",
    "beta",
    "beta_start",
    "beta_end",
    "gamma",
    "capacity",
    "anneal_steps",
    "likelihood",
    "precision",
]
_LAST = (
    "evaluation_images",
    "evaluation_seed",
    "dataset_images",
    "execution",
    "group_id",
    "label",
)
_SPEC_COLUMNS = tuple(
    dict.fromkeys(
        name
        for cls in KINDS.values()
        for name in cls.model_fields
        if cls is not OwnVAESpec
        and name not in ("kind", "dataset", "seed", "evaluation", "name", "content")
    )
)
# There only where a run has an objective by own code.
_OWN_OBJECTIVE = ("objective", "objective_options")
_DESCRIBED = frozenset((*_FIRST, *_LAST, *_SPEC_COLUMNS, *_OWN_OBJECTIVE, "folder"))
# Settings of single kinds, beside those that all trained VAEs share.
_OWN = frozenset((*_SPEC_COLUMNS, *_OWN_OBJECTIVE)) - VAESpec.model_fields.keys()


@dataclass(frozen=True, repr=False)
class Tables:
    """Tidy tables of everything that an output folder holds.

    Attributes
    ----------
    runs : DataFrame
        One row per finished run: what it is, then its scores.
    summary : DataFrame
        Long: group, precision, metric; mean over seeds with its interval.
    differences : DataFrame
        Long: group, metric; difference from the `vae` group of the same settings, paired by seed.
    kl_per_dimension : DataFrame
        Long: run_id, latent, kl (nats), sigma (mean σ of the posterior, NaN where it was never
        scored).
    history : DataFrame
        Training curves of all runs below one another, with `run_id`.
    scores : DataFrame
        Long: run_id, metric, value, its interval and spread over resampling, its value for codes
        that know nothing (chance) and for perfect ones (ceiling), why there is none, warnings,
        options, detail per factor or latent.
    variants : DataFrame
        Long: run_id, metric, label, value; what else goes by the metric's name, same codes.
    failures : DataFrame
        What gave no result and why.
    provenance : DataFrame
        Every combination of data, code, versions and device that runs came from.
    scores_during_training : DataFrame
        Long: run_id, step, metric, value, of the runs that were scored on the way.
    folders : tuple of str
        Of several folders: their names, in the order they were given in.
    repeated : DataFrame
        Of several folders: the runs that two have with different results, those that count and
        those that do not, with their scores.
    notices : tuple of str
        Of several folders: what has to be known of them before any number.
    """

    runs: pd.DataFrame
    summary: pd.DataFrame
    differences: pd.DataFrame
    kl_per_dimension: pd.DataFrame
    history: pd.DataFrame
    scores: pd.DataFrame
    variants: pd.DataFrame
    failures: pd.DataFrame
    provenance: pd.DataFrame
    scores_during_training: pd.DataFrame = field(default_factory=pd.DataFrame)
    folders: tuple[str, ...] = ()
    repeated: pd.DataFrame = field(default_factory=pd.DataFrame)
    notices: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Return the names of the tables with their rows and columns, in a line."""
        held = {one.name: getattr(self, one.name) for one in fields(self)}
        shapes = [
            f"{name} {len(frame)}×{frame.shape[1]}"
            for name, frame in held.items()
            if isinstance(frame, pd.DataFrame) and frame.shape[1]
        ]
        of = f" of {', '.join(self.folders)}" if self.folders else ""
        return f"<{type(self).__name__}{of}: {', '.join(shapes)}>"

    @property
    def metrics(self) -> list[str]:
        """The columns of `runs` that are measured, in their order."""
        return _measured(self.runs)


@uncollected()
def collect(store: Source, found: Iterable[StoredRun]) -> Tables:
    """Read a store into tables.

    Parameters
    ----------
    store : Store
        An output folder.
    found : iterable of StoredRun
        Its runs.

    Returns
    -------
    Tables
        Rows sorted by spec: the same runs give the same tables, whatever order they ended in.

    Raises
    ------
    DamagedError
        If a training history, or scores on the way, are not what was committed.
    """
    stored = sorted(found, key=lambda run: sort_key(run.spec))
    by_others = {
        name: entries
        for group in trained_groups(stored)
        for name, entries in read_group_scores(store, group).items()
    }
    shown = {run.run_id for run in shown_runs(store, stored)}
    rows, kl, scores, histories, variants, on_the_way = [], [], [], [], [], []
    for run in stored:
        entries = [*run_entries(store, run), *by_others.get(run.run_id, [])]
        compared = read_variants(store, run) if run.run_id in shown else {}
        variants += [
            (run.run_id, metric, label, value)
            for metric, values in compared.items()
            for label, value in values.items()
        ]
        scores += [_score_row(run.run_id, entry) for entry in entries]
        values: dict[str, Any] = {entry.column: entry.value for entry in entries}
        per_latent = values.pop("kl_per_dimension", None) or []
        sigmas = values.pop("posterior_std_per_dimension", None) or ()
        scalars = {
            key: v
            for key, v in values.items()
            if key not in _DESCRIBED and (v is None or isinstance(v, int | float))
        }
        rows.append(
            {
                **_describe(run),
                "reconstruction": run.manifest.reconstruction,
                "kl": total(per_latent),
                **scalars,
            }
        )
        pairs = zip(per_latent, [*sigmas, *[None] * len(per_latent)], strict=False)
        kl += [(run.run_id, z, *pair) for z, pair in zip(run.latent_names, pairs, strict=False)]
        history = run.history()
        if history is not None:
            histories.append(history.assign(run_id=run.run_id))
        scored = run.scores_during_training()
        if scored is not None:
            on_the_way.append(scored.assign(run_id=run.run_id)[_ON_THE_WAY])
    runs = pd.DataFrame(rows, columns=None if rows else [*_FIRST, *_LAST])
    runs["label"] = model_names(runs).astype("str")
    # A column that no run has a value in is of no type: make it one of numbers.
    empty = [name for name in runs if runs[name].isna().all()]
    runs = runs.astype(dict.fromkeys(empty, "float64"))
    metrics = _measured(runs)
    score_table = pd.DataFrame(scores, columns=[*_SCORE_COLUMNS]).astype(_SCORE_NUMBERS)
    return Tables(
        runs=runs,
        summary=_with_levels(summarise(runs, metrics), runs, score_table),
        differences=differences(runs, metrics, ignore=_OWN),
        kl_per_dimension=pd.DataFrame(kl, columns=_KL_COLUMNS).astype({"sigma": "float64"}),
        history=_concatenate(histories),
        scores=score_table,
        variants=pd.DataFrame(variants, columns=["run_id", "metric", "label", "value"]),
        failures=_failures(store),
        provenance=_provenance(stored),
        scores_during_training=(
            pd.concat(on_the_way, ignore_index=True)
            if on_the_way
            else pd.DataFrame(columns=_ON_THE_WAY)
        ),
    )


_ON_THE_WAY = ["run_id", *COLUMNS]
_KL_COLUMNS = ["run_id", "latent", "kl", "sigma"]
# What the manifest of a shared copy has: significant bits of codes, most rows of curves.
_SHARED = ("code_bits", "history_rows")


def _measured(runs: pd.DataFrame) -> list[str]:
    return [name for name in runs.columns if name not in _DESCRIBED]


def _describe(run: StoredRun) -> dict[str, Any]:
    spec, execution = run.spec, run.manifest.execution
    own = _own_columns(type(spec))
    described = {
        "run_id": run.run_id,
        "dataset": spec.dataset.name,
        "dataset_options": json.dumps(spec.dataset.options, sort_keys=True),
        "kind": spec.kind,
        "seed": spec.seed,
        **{name: getattr(spec, name) if name in own else None for name in _SPEC_COLUMNS},
        **_own_objective(spec),
        "precision": run.precision,
        "evaluation_images": str(spec.evaluation.images),
        "evaluation_seed": spec.evaluation.seed,
        "dataset_images": run.manifest.dataset.n_images,
        "execution": f"{execution.device} threads={execution.threads} "
        f"pack={len(execution.pack)} torch={run.manifest.versions.torch}",
        "group_id": run.group_id,
        # What its maker calls it; `model_names` knows the others.
        "label": spec.title if isinstance(spec, Codes | OwnVAESpec) else "",
        **_folder(run),
    }
    order = dict.fromkeys([*_FIRST, *described])
    return {name: described[name] for name in order}


def _own_objective(spec: BaseSpec) -> dict[str, str]:
    if not isinstance(spec, OwnVAESpec):
        return {}
    options = json.dumps(spec.options, sort_keys=True)
    return dict(zip(_OWN_OBJECTIVE, (spec.objective, options), strict=True))


@cache
def _own_columns(kind: type[BaseSpec]) -> frozenset[str]:
    """Return the settings that a kind of run has: fields, and what is the same for all of it.

    Asking a run for what it does not have takes twenty times as long.
    """
    there = (name for name in _SPEC_COLUMNS if name in kind.model_fields or hasattr(kind, name))
    return frozenset(there)


def _folder(run: StoredRun) -> dict[str, str]:
    """Return which of several joined folders a run is of."""
    return {"folder": run.origin} if run.origin else {}


_SCORE_COLUMNS = (
    "run_id",
    "metric",
    "value",
    "low",
    "high",
    "resampling_std",
    "chance",
    "ceiling",
    "reason",
    "warnings",
    "options",
    "detail",
)
# Also where no run has one. A value may be a list.
_SCORE_NUMBERS = dict.fromkeys(("low", "high", "resampling_std", "chance", "ceiling"), "float64")


def _score_row(run_id: str, entry: ScoreEntry) -> dict[str, Any]:
    detail = dict(entry.detail or {})
    row = {name: getattr(entry, name, None) for name in _SCORE_COLUMNS}
    return row | {
        "run_id": run_id,
        "metric": entry.column,
        "resampling_std": detail.pop("resampling_std", None),
        "detail": detail,
    }


def _with_levels(summary: pd.DataFrame, runs: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Add what the scores of a group know beside their values.

    `std` is over training seeds; `resampling_std`, the root mean square over the group's runs, is
    that of the metric itself.
    """
    keys = ["group_id", "precision", "metric"]
    known = ["resampling_std", "chance", "ceiling"]
    if summary.empty:
        return summary.assign(**dict.fromkeys(known, pd.Series(dtype="float64")))
    joined = scores.merge(runs[["run_id", "group_id", "precision"]], on="run_id")
    joined[known] = joined[known].astype("float64")
    joined["resampling_std"] **= 2
    means = joined.groupby(keys, sort=False)[known].mean().reset_index()
    means["resampling_std"] **= 0.5
    return summary.merge(means, on=keys, how="left")


def _concatenate(histories: Sequence[pd.DataFrame]) -> pd.DataFrame:
    if not histories:
        return pd.DataFrame(columns=["run_id", "step", "loss", "reconstruction", "kl", "beta", "c"])
    whole = pd.concat(histories, ignore_index=True)
    controls = {name: float("nan") for name in ("beta", "c") if name not in whole}
    return whole.assign(**controls)


def _failures(store: Source) -> pd.DataFrame:
    records = [(SPEC_ADAPTER.validate_python(f["spec"]), f) for f in store.failures()]
    records.sort(key=lambda record: sort_key(record[0]))
    rows = [
        {
            "run_id": failure["run_id"],
            "dataset": spec.dataset.name,
            "kind": spec.kind,
            "seed": spec.seed,
            "label": spec.title,
            "reason": failure["reason"],
        }
        for spec, failure in records
    ]
    columns = ["run_id", "dataset", "kind", "seed", "label", "reason"]
    return pd.DataFrame(rows, columns=columns)


def _named(record: BaseModel, names: Sequence[str]) -> dict[str, Any]:
    """Return what a part of a manifest, which may list anything, says under these names."""
    found = record.model_dump(include={*names}, exclude_unset=True)
    return {name: found[name] for name in names if name in found}


def _provenance(stored: Sequence[StoredRun]) -> pd.DataFrame:
    rows = [
        {
            **_folder(run),
            "dataset": run.spec.dataset.name,
            "fingerprint": run.fingerprint,
            "code": run.manifest.git_commit,
            **_named(run.manifest.versions, MADE_WITH),
            "device": run.manifest.execution.device_name,
            **_named(run.manifest.shared, _SHARED),
        }
        for run in stored
    ]
    frame = pd.DataFrame(rows)
    if frame.empty:
        return frame
    # Without a checkout there is no commit: the rest counts all the same.
    return frame.value_counts(sort=False, dropna=False).reset_index(name="runs")
