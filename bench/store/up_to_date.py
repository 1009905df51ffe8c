"""Whether a report is up to date: by the sizes and times of files, as make has it.

`.report.json` notes what a report was made from and what was written. It is derived as the report
is: without it the report is written again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from .files import DamagedError, dump_json, read_bytes, read_json, write_text
from .folder import Folder
from .provenance import versions

_NOTE = ".report.json"
_SOURCES = ("runs", "failures", "scores", "frames")
_WRITTEN = ("tables", "figures", "report.html")
_PACKAGES = ("bench", "datasets", "metrics")
# What tables and figures are written with.
_LIBRARIES = ("python", "numpy", "scipy", "pandas", "matplotlib", "jinja2")


def report_sources(folder: Folder, **options: bool) -> str:
    """Return a digest of what a report is made from, to be taken before anything is read.

    That is what is stored, this code and its libraries, and how the report is wanted. Of a file it
    takes the size and the time, so that ten thousand runs cost a third of a second.
    """
    try:
        # Every start writes it, so its time says nothing.
        grid = read_bytes(folder.folder / "grid.json").hex()
    except (OSError, DamagedError):
        grid = ""
    state = (
        folder.folder.name,
        grid,
        _state(folder.folder, _SOURCES),
        _state(Path(__file__).resolve().parents[2], _PACKAGES),
        versions(_LIBRARIES),
        options,
    )
    return _digest(map(str, state))


def report_is_up_to_date(folder: Folder, made_from: str) -> bool:
    """Return whether the report of these sources is there, and nobody has touched it."""
    try:
        note = read_json(folder.folder / _NOTE)
    except (OSError, DamagedError):
        return False
    return note == _note(folder, made_from)


def note_report(folder: Folder, made_from: str) -> None:
    """Note that the report, which has just been written, is that of these sources."""
    write_text(folder.folder / _NOTE, dump_json(_note(folder, made_from)))


def _note(folder: Folder, made_from: str) -> dict[str, str]:
    return {"made_from": made_from, "written": _state(folder.folder, _WRITTEN)}


def _state(root: Path, names: Iterable[str]) -> str:
    """Return a digest of the names, sizes and times of all files in these places."""
    return _digest(line for name in names for line in sorted(_lines(os.fspath(root / name), name)))


def _lines(path: str, name: str) -> Iterator[str]:
    # Plain text: ten thousand Path objects take longer than the system does.
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                inner = f"{name}/{entry.name}"
                if not entry.is_dir(follow_symlinks=False):
                    yield _line(inner, entry.stat(follow_symlinks=False))
                elif entry.name != "__pycache__":
                    yield from _lines(entry.path, inner)
    except NotADirectoryError:
        yield _line(name, os.stat(path, follow_symlinks=False))
    except OSError as error:
        yield f"{name}: {error.strerror}"


def _line(name: str, status: os.stat_result) -> str:
    return f"{name} {status.st_size} {status.st_mtime_ns}"


def _digest(lines: Iterable[str]) -> str:
    text = "\n".join(lines)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
