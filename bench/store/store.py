"""Store: run folders that are immutable once committed, and who may write to them.

    store.json                    marks the folder as ours, with the version of its format
    grid.json                     the grid of the last start
    runs/<run id>/                manifest.json, latents.h5 and, for models, history.csv, model.pt,
                                  for factor channels snapshots.h5; scores_during_training.csv
                                  where a grid asks for it
    failures/<run id>.json        why a run gave no result
    checkpoints/                  the state of packs in training
    scores/, frames/, tables/, figures/, report.html    derived, replaceable
    .made_from.json               what the report was made from, derived as well
    damaged/                      run folders whose content no longer matched their checksums

A run is staged in `.staging/` and renamed into place, so that it exists whole or not at all.
"""

from __future__ import annotations

import glob
import logging
import os
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..errors import printable
from ..grid import arguments as given, run_id
from .files import (
    MAX_TEXT,
    DamagedError,
    WriteError,
    dump_json,
    fsync_path,
    is_staged,
    read_bytes,
    read_json,
    reading,
    remove,
    write_text,
    writing,
)
from .folder import Folder, StoreError, check_part
from .results import Failure, Result
from .schema import check_failed
from .scores import Scored, ScoreEntry, in_brief, parse_scores
from .sealed import write_result
from .stored_run import CODES, FORMAT, StoredRun, read_run

log = logging.getLogger("disbench")
_DERIVED = ("scores", "frames")


