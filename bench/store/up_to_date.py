"""Whether a report is up to date: by what it was made from, and whether anybody has touched it.

`.made_from.json` notes both once a report is written. It is derived as the report is: without it
the report is written again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from .files import DamagedError, dump_json, read_json, sha256, write_text
from .folder import Folder
from .provenance import versions
from .stored_run import StoredRun

_NOTE = ".made_from.json"
_STORED = ("runs", "failures", "scores", "frames")
_WRITTEN = ("tables", "figures", "report.html")
# What tables, figures and page are written with.
_LIBRARIES = ("python", "numpy", "scipy", "pandas", "matplotlib", "pillow", "jinja2")


def digest_of_sources(folder: Folder, runs: Iterable[StoredRun], *, parquet: bool = False) -> str:
    """Return a digest of what a report of these runs is made from.

    That is what is stored, this code, its libraries, and whether Parquet is wanted. Stored files
    count by size and time, so that ten thousand runs take a third of a second.
    """
    root = folder.folder
    state = (
        # What somebody has copied into the folder since it was read is there, but not among them.
        sorted(f"{run.run_id} {run.codes_digest}" for run in runs),
        sorted(line for name in _STORED for line in _sizes_and_times(root, name)),
        # Every start writes it again.
        _contents(root, ("grid.json",)),
        _CODE,
        versions([*_LIBRARIES, *(["pyarrow"] if parquet else [])]),
    )
    return _digest(map(str, state))


def report_is_up_to_date(folder: Folder, made_from: str) -> bool:
    """Return whether the report of these sources is there, as it was written."""
    try:
        note = read_json(folder.folder / _NOTE)
    except (OSError, DamagedError):
        return False
    return note == _note(folder, made_from)


def note_report(folder: Folder, made_from: str) -> None:
    """Note that the report, which has just been written, is that of these sources."""
    write_text(folder.folder / _NOTE, dump_json(_note(folder, made_from)))


def _note(folder: Folder, made_from: str) -> dict[str, str]:
    return {"made_from": made_from, "written": _contents(folder.folder, _WRITTEN)}


def _sizes_and_times(root: Path, name: str) -> Iterator[str]:
    # Entries of the system, not Path objects, which would take longer than it does.
    folder = os.fspath(root / name)
    for entry in _files(folder):
        status = entry.stat(follow_symlinks=False)
        place = entry.path.removeprefix(folder)
        yield f"{name}{place} {status.st_size} {status.st_mtime_ns}"


def _contents(root: Path, names: Iterable[str]) -> str:
    """Return a digest of what is in these files, and in all files of these folders."""
    inside = (Path(entry.path) for name in names for entry in _files(os.fspath(root / name)))
    paths = sorted([*(root / name for name in names), *inside])
    return _digest(f"{path.relative_to(root)} {_content(path)}" for path in paths)


def _content(path: Path) -> str:
    try:
        return sha256(path)
    except (OSError, DamagedError):
        return "is no file"


def _files(folder: str) -> Iterator[os.DirEntry[str]]:
    """Yield what is in a folder and in those inside of it, and is no folder."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    yield entry
                elif entry.name != "__pycache__":
                    yield from _files(entry.path)
    except OSError:
        # A part that is not there, a file or a link has nothing below it.
        return


def _digest(lines: Iterable[str]) -> str:
    text = "\n".join(lines)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


# Read at once: what is installed while a grid trains is not what is running.
_CODE = _contents(Path(__file__).resolve().parents[2], ("bench", "datasets", "metrics"))
