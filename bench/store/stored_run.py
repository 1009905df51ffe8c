"""StoredRun: a committed run, whose content is checked against its checksums when it is read."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import ValidationError

from ..grid import SPEC_ADAPTER, Precision, RunSpec, identities
from .during_training import parse_scores_text
from .files import MAX_BYTES, MAX_TEXT, DamagedError, read_bytes, read_json, sha256
from .hdf5 import UNREADABLE, dump, form, load
from .schema import Manifest, parse_manifest
from .snapshots import Snapshots, read_snapshots
from .tensors import read_tensors

FORMAT = 1
CODES = "latents.h5"
CURVES = "history.csv"
SNAPSHOTS = "snapshots.h5"
ON_THE_WAY = "scores_during_training.csv"
# By far the largest file of a run. A shared copy may leave it out: tables, figures and page come
# from codes, curves and decoded frames.
WEIGHTS = "model.pt"
# Without its checksum a flipped bit is read back as a number like any other.
_PACKED: dict[str, Any] = {"fletcher32": True, "shuffle": True, "compression": "gzip"}


@dataclass(frozen=True)
class Latents:
    """The codes of a run's evaluation images, and their factors where no dataset here has them.

    Codes from elsewhere may bring them, and own datasets are not imported to score a run.
    """

    indices: NDArray[np.int64] = field(metadata=form(np.int64, "N"))
    means: NDArray[np.float32] = field(metadata=form(np.float32, "ND"))
    logvars: NDArray[np.float32] | None = field(metadata=form(np.float32, "ND?"))
    factors: NDArray[np.int64] | None = field(default=None, metadata=form(np.int64, "NK?"))


@dataclass(frozen=True)
class StoredRun:
    """A committed run: its manifest, and its files by way of their checksums.

    Where several output folders are joined, `origin` names the one that it is of.
    """

    folder: Path
    manifest: Manifest
    origin: str = ""

    @cached_property
    def spec(self) -> RunSpec:
        """The run's specification."""
        return SPEC_ADAPTER.validate_python(self.manifest.spec)

    @property
    def run_id(self) -> str:
        """The run's identity, which is its folder's name."""
        return self.folder.name

    @property
    def group_id(self) -> str:
        """The identity of the model that the run is one seed of."""
        return self.manifest.group_id

    @property
    def precision(self) -> Precision:
        """The precision of training, which no summary pools with another."""
        return self.manifest.execution.precision

    @property
    def fingerprint(self) -> str:
        """What the images were, as their dataset had it."""
        return self.manifest.dataset.fingerprint

    @property
    def factor_names(self) -> list[str]:
        """The names of the dataset's factors."""
        return self.manifest.dataset.factor_names

    @property
    def latent_names(self) -> list[str]:
        """The names of the latents."""
        return self.manifest.latent_names

    @property
    def codes_digest(self) -> str:
        """The checksum of its codes, which names what a score is of."""
        return self.manifest.files[CODES].sha256

    @property
    def files(self) -> list[str]:
        """The run's files: all that were committed, but for what was left out.

        That may be weights, and the codes of a baseline, which nothing has to be trained for.
        """
        return [name for name in self.manifest.files if self.has(name)]

    @property
    def is_baseline(self) -> bool:
        """Whether no training made its codes."""
        return self.spec.kind.startswith("baseline_")

    def has(self, name: str) -> bool:
        """Return whether the run has a file of that name."""
        if name not in self.manifest.files:
            return False
        may_be_left_out = name == WEIGHTS or (name == CODES and self.is_baseline)
        return not may_be_left_out or os.path.lexists(self.folder / name)

    def verify(self, name: str) -> None:
        """Make sure that one of the run's files is what was committed.

        Raises
        ------
        DamagedError
            If it is not.
        """
        with self._believed(name):
            self._compare(name, sha256(self.folder / name))

    def content(self, name: str, limit: int = MAX_BYTES) -> bytes:
        """Return the content of one of the run's files.

        Raises
        ------
        DamagedError
            If the file is missing, is not what was committed, or has more than `limit` bytes.
        """
        with self._believed(name):
            found = read_bytes(self.folder / name, limit)
            # Check the bytes that are returned, as the file may have been replaced by now.
            self._compare(name, hashlib.sha256(found).hexdigest())
        return found

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
        n_latents = len(self.latent_names)
        n_factors = len(self.factor_names)
        with self._parsed(CODES, "codes"):
            return load(self.content(CODES), Latents, D=n_latents, K=n_factors)

    def history(self) -> pd.DataFrame | None:
        """Read the training curves, where there are any.

        Raises
        ------
        DamagedError
            If they are not what was committed.
        """
        if not self.has(CURVES):
            return None
        with self._parsed(CURVES, "curves"):
            # As text first: some versions of pandas read numbers with the last digit off.
            text = io.BytesIO(self.content(CURVES, MAX_TEXT))
            history = pd.read_csv(text, dtype=str).astype("float64")
            _check_history(history, len(self.latent_names))
        return history

    def snapshots(self) -> Snapshots | None:
        """Read what the model made of fixed images during training, where there is any.

        Raises
        ------
        DamagedError
            If it is not what was committed.
        """
        if not self.has(SNAPSHOTS):
            return None
        with self._parsed(SNAPSHOTS, "images"):
            return read_snapshots(self.content(SNAPSHOTS), len(self.latent_names))

    def weights(self) -> dict[str, NDArray[np.float32]] | None:
        """Read the model's weights by name, without torch; None where there is none or left out.

        Raises
        ------
        DamagedError
            If they are not what was committed.
        """
        if not self.has(WEIGHTS):
            return None
        with self._parsed(WEIGHTS, "weights"):
            return read_tensors(self.content(WEIGHTS))

    def scores_during_training(self) -> pd.DataFrame | None:
        """Read what the run was scored by on the way, where it was: `step`, `metric`, `value`.

        Raises
        ------
        DamagedError
            If it is not what was committed.
        """
        if not self.has(ON_THE_WAY):
            return None
        with self._parsed(ON_THE_WAY, "scores"):
            return parse_scores_text(self.content(ON_THE_WAY, MAX_TEXT))

    @contextmanager
    def _believed(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = f"is missing or cannot be read: {error.strerror}"
            raise DamagedError(f"{self.folder / name}: {reason}") from None

    def _compare(self, name: str, digest: str) -> None:
        if digest != self.manifest.files[name].sha256:
            raise DamagedError(f"{self.folder / name}: does not match its checksum")

    @contextmanager
    def _parsed(self, name: str, what: str) -> Iterator[None]:
        try:
            yield
        except DamagedError:
            raise
        except UNREADABLE as error:
            reason = f"has no {what} that can be read: {error}"
            raise DamagedError(f"{self.folder / name}: {reason}") from None


def _check_history(history: pd.DataFrame, n_latents: int) -> None:
    """Refuse a table that is no history of a model with so many latents."""
    latents = [f"kl_{j}" for j in range(n_latents)]
    forms = [["step", "loss", "reconstruction", "kl", name, *latents] for name in ("beta", "c")]
    if list(history) not in forms:
        raise ValueError(f"its columns are not those of {n_latents} latents")
    # Each is the end of a window of steps; what is no number is not more than another.
    steps = history["step"].to_numpy()
    if not (len(steps) and steps[0] >= 1 and steps[-1] < np.inf and (np.diff(steps) >= 1).all()):
        raise ValueError("its steps do not rise from 1 on")


def codes_bytes(latents: Latents, level: int = 1) -> bytes:
    """Return codes as the bytes of an HDF5 file, every part of it with its checksum.

    As bytes of equal weight lie together, gzip's fastest level leaves two thirds of the size, and
    higher ones hardly less; of rounded codes they leave 5% to 8% less.

    Raises
    ------
    ValueError
        If they take more than is read back.
    """
    n_images, n_latents = latents.means.shape
    arrays = (latents.indices, latents.means, latents.logvars, latents.factors)
    if sum(array.nbytes for array in arrays if array is not None) > MAX_BYTES:
        raise ValueError(
            f"codes of {n_images:,} images with {n_latents:,} latents take more than "
            f"{MAX_BYTES:,} bytes: evaluate fewer images"
        )
    return dump(latents, compression_opts=level, **_PACKED)


def read_run(folder: Path) -> StoredRun:
    """Read the manifest of a run folder and check that it is of this run and this format.

    Raises
    ------
    DamagedError
        If the manifest, or the size of a file that it lists, is not what was committed.
    """
    try:
        if folder.is_symlink():
            raise DamagedError("is a link, not a run folder")
        run = StoredRun(folder, parse_manifest(read_json(folder / "manifest.json")))
        if run.manifest.format != FORMAT:
            raise DamagedError(f"has format {run.manifest.format}, not {FORMAT}")
        if identities(run.spec) != (run.manifest.run_id, run.group_id):
            raise DamagedError("its specification is not that of its run id")
        if folder.name != run.manifest.run_id:
            raise DamagedError("its name is not its run id")
        if CODES not in run.manifest.files:
            raise DamagedError("it has no codes")
        for name in run.files:
            entry, status = run.manifest.files[name], (folder / name).lstat()
            if not stat.S_ISREG(status.st_mode):
                raise DamagedError(f"{name} is not a regular file")
            if status.st_size != entry.bytes:
                raise DamagedError(f"{name} does not have the size it was committed with")
    except (OSError, ValidationError, DamagedError) as error:
        raise DamagedError(f"{folder}: is not a readable run: {error}") from None
    return run