class Store(Folder):
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
        # By run id: what its file was when it was read, and what it said.
        self._scored: dict[str, tuple[tuple[object, ...], Scored]] = {}
        try:
            self.folder = folder = given.path(folder)
            marker = folder / "store.json"
            if create and not os.path.lexists(marker) and _is_free(folder):
                folder.mkdir(parents=True, exist_ok=True)
                try:
                    write_text(marker, dump_json({"software": "disbench", "format": FORMAT}))
                except WriteError:
                    # Another first start may have made it, and cleared away what this one had not.
                    if not os.path.lexists(marker):
                        raise
            ours = os.path.lexists(marker)
            check_part(marker)
        except (OSError, ValueError) as error:
            # A path with a NUL in it is a ValueError, which has no other text than its own.
            reason = getattr(error, "strerror", None) or error
            raise StoreError(f"{folder}: cannot be used as output: {reason}") from None
        if not ours:
            state = "is not an output folder of disbench (it has no store.json)"
            remedy = "name another folder with --out" if create else "name a folder with results"
            raise StoreError(f"{folder}: {state}; {remedy}")
        try:
            version = read_json(marker).get("format")
        except OSError as error:
            raise StoreError(f"{marker}: cannot be read: {error.strerror}") from None
        except DamagedError as error:
            if not create:
                raise StoreError(f"{error}; the next start of its grid writes it again") from None
            # Every run has the format in its own manifest too.
            log.warning("%s: it is written again", error)
            write_text(marker, dump_json({"software": "disbench", "format": FORMAT}))
            version = FORMAT
        if version != FORMAT:
            raise StoreError(
                f"{folder}: has store format {version}, this version reads {FORMAT}: use the "
                f"version of disbench that wrote it"
            )

    def commit(self, outcome: Result | Failure, record: dict[str, Any]) -> None:
        """Store what became of a run; `record` is how, where and from what it was computed.

        Idempotent: of several commits of one run the first with codes counts.

        Raises
        ------
        WriteError
            If it cannot be stored; the run is there whole or not at all.
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
        target = self.run_folder(identity)
        with writing(target):
            staged.mkdir(parents=True)
            try:
                write_result(staged, outcome, {**record, "format": FORMAT, "run_id": identity})
                self._publish(staged, target)
            finally:
                for left in staged.parent.glob(f"{staged.name}*"):
                    shutil.rmtree(left, ignore_errors=True)
            self._failure(identity).unlink(missing_ok=True)

    def has(self, identity: str) -> bool:
        """Return whether a run of that identity is committed."""
        return self.run_folder(identity).exists()

    def still_there(self, runs: Iterable[StoredRun]) -> list[StoredRun]:
        """Return the runs that nobody has set aside or removed since they were read."""
        folder = self.folder / "runs"
        names = {*os.listdir(folder)} if folder.is_dir() else set()
        return [run for run in runs if run.run_id in names]

    def run(self, identity: str) -> StoredRun:
        """Return the committed run of that identity.

        Raises
        ------
        DamagedError
            If there is none, or it is not what was committed.
        """
        return read_run(self.run_folder(identity))

    def run_folder(self, identity: str) -> Path:
        """Return where a run is, or will be."""
        return self.folder / "runs" / identity

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

    def runs(self) -> list[StoredRun]:
        """Return the committed runs, and say which are damaged and left out."""
        runs, damaged = self.scan()
        for reason in damaged.values():
            log.warning("left out: %s; the next start of its grid makes it again", reason)
        return runs

    def damaged(self, names: Iterable[str]) -> list[Path]:
        """Return the folders of those runs that are not, to the last byte, what was committed."""
        found = []
        for name in names:
            folder = self.run_folder(name)
            if not folder.exists():
                continue
            try:
                run = read_run(folder)
                for file in run.files:
                    run.verify(file)
            except DamagedError:
                found.append(folder)
        return found

    def set_aside(self, folder: Path, into: str = "damaged") -> Path:
        """Move a run that does not count away, drop what was derived, and return its new place."""
        # The name may be anybody's, and so long that nothing can be added to it.
        name = printable(folder.name)[:100]
        place = self.folder / into / f"{name}.{secrets.token_hex(4)}"
        with writing(folder):
            place.parent.mkdir(exist_ok=True)
            folder.rename(place)
        for derived in _DERIVED:
            for path in (self.folder / derived).glob(f"{glob.escape(folder.name)}.*"):
                remove(path)
        return place

    def failures(self) -> list[dict[str, Any]]:
        """Return the records of runs that gave no result and have none since."""
        records = []
        for path in sorted((self.folder / "failures").glob("[!.]*.json")):
            if self.has(path.stem):
                continue
            try:
                record = read_json(path)
                check_failed(record)
            except (OSError, DamagedError) as error:
                log.warning("%s: is left out: %s", printable(str(path)), error)
                continue
            records.append({**record, "run_id": path.stem})
        return records

    def read_scores(self, name: str, of: str) -> dict[str, Any]:
        """Return the stored scores of that name, empty where there are none to trust.

        `of` names what was scored; scores of anything else are not these.
        """
        return self._scores(name, of)[0]

    def entries(self, name: str, of: str) -> dict[str, list[ScoreEntry]]:
        """Return the stored scores of a run or a group, as `read_scores`, in the form to read."""
        found: dict[str, list[ScoreEntry]] = self._scores(name, of)[1]
        return found

    def scored(self, run: StoredRun) -> Scored:
        """Return what there is of a run's scores; read again only where their file is another."""
        path = self._scores_path(run.run_id)
        try:
            # Opened, not only looked at: a network file system then asks whether it has changed.
            with reading(path, MAX_TEXT) as file:
                status = os.fstat(file.fileno())
        except (OSError, DamagedError):
            return Scored()
        now = (status.st_ino, status.st_mtime_ns, status.st_size, run.codes_digest)
        then, scored = self._scored.get(run.run_id, (None, Scored()))
        if then != now:
            scored = in_brief(self.entries(run.run_id, run.codes_digest))
            self._scored[run.run_id] = now, scored
        return scored

    def _scores(self, name: str, of: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return scores as they are stored, and as they are checked."""
        try:
            body = read_json(self._scores_path(name))
            scores: dict[str, Any] = body["scores"] if body["of"] == of else {}
            return scores, parse_scores(name, scores) if scores != {} else {}
        except (OSError, DamagedError, KeyError):
            # Scores are derived: what cannot be read is computed again.
            return {}, {}

    def _scores_path(self, name: str) -> Path:
        return self.folder / "scores" / f"{name}.json"

    def write_scores(self, name: str, of: str, scores: dict[str, Any]) -> None:
        """Store scores; those that are there already keep their file and its time."""
        path = self._scores_path(name)
        text = dump_json({"format": FORMAT, "of": of, "scores": scores})
        try:
            same = read_bytes(path, MAX_TEXT) == text.encode()
        except (OSError, DamagedError):
            same = False
        if not same:
            # A run has dozens, and a disk may take longer than a metric. Scores that a power cut
            # takes are computed again.
            write_text(path, text, synced=False)

    @property
    def checkpoints(self) -> Path:
        """The folder in which packs in training keep their place."""
        return self.folder / "checkpoints"

    def clear_checkpoints(self) -> None:
        """Drop what packs left behind whose runs are there."""
        for path in self.checkpoints.glob("*.ckpt"):
            if self.has(path.name.partition("-")[0]) and not path.is_dir():
                remove(path)

    def frames_path(self, identity: str) -> Path:
        """Return where the images that show a run are stored."""
        return self.folder / "frames" / f"{identity}.h5"

    def _failure(self, identity: str) -> Path:
        return self.folder / "failures" / f"{identity}.json"

    def _publish(self, staged: Path, target: Path) -> None:
        target.parent.mkdir(exist_ok=True)
        if target.exists() and not os.path.lexists(target / CODES):
            # Its codes were left out of a folder that was passed on: here they are.
            target.rename(staged.with_name(f"{staged.name}.old"))
        try:
            staged.rename(target)
        except OSError:
            # Somebody committed the same run first: theirs stays.
            if not target.is_dir():
                raise
        fsync_path(target.parent)
        fsync_path(self.folder)


def _is_free(folder: Path) -> bool:
    """Return whether a folder is not there, or holds no more than a killed first start leaves."""
    return not folder.exists() or all(map(is_staged, folder.iterdir()))
