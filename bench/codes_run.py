"""Codes that were made elsewhere, as runs of an output folder like any others."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from .codes import MAX_NAME, CodesArrays
from .errors import CodesError
from .origin import git_commit
from .outcome import Result
from .specs import Codes, DatasetSpec, Evaluation, group_id, run_id
from .store import Store


def commit_codes(
    store: Store,
    codes: CodesArrays,
    *,
    name: str,
    seed: int,
    dataset: DatasetSpec,
    entry: dict[str, Any],
    evaluation: Evaluation | None = None,
    indices: NDArray[np.int64] | None = None,
) -> str:
    """Store codes as a run like any other and return its id; the same codes are stored once.

    Parameters
    ----------
    store : Store
        A locked output folder.
    codes : CodesArrays
        The codes.
    name, seed : str, int
        What tables call the model, and which of its repetitions this is.
    dataset, entry : DatasetSpec, dict
        What the images are, and what a manifest says of them.
    evaluation, indices : Evaluation and ndarray, optional
        Which of the dataset's images; all by default.

    Raises
    ------
    CodesError
        If the name is none, or the folder has other codes by that name and seed.
    """
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        reason = f"must have a name of 1 to {MAX_NAME} printable letters (--name)"
        raise CodesError(f"codes of {name[:MAX_NAME]!r}", "", reason)
    spec = Codes(
        kind="codes",
        dataset=dataset,
        seed=seed,
        evaluation=evaluation or Evaluation(),
        n_latents=codes.means.shape[1],
        name=name,
        content=codes.digest,
    )
    for run in store.scan()[0]:
        same = (run.manifest["group_id"], run.spec.seed) == (group_id(spec), seed)
        if same and run.run_id != run_id(spec):
            raise CodesError(
                str(store.folder),
                "",
                f"has other codes of {name!r}, seed {seed}; give these another name (--name) or "
                f"folder (--out)",
            )
    if store.has(run_id(spec)):
        return run_id(spec)
    rows = np.arange(len(codes.means)) if indices is None else indices
    result = Result(
        spec, rows, codes.means, codes.logvars, codes.latent_names, factors=codes.factors
    )
    store.commit(result, {**_record(spec), "dataset": entry})
    return run_id(spec)


def dataset_entry(codes: CodesArrays) -> dict[str, Any]:
    """Return what a manifest says of images that only their factors are known of."""
    return {
        "fingerprint": f"factors/1/{codes.labels_digest}",
        "n_images": len(codes.means),
        "image_shape": None,
        "factor_names": list(codes.factor_names),
        "factor_sizes": list(codes.factor_sizes),
    }


def _record(spec: Codes) -> dict[str, Any]:
    """Return how the codes came about, as far as is known: not here."""
    return {
        "group_id": group_id(spec),
        "git_commit": git_commit(),
        "versions": {
            "python": platform.python_version(),
            "torch": "none",
            "numpy": np.__version__,
            "h5py": h5py.__version__,
        },
        "execution": {
            "device": "elsewhere",
            "device_name": "elsewhere",
            "precision": "float32",
            "threads": 0,
            "pack": [run_id(spec)],
        },
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }
