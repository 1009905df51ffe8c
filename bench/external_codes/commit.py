"""Store codes that were made elsewhere as runs of an output folder."""

from __future__ import annotations

import re
import reprlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CodesError
from ..grid import Codes, DatasetSpec, Evaluation, group_id, run_id
from ..store import MADE_WITH, Result, Store, git_commit, versions
from .arrays import MAX_NAME, CodesArrays

# What no folder can be called, here or on another system.
_NO_FOLDER = re.compile(r'[<>:"/\\|?*]|^[-.~ ]|[. ]$')
_DEVICES = {"con", "prn", "aux", "nul", *(f"{p}{k}" for p in ("com", "lpt") for k in range(1, 10))}
_MAX_FOLDER = 255


def check_name(what: str, name: object, option: str) -> None:
    r"""Refuse a name that tables and pages cannot show.

    Parameters
    ----------
    what, name, option : str
        What has the name, the name, and where it is given.

    Raises
    ------
    CodesError
        If it is blank, too long, or has letters that cannot be printed, as undecodable ones.

    Examples
    --------
    >>> check_name("codes", "\t", "--name")
    Traceback (most recent call last):
    bench.errors.CodesError: codes '\t': must have a name of 1 to 100 printable letters (--name)
    """
    sound = isinstance(name, str) and name.strip() and name.isprintable()
    if not sound or len(str(name)) > MAX_NAME:
        reason = f"must have a name of 1 to {MAX_NAME} printable letters ({option})"
        raise CodesError(f"{what} {reprlib.repr(name)}", "", reason)


def default_folder(name: str) -> Path:
    """Return the folder of codes that none was named for.

    Raises
    ------
    CodesError
        If the name is no name of a folder: it would lie elsewhere, or nowhere.

    Examples
    --------
    >>> default_folder("mine").as_posix()
    'results/mine'
    """
    check_name("codes of", name, "--name")
    taken = name.partition(".")[0].strip().casefold() in _DEVICES
    if taken or _NO_FOLDER.search(name) or len(name.encode()) > _MAX_FOLDER:
        reason = "cannot be the name of a folder in results; name one with --out"
        raise CodesError(f"codes of {reprlib.repr(name)}", "", reason)
    return Path("results") / name


@dataclass(frozen=True)
class ExternalCodes:
    """Codes under a name, and what their images are.

    Attributes
    ----------
    name, seed : str, int
        What tables call the model, and which of its repetitions this is.
    codes : CodesArrays
        The codes.
    dataset, entry : DatasetSpec, dict
        What the images are, and what a manifest says of them.
    evaluation, indices : Evaluation and ndarray, optional
        Which of the dataset's images; all by default.

    Raises
    ------
    CodesError
        If the name, or the dataset's, is none that tables can show.
    """

    name: str
    seed: int
    codes: CodesArrays
    dataset: DatasetSpec
    entry: dict[str, Any]
    evaluation: Evaluation | None = None
    indices: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        check_name("codes of", self.name, "--name")
        check_name("dataset", self.dataset.name, "--dataset")


def commit_codes(store: Store, model: ExternalCodes, taken: dict[tuple[str, int], str]) -> str:
    """Store codes as a run like any other and return its id; the same codes are stored once.

    Parameters
    ----------
    store : Store
        A locked output folder.
    model : ExternalCodes
        The codes.
    taken : dict
        The runs of the folder, group id and seed to run id; these codes are added.

    Raises
    ------
    CodesError
        If the folder has other codes by that name and seed.
    """
    codes = model.codes
    spec = Codes(
        kind="codes",
        dataset=model.dataset,
        seed=model.seed,
        evaluation=model.evaluation or Evaluation(),
        n_latents=codes.means.shape[1],
        name=model.name,
        content=codes.digest,
    )
    if taken.setdefault((group_id(spec), model.seed), run_id(spec)) != run_id(spec):
        raise CodesError(
            str(store.folder),
            "",
            f"has other codes of {model.name!r}, seed {model.seed}; give these another name "
            f"(--name) or folder (--out)",
        )
    if store.has(run_id(spec)):
        return run_id(spec)
    rows = np.arange(len(codes.means)) if model.indices is None else model.indices
    result = Result(
        spec, rows, codes.means, codes.logvars, codes.latent_names, factors=codes.factors
    )
    store.commit(result, {**_record(spec), "dataset": model.entry})
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
        "versions": versions(MADE_WITH, torch="none"),
        "execution": {
            "device": "elsewhere",
            "device_name": "elsewhere",
            "precision": "float32",
            "threads": 0,
            "pack": [run_id(spec)],
        },
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }
