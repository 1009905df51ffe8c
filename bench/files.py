"""Files that are whole or absent: durable writes, checksums, JSON that knows of its damage."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

# The name of a file that is not whole yet: hidden, with its writer's process and a random part.
_STAGED = re.compile(r"\..+\.\d+\.[0-9a-f]{8}")


class DamagedError(ValueError):
    """A stored file is not what was written."""


class WriteError(OSError):
    """A file cannot be written; the message names it and says why."""


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fsync_path(path: Path) -> None:
    """Wait until a file, or the entries of a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Name the file or folder in whatever the system says against writing it.

    Raises
    ------
    WriteError
        Instead of any other OSError: those of a full disk name no file.
    """
    try:
        yield
    except WriteError:
        raise
    except OSError as error:
        raise WriteError(f"{path}: cannot be written: {error.strerror or error}") from error


def is_staged(path: Path) -> bool:
    """Return whether a file is one that `replacing` had not yet put into its place."""
    return _STAGED.fullmatch(path.name) is not None


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to, and rename it onto `path` if that succeeds.

    Raises
    ------
    WriteError
        If it does not; `path` is what it was before, and the temporary file is gone.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = Path(folder) / "note.txt"
    ...     with replacing(target) as staged:
    ...         _ = staged.write_text("whole")
    ...     target.read_text()
    'whole'
    """
    staged = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield staged
            fsync_path(staged)
            staged.replace(path)
            fsync_path(path.parent)
        except BaseException:
            with suppress(OSError):
                staged.unlink(missing_ok=True)
            raise


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with replacing(path) as staged:
        staged.write_text(text, encoding="utf-8", newline="")


def remove(path: Path) -> None:
    """Remove a file, if it is there.

    Raises
    ------
    WriteError
        If it cannot be removed.
    """
    with writing(path):
        path.unlink(missing_ok=True)


def dump_json(body: dict[str, Any]) -> str:
    """Return `body` as JSON with a checksum of its content beside it."""
    return json.dumps({**body, "checksum": _checksum(body)}, indent=1, allow_nan=False) + "\n"


def read_json(path: Path) -> dict[str, Any]:
    """Read what `dump_json` wrote.

    Raises
    ------
    DamagedError
        If the file is not JSON, or its content is not what its checksum says.
    """
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        sound = isinstance(body, dict) and body.pop("checksum", None) == _checksum(body)
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"{path}: is not readable JSON: {error}") from None
    if not sound:
        raise DamagedError(f"{path}: does not match its checksum")
    found: dict[str, Any] = body
    return found


def _checksum(body: dict[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
