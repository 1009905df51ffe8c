"""The output folder: run folders that are immutable once committed, and who may write to them.

    store.json                    marks the folder as ours, with the version of its format
    grid.json                     the grid of the last start
    runs/<run id>/                manifest.json, latents.h5 and, for models, history.csv, model.pt
    failures/<run id>.json        why a run gave no result
    checkpoints/                  where packs in training have got to
    scores/, frames/, tables/, figures/, report.html    derived, replaceable
    damaged/                      run folders whose content no longer matched their checksums

A run is staged in `.staging/` and renamed into place, so that it exists whole or not at all.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import ValidationError

from .files import DamagedError, dump_json, fsync_path, read_json, sha256, write_text
from .outcome import Failure, Result
from .specs import SPEC_ADAPTER, RunSpec, run_id

FORMAT = 1
_DERIVED = ("scores", "frames")


class StoreError(Exception):
    """The output folder cannot be used; the message says why and what to do."""


class LockedError(StoreError):
    """Another driver is at work in the folder."""


@dataclass(frozen=True)
class Latents:
    """The codes of a run's evaluation images."""

    indices: NDArray[np.int64]
    means: NDArray[np.float32]
    logvars: NDArray[np.float32] | None


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
        return str(self.manifest["files"]["latents.h5"]["sha256"])

    def has(self, name: str) -> bool:
        """Return whether the run wrote a file of that name."""
        return name in self.manifest["files"]

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
        """Read the codes."""
        with h5py.File(self.path("latents.h5"), "r") as file:
            logvars = file["logvars"][:] if "logvars" in file else None
            return Latents(file["indices"][:], file["means"][:], logvars)

    def history(self) -> pd.DataFrame | None:
        """Read the training curves, where there are any."""
        if not self.has("history.csv"):
            return None
        return pd.read_csv(self.path("history.csv"))


