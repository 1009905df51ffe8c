"""Paths that users name: one clear error for each that cannot be read, and no wait for a pipe."""

from __future__ import annotations

import os
import stat
from pathlib import Path

_SHOWN = 200  # letters of a path that a message quotes


def printable(text: str) -> str:
    """Return a text in one line that no terminal obeys."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def shown(text: object) -> str:
    r"""Return a text as a message can quote it: on one line, not longer than a line.

    Examples
    --------
    >>> shown("no\nline")
    'no\\nline'
    """
    plain = printable(str(text))
    return plain if len(plain) <= _SHOWN else f"{plain[:_SHOWN]}…"


def absolute(path: str, label: str) -> str:
    """Return a user's path, a relative one from the current folder; `~` stays as it is written.

    Raises
    ------
    ValueError
        No path of any file: empty, a NUL, letters that are not Unicode, an unknown home folder.
    """
    if not path:
        raise ValueError(f"{label}: an empty text is no path; name a file")
    if "\0" in path:
        raise ValueError(f"{label}: {shown(path)} has a NUL character, which no path can have")
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        reason = "is not valid Unicode; rename the file or the folder"
        raise ValueError(f"{label}: {shown(path)} {reason}") from None
    expanded(path, label)
    return path if path.startswith("~") or os.path.isabs(path) else os.path.abspath(path)


def expanded(path: str, label: str) -> Path:
    """Return a path with `~` replaced by the home folder; ValueError if there is none."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        reason = "there is no such home folder; write the path out"
        raise ValueError(f"{label}: {shown(path)}: {reason}") from None


def present(path: Path, label: str) -> Path:
    """Return `path` if it is a regular file; a pipe or a device would be waited for without end.

    Raises
    ------
    FileNotFoundError
        Nothing is there.
    ValueError
        Something else than a file is there, or the system refuses to look.
    """
    mode = _mode(path, label, "file")
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "a pipe, socket or device"
        raise ValueError(f"{label}: {shown(path)} is {kind}; name a file")
    return path


def present_folder(path: Path, label: str) -> Path:
    """Return `path` if it is a folder; raises as `present`."""
    if not stat.S_ISDIR(_mode(path, label, "folder")):
        raise ValueError(f"{label}: {shown(path)} is no folder; name the folder of the files")
    return path


def _mode(path: Path, label: str, wanted: str) -> int:
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        reason = f"give the path of a {wanted} that exists"
        raise FileNotFoundError(f"{label}: there is no {wanted} {shown(path)}; {reason}") from None
    except OSError as error:
        raise ValueError(f"{label}: {shown(path)} cannot be read: {error.strerror}") from None


def is_regular(path: Path) -> bool:
    """Return whether a regular file, or a link to one, is there and can be looked at."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):
        return False
