"""What was found by reading the whole of a large file, kept so that it is read once."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from ._cache import cache_folder, file_digest, read_small, replacing

T = TypeVar("T", str, list[float])
# Below, reading a file again is no work, and what it holds may lie in memory.
LARGE = 2**26
# A file that is written twice within a tick of the clock may have one time for two contents.
_SETTLED_SECONDS = 2


def identity(path: Path) -> list[int]:
    """Return what changes when a file does: size, time, inode, and the time of the inode."""
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ino, found.st_ctime_ns]


def same_content(one: list[int], other: list[int]) -> bool:
    """Return whether a file of these identities was not written in between; chmod may have been."""
    return one[:3] == other[:3]


def once(path: Path, what: str, find: Callable[[], T]) -> T:
    """Return what `find` finds in a file; of a large one it is kept in the cache folder.

    Raises
    ------
    ValueError
        The file was changed in the meantime.
    """
    file = identity(path)
    if file[0] < LARGE:
        return find()
    name = hashlib.sha256(str(path).encode()).hexdigest()[:16]
    place = cache_folder() / f"file-{name}.json"
    known = _known(place, file)
    if what not in known:
        known[what] = find()
        now = identity(path)
        if not same_content(now, file):
            raise ValueError(f"{path} was changed while it was read; load it again")
        if now == file and time.time() - file[1] / 1e9 > _SETTLED_SECONDS:
            with suppress(OSError), replacing(place) as staged:  # it is only found again
                staged.write_text(json.dumps({"file": file, "known": known}), encoding="utf-8")
    value: T = known[what]
    return value


def content_digest(path: Path, algorithm: str = "sha256") -> str:
    """Return the checksum of a file's content; see `once`."""
    return once(path, algorithm, lambda: file_digest(path, algorithm))


def _known(place: Path, file: list[int]) -> dict[str, Any]:
    try:
        kept = json.loads(read_small(place))
        return dict(kept["known"]) if kept["file"] == file else {}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
