"""Runs, scores and failures -> tidy frames and CSV files. Sorted by spec; no times, no hosts."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from .files import replacing
from .specs import KINDS, SPEC_ADAPTER, sort_key
from .store import Store, StoredRun

_SPEC_COLUMNS = tuple(
    dict.fromkeys(
        name
        for cls in KINDS.values()
        for name in cls.model_fields
        if name not in ("kind", "dataset", "seed", "evaluation")
    )
)


def write_tables(store: Store) -> pd.DataFrame:
    """Write `runs.csv`, `kl_per_dimension.csv` and `failures.csv`; return the first as a frame."""
    runs = sorted(store.scan()[0], key=lambda run: sort_key(run.spec))
    rows, kl = [], []
    for run in runs:
        scores = [s for entries in store.read_scores(run.run_id).values() for s in entries]
        values = {score["column"]: score["value"] for score in scores}
        per_latent = values.pop("kl_per_dimension", None)
        rows.append({**_describe(run), "kl": sum(per_latent) if per_latent else None, **values})
        names = run.manifest["latent_names"]
        kl += [(run.run_id, name, v) for name, v in zip(names, per_latent or (), strict=False)]
    frame = pd.DataFrame(rows)
    failures = [
        {"run_id": f["run_id"], "kind": f["spec"]["kind"], "reason": f["reason"]}
        for f in sorted(
            store.failures(), key=lambda f: sort_key(SPEC_ADAPTER.validate_python(f["spec"]))
        )
    ]
    _write(store, "runs", frame)
    _write(store, "kl_per_dimension", pd.DataFrame(kl, columns=["run_id", "latent", "kl"]))
    _write(store, "failures", pd.DataFrame(failures, columns=["run_id", "kind", "reason"]))
    return frame


def _describe(run: StoredRun) -> dict[str, Any]:
    spec = run.spec
    return {
        "run_id": run.run_id,
        "group_id": run.manifest["group_id"],
        "dataset": spec.dataset.name,
        "dataset_options": json.dumps(spec.dataset.options, sort_keys=True),
        "kind": spec.kind,
        "seed": spec.seed,
        **{name: getattr(spec, name, None) for name in _SPEC_COLUMNS},
        "evaluation_images": str(spec.evaluation.images),
        "precision": run.manifest["execution"]["precision"],
        "reconstruction": run.manifest["reconstruction"],
    }


def _write(store: Store, name: str, frame: pd.DataFrame) -> None:
    with replacing(store.folder / "tables" / f"{name}.csv") as staged:
        frame.to_csv(staged, index=False, lineterminator="\n")
