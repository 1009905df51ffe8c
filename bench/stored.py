"""A committed run as it is read: nothing of it is believed before its checksum is verified."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import ValidationError

from .files import DamagedError, read_json, sha256
from .hdf5 import UNREADABLE, read_array
from .records import check_manifest
from .snapshots import Snapshots, read_snapshots
from .specs import SPEC_ADAPTER, RunSpec, group_id, run_id

FORMAT = 1
CODES = "latents.h5"
CURVES = "history.csv"
SNAPSHOTS = "snapshots.h5"
# By far the largest file of a run, which may be left out of a folder that is passed on: tables,
# figures and page come from codes, curves and decoded frames.
WEIGHTS = "model.pt"
# Without its checksum a flipped bit is read back as a number like any other.
_PACKED: dict[str, Any] = {
    "fletcher32": True,
    "shuffle": True,
    "compression": "gzip",
    "track_times": False,
}


@dataclass(frozen=True)
class Latents:
    """The codes of a run's evaluation images; codes from elsewhere may bring their factors too."""

    indices: NDArray[np.int64]
    means: NDArray[np.float32]
    logvars: NDArray[np.float32] | None
    factors: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class StoredRun:
    """A committed run: its manifest, and its files by way of their checksums."""

    folder: Path
    manifest: dict[str, Any]

    @cached_property
    def spec(self) -> RunSpec:
        """The run's specification."""
        return SPEC_ADAPTER.validate_python(self.manifest["spec"])

    @property
    def run_id(self) -> str:
        """The run's identity, which is its folder's name."""
        return self.folder.name

    @property
    def codes(self) -> str:
        """The checksum of its codes, which names what a score is of."""
        return str(self.manifest["files"][CODES]["sha256"])

    @property
    def files(self) -> list[str]:
        """The run's files: all that were committed, but for what was left out.

        That may be weights, and the codes of a baseline, which nothing has to be trained for.
        """
        may_be = (WEIGHTS, CODES) if self.is_baseline else (WEIGHTS,)
        return [
            name
            for name in self.manifest["files"]
            if name not in may_be or os.path.lexists(self.folder / name)
        ]

    @property
    def is_baseline(self) -> bool:
        """Whether no training made its codes."""
        return self.spec.kind.startswith("baseline_")

    def has(self, name: str) -> bool:
        """Return whether the run has a file of that name."""
        return name in self.files

    def path(self, name: str) -> Path:
        """Return the path of one of the run's files once its content is verified.

        Raises
        ------
        DamagedError
            If the file is missing or is not what was committed.
        """
        path = self.folder / name
        if not path.is_file() or sha256(path) != self.manifest["files"][name]["sha256"]:
            raise DamagedError(f"{path}: is missing or does not match its checksum")
        return path

    def latents(self) -> Latents:
        """Read the codes.

        Raises
        ------
        DamagedError
            If they are not what was committed, or were left out.
        """
        if not self.has(CODES):
            raise DamagedError(
                f"{self.folder}: its codes were left out; a start of its grid with another metric "
                f"makes them"
            )
        path = self.path(CODES)
        try:
            with h5py.File(path, "r") as file:
                logvars, factors = (
                    read_array(file, name) if name in file else None
                    for name in ("logvars", "factors")
                )
                indices, means = read_array(file, "indices"), read_array(file, "means")
                found = Latents(indices, means, logvars, factors)
        except UNREADABLE as error:
            raise DamagedError(f"{path}: has no codes that can be read: {error}") from None
        shape = (len(found.indices), len(self.manifest["latent_names"]))
        tables = [table for table in (found.means, logvars) if table is not None]
        labels = (len(found.indices), len(self.manifest["dataset"]["factor_names"]))
        if factors is not None and (factors.shape != labels or factors.dtype != np.int64):
            raise DamagedError(f"{path}: has factors of another shape or type than it should")
        if found.indices.dtype != np.int64 or any(
            table.shape != shape or table.dtype != np.float32 for table in tables
        ):
            raise DamagedError(f"{path}: has codes of another shape or type than its manifest says")
        return found

    def history(self) -> pd.DataFrame | None:
        """Read the training curves, where there are any.

        Raises
        ------
        DamagedError
            If they are not what was committed.
        """
        if not self.has(CURVES):
            return None
        path = self.path(CURVES)
        try:
            # As text first: some versions of pandas read numbers with the last digit off.
            return pd.read_csv(path, dtype=str).astype("float64")
        except UNREADABLE as error:
            raise DamagedError(f"{path}: has no curves that can be read: {error}") from None

    def snapshots(self) -> Snapshots | None:
        """Read what the model made of fixed images during training, where there is any.

        Raises
        ------
        DamagedError
            If it is not what was committed.
        """
        if not self.has(SNAPSHOTS):
            return None
        path = self.path(SNAPSHOTS)
        try:
            return read_snapshots(path)
        except UNREADABLE as error:
            raise DamagedError(f"{path}: has no images that can be read: {error}") from None


def codes_bytes(latents: Latents, level: int = 1) -> bytes:
    """Return codes as the bytes of an HDF5 file, every part of it with its checksum.

    As bytes of equal weight lie together, gzip's fastest level leaves two thirds of the size, and
    higher ones hardly less; of rounded codes they leave 5% to 8% less.
    """
    # In memory: HDF5 answers a full disk with a segmentation fault, a plain file does not.
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for field in fields(Latents):
            values = getattr(latents, field.name)
            if values is not None:
                file.create_dataset(field.name, data=values, compression_opts=level, **_PACKED)
    return buffer.getvalue()


def read_run(folder: Path) -> StoredRun:
    """Read the manifest of a run folder and check that it is of this run and this format.

    Raises
    ------
    DamagedError
        If the manifest, or the size of a file that it lists, is not what was committed.
    """
    try:
        run = StoredRun(folder, read_json(folder / "manifest.json"))
        check_manifest(run.manifest)
        if folder.is_symlink():
            raise DamagedError("is a link, not a run folder")
        if run.manifest["format"] != FORMAT:
            raise DamagedError(f"has format {run.manifest['format']}, not {FORMAT}")
        identities = run_id(run.spec), group_id(run.spec)
        if identities != (run.manifest["run_id"], run.manifest["group_id"]):
            raise DamagedError("its specification is not that of its run id")
        if folder.name != identities[0]:
            raise DamagedError("its name is not its run id")
        if CODES not in run.manifest["files"]:
            raise DamagedError("it has no codes")
        for name in run.files:
            entry = run.manifest["files"][name]
            # Of a link this is the link's own size: what lies elsewhere is not of this run.
            if (folder / name).lstat().st_size != entry["bytes"]:
                raise DamagedError(f"{name} has not the size it was committed with")
    except (OSError, ValidationError, DamagedError) as error:
        raise DamagedError(f"{folder}: is not a readable run: {error}") from None
    return run
