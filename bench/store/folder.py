"""Folder: what one process at a time writes to, and no link in it leads out of it."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from ..errors import DisbenchError
from .files import is_staged, writing

_FILES = ("store.json", ".lock", "grid.json", "report.html", ".made_from.json")
_FOLDERS = (
    *("runs", "failures", "checkpoints", "damaged", "outdated", ".staging"),
    *("frames", "tables", "figures", "scores", "groups", "levels", "variants"),
)


class StoreError(DisbenchError):
    """The output folder cannot be used; the message says why and what to do."""


class LockedError(StoreError):
    """Another driver is at work in the folder."""


class Folder:
    """A folder that holds what is derived from runs; a `Store` has the runs too.

    Parameters
    ----------
    folder : Path
        The folder, which is there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder for one driver; the system frees it however the process ends.

        Raises
        ------
        LockedError
            If another process holds it; the message names the process and its host.
        StoreError
            If a part of it is a link: what is written or removed there may be anybody's.
        WriteError
            If nothing can be written to the folder.
        """
        path = self.folder / ".lock"
        with writing(self.folder):
            for part in (*self.folder.iterdir(), *(self.folder / "scores").glob("*")):
                check_part(part)
        with ExitStack() as held:
            with writing(path):
                file = held.enter_context(
                    open(path, "a+", encoding="utf-8", errors="replace", opener=_own)
                )
            # The only file that is written in place; one with a second hard link is not ours.
            ours = os.fstat(file.fileno()).st_nlink == 1
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.seek(0)
                holder = (file.read(200).strip() if ours else "") or "another process"
                raise LockedError(
                    f"{self.folder}: is in use by {holder}; wait for it or name another --out"
                ) from None
            with writing(path):
                if ours:
                    file.truncate(0)
                    file.write(f"process {os.getpid()} on {socket.gethostname()}")
                    file.flush()
            with writing(self.folder):
                self._clear_staging()
            yield

    def _clear_staging(self) -> None:
        """Remove what writers that were killed have left behind."""
        shutil.rmtree(self.folder / ".staging", ignore_errors=True)
        for path in filter(is_staged, self.folder.rglob(".*")):
            # A folder is nothing that `replacing` left.
            with suppress(IsADirectoryError):
                path.unlink(missing_ok=True)


def new_folder(path: Path) -> Path:
    """Return where a folder will be that is not there yet; no link leads from there elsewhere.

    Raises
    ------
    StoreError
        If something is there already, or it would lie inside of an output folder.
    """
    target = resolved(path)
    if os.path.lexists(path) or os.path.lexists(target):
        raise StoreError(f"{path}: is there already; remove it or name another folder")
    for parent in target.parents:
        if os.path.lexists(parent / "store.json"):
            raise StoreError(f"{path}: is inside of an output folder; name one outside of it")
    return target


def resolved(path: Path) -> Path:
    """Return where a folder is, or will be: no link leads from there to anywhere else.

    Raises
    ------
    StoreError
        If there can be no such folder.
    """
    try:
        return path.resolve()
    except (OSError, ValueError, RuntimeError) as error:
        raise StoreError(f"{path}: is no path of a folder: {error}") from None


def _own(path: str, flags: int) -> int:
    """Open a file that may have got into its place since it was checked.

    No link is followed, and no pipe is waited for.
    """
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)


def check_part(part: Path) -> None:
    """Refuse a link in an output folder, and what is not of the kind that its name says.

    What is written through a link, or removed behind it, may be anybody's.
    """
    try:
        mode = part.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISLNK(mode):
        raise StoreError(f"{part}: is a link; put a folder or file there, or use --out")
    if part.name in _FOLDERS and not stat.S_ISDIR(mode):
        raise StoreError(f"{part}: is not a folder; move it away, or use --out")
    if part.name in _FILES and not stat.S_ISREG(mode):
        raise StoreError(f"{part}: is not a regular file; move it away, or use --out")
