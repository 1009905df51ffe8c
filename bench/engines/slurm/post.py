"""Post: the folder through which a driver and its jobs hear from one another.

Slurm carries no messages, but all nodes see the output folder. Each message is a small file, put
into its place whole. A driver that was killed leaves its folder behind, in `.staging/`, which the
next start clears: a job that misses it knows that nobody waits for it any more.
"""

from __future__ import annotations

import os
import pickle
import signal
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from ...errors import Stopped

_KINDS = ("begun", "progress", "answer")


class Post:
    """Messages of the jobs of one stage.

    Parameters
    ----------
    folder : Path
        Where they lie; on a file system that driver and jobs share.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # What the driver has read already.
        self._read: set[str] = set()

    @classmethod
    def open(cls, store: Path) -> Post:
        """Make a folder for the messages of a new stage in an output folder."""
        staging = store / ".staging"
        staging.mkdir(exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="slurm-", dir=staging))
        for kind in _KINDS:
            (folder / kind).mkdir()
        return cls(folder)

    def put(self, kind: str, name: str, content: Any) -> None:
        """Put a message of a job into its place.

        Raises
        ------
        Stopped
            If the folder is gone, and with it whoever would read this.
        """
        place = self.folder / kind / name
        staged = place.with_name(f".{name}.{os.getpid()}")
        try:
            staged.write_bytes(pickle.dumps(content))
            staged.replace(place)
        except FileNotFoundError:
            raise Stopped(signal.SIGHUP) from None

    def has(self, kind: str, name: str) -> bool:
        """Return whether there is such a message."""
        return (self.folder / kind / name).exists()

    def progress(self) -> Iterator[tuple[str, Any]]:
        """Take the latest progress of each task since the last call."""
        for path in self._there("progress"):
            try:
                content = _content(path)
                path.unlink()
            except OSError:
                continue  # replaced meanwhile, or a network file system is late
            yield path.name, content

    def news(self, kind: str) -> Iterator[tuple[str, Any]]:
        """Read messages that have come since the last call, and leave them for jobs to find."""
        for path in self._there(kind):
            if str(path) not in self._read:
                try:
                    content = _content(path)
                except OSError:
                    continue  # as above
                self._read.add(str(path))
                yield path.name, content

    def _there(self, kind: str) -> list[Path]:
        # Listing makes a network file system look again. Where that fails once, the next call sees
        # what has come.
        with suppress(OSError):
            return [path for path in (self.folder / kind).iterdir() if path.name[0] != "."]
        return []


def _content(path: Path) -> Any:
    # As trusted as the tasks, which submitit hands to the jobs through the same folder.
    return pickle.loads(path.read_bytes())