class Store:
    """An output folder.

    Parameters
    ----------
    folder : Path
        The folder.
    create : bool
        Whether to make it one of ours when it is new or empty.

    Raises
    ------
    StoreError
        If the folder is not ours, cannot be written, or has a format that this version cannot read.
    """

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        self.folder = folder
        marker = folder / "store.json"
        try:
            if create and not marker.exists() and not (folder.exists() and any(folder.iterdir())):
                folder.mkdir(parents=True, exist_ok=True)
                write_text(marker, dump_json({"software": "disbench", "format": FORMAT}))
            ours = marker.is_file()
        except OSError as error:
            raise StoreError(f"{folder}: cannot be used as output: {error.strerror}") from None
        if not ours:
            state = "is not an output folder of disbench (it has no store.json)"
            remedy = "name another folder with --out" if create else "name one that has results"
            raise StoreError(f"{folder}: {state}; {remedy}")
        try:
            version = read_json(marker).get("format")
        except DamagedError as error:
            raise StoreError(str(error)) from None
        if version != FORMAT:
            raise StoreError(
                f"{folder}: has store format {version}, this version reads {FORMAT}: use the "
                f"version of disbench that wrote it"
            )

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder for one driver; the system frees it however the process ends.

        Raises
        ------
        LockedError
            If another process holds it; the message names the process and its host.
        """
        with (self.folder / ".lock").open("a+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.seek(0)
                holder = file.read().strip() or "another process"
                raise LockedError(
                    f"{self.folder}: is in use by {holder}; wait for it or name another --out"
                ) from None
            file.truncate(0)
            file.write(f"process {os.getpid()} on {socket.gethostname()}")
            file.flush()
            self._clear_staging()
            yield

    def commit(self, outcome: Result | Failure, record: dict[str, Any]) -> None:
        """Store what became of a run; `record` is how, where and from what it was computed.

        Idempotent: of several commits of one run the first counts.
        """
        identity = run_id(outcome.spec)
        if isinstance(outcome, Failure):
            failure = {
                "spec": outcome.spec.model_dump(mode="json"),
                "reason": outcome.reason,
                "traceback": outcome.traceback,
            }
            write_text(self._failure(identity), dump_json({**record, **failure}))
            return
        staged = self.folder / ".staging" / f"{identity}.{os.getpid()}.{secrets.token_hex(4)}"
        staged.mkdir(parents=True)
        try:
            _write_result(staged, outcome, {**record, "format": FORMAT, "run_id": identity})
            self._publish(staged, self.folder / "runs" / identity)
        finally:
            shutil.rmtree(staged, ignore_errors=True)
        self._failure(identity).unlink(missing_ok=True)

    def run_folders(self) -> list[Path]:
        """Return the folders of all committed runs."""
        return sorted((self.folder / "runs").glob("[!.]*"))

    def scan(self) -> tuple[list[StoredRun], dict[Path, str]]:
        """Return the committed runs, and the folders that are damaged with the reason."""
        runs, damaged = [], {}
        for folder in self.run_folders():
            try:
                runs.append(read_run(folder))
            except DamagedError as error:
                damaged[folder] = str(error)
        return runs, damaged

    def damaged(self, names: Iterable[str]) -> list[Path]:
        """Return the folders of those runs that are not, to the last byte, what was committed."""
        found = []
        for name in names:
            folder = self.folder / "runs" / name
            if not folder.exists():
                continue
            try:
                run = read_run(folder)
                for file in run.manifest["files"]:
                    run.path(file)
            except DamagedError:
                found.append(folder)
        return found

    def set_aside(self, folder: Path) -> Path:
        """Move a damaged run away, drop what was derived from it, and return its new place."""
        place = self.folder / "damaged" / f"{folder.name}.{secrets.token_hex(4)}"
        place.parent.mkdir(exist_ok=True)
        folder.rename(place)
        for derived in _DERIVED:
            for path in (self.folder / derived).glob(f"{folder.name}.*"):
                path.unlink()
        return place

    def failures(self) -> list[dict[str, Any]]:
        """Return the records of runs that gave no result and have none since."""
        records = []
        for path in sorted((self.folder / "failures").glob("[!.]*.json")):
            if (self.folder / "runs" / path.stem).exists():
                continue
            with suppress(DamagedError):
                records.append({"run_id": path.stem, **read_json(path)})
        return records

    def read_scores(self, name: str, of: str) -> dict[str, Any]:
        """Return the stored scores of that name, empty where there are none to trust.

        `of` names what was scored; scores of anything else are not these.
        """
        try:
            body = read_json(self.folder / "scores" / f"{name}.json")
            scores: dict[str, Any] = body["scores"] if body["of"] == of else {}
        except (FileNotFoundError, DamagedError, KeyError):
            # Scores are derived: what cannot be read is computed again.
            return {}
        return scores

    def write_scores(self, name: str, of: str, scores: dict[str, Any]) -> None:
        """Store scores."""
        body = {"format": FORMAT, "of": of, "scores": scores}
        write_text(self.folder / "scores" / f"{name}.json", dump_json(body))

    @property
    def checkpoints(self) -> Path:
        """The folder in which packs in training keep their place."""
        return self.folder / "checkpoints"

    def clear_checkpoints(self) -> None:
        """Drop what packs left behind whose runs are there."""
        for path in self.checkpoints.glob("*.ckpt"):
            if (self.folder / "runs" / path.name.partition("-")[0]).exists():
                path.unlink()

    def frames_path(self, identity: str) -> Path:
        """Return where the images that show a run are stored."""
        return self.folder / "frames" / f"{identity}.h5"

    def _failure(self, identity: str) -> Path:
        return self.folder / "failures" / f"{identity}.json"

    def _publish(self, staged: Path, target: Path) -> None:
        target.parent.mkdir(exist_ok=True)
        try:
            staged.rename(target)
        except OSError:
            # Somebody committed the same run first: theirs stays.
            if not target.is_dir():
                raise
        fsync_path(target.parent)

    def _clear_staging(self) -> None:
        shutil.rmtree(self.folder / ".staging", ignore_errors=True)


def read_run(folder: Path) -> StoredRun:
    """Read the manifest of a run folder and check that it is of this run and this format.

    Raises
    ------
    DamagedError
        If the manifest, or the size of a file that it lists, is not what was committed.
    """
    try:
        run = StoredRun(folder, read_json(folder / "manifest.json"))
        if run.manifest["format"] != FORMAT:
            raise DamagedError(f"{folder}: has format {run.manifest['format']}, not {FORMAT}")
        if run_id(run.spec) != run.manifest["run_id"]:
            raise DamagedError(f"{folder}: its specification is not that of its run id")
        for name, entry in run.manifest["files"].items():
            if (folder / name).stat().st_size != entry["bytes"]:
                raise DamagedError(f"{folder / name}: has not the size it was committed with")
    except (OSError, KeyError, TypeError, AttributeError, ValidationError) as error:
        raise DamagedError(f"{folder}: is not a readable run: {error!r}") from None
    return run


def _write_result(folder: Path, result: Result, record: dict[str, Any]) -> None:
    """Write a result's files and, last, the manifest that lists them."""
    with h5py.File(folder / "latents.h5", "w") as file:
        columns = {"indices": result.indices, "means": result.means, "logvars": result.logvars}
        for name, values in columns.items():
            if values is not None:
                # Without this checksum a flipped bit is read back as a number like any other.
                file.create_dataset(name, data=values, fletcher32=True, track_times=False)
    if result.history is not None:
        result.history.to_csv(folder / "history.csv", index=False, lineterminator="\n")
    if result.state is not None:
        (folder / "model.pt").write_bytes(result.state)
    files = {
        path.name: {"sha256": sha256(path), "bytes": path.stat().st_size}
        for path in sorted(folder.iterdir())
    }
    manifest = {
        **record,
        "spec": result.spec.model_dump(mode="json"),
        "latent_names": list(result.latent_names),
        "reconstruction": result.reconstruction,
        "files": files,
    }
    (folder / "manifest.json").write_text(dump_json(manifest), encoding="utf-8")
    for path in folder.iterdir():
        fsync_path(path)
    fsync_path(folder)
