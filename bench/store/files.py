"""Read and write files that are whole or absent: durable writes, checksums, checked JSON.

A folder may come from anybody. Only regular files inside it are read, of at most `MAX_BYTES`, and
no link is followed to write or remove a file.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ..errors import DisbenchError

# The name of a file that is not whole yet: hidden, with its writer's process and a random part.
_STAGED = re.compile(r"\..+\.\d+\.[0-9a-f]{8}")
# The codes of a million images, 500 latents each, have so many bytes. No reader takes more, and no
# writer gives more.
MAX_BYTES = 4 * 2**30
# JSON and tables: the longest are scores with a number for each of 4,096 latents and 20 factors.
MAX_TEXT = 64 * 2**20
# JSON of ours is nested a tenth of this; what serialises it gives up somewhere below 1,000.
_MAX_DEPTH = 100


class DamagedError(DisbenchError, ValueError):
    """A stored file is not what was written."""


class WriteError(DisbenchError, OSError):
    """A file cannot be written; the message names it and says why."""


@contextmanager
def reading(path: Path, limit: int = MAX_BYTES) -> Iterator[io.BufferedReader]:
    """Open a file that anybody may have put there.

    Raises
    ------
    DamagedError
        If it is a link, a pipe, a device, a folder or anything else but a regular file, which may
        have no end, or has more than `limit` bytes.
    OSError
        If it is not there or cannot be opened.

    Examples
    --------
    >>> with reading(Path("/dev/zero")) as file:
    ...     file.read()
    Traceback (most recent call last):
    bench.store.files.DamagedError: /dev/zero: is not a regular file
    """
    try:
        # Without O_NONBLOCK opening a pipe waits for its writer.
        opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        # What a link and a socket answer.
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise DamagedError(f"{path}: is not a regular file") from None
        raise
    try:
        status = os.fstat(opened)
        if not stat.S_ISREG(status.st_mode):
            raise DamagedError(f"{path}: is not a regular file")
        if status.st_size > limit:
            size = f"{status.st_size:,} bytes; the most that is read is {limit:,}"
            raise DamagedError(f"{path}: has {size}")
        with open(opened, "rb", closefd=False) as file:
            yield file
    finally:
        os.close(opened)


def read_bytes(path: Path, limit: int = MAX_BYTES) -> bytes:
    """Return the content of a file that anybody may have put there; errors as in `reading`."""
    with reading(path, limit) as file:
        return file.read()


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal; errors as in `reading`."""
    with reading(path) as file:
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
    """Raise errors of writing with the name of the file or folder.

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
def replacing(path: Path, *, synced: bool = True) -> Iterator[Path]:
    """Yield a temporary path to write to, and rename it onto `path` if that succeeds.

    Without waiting for the disk (`synced`) a power cut may leave an empty file.

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
            if synced:
                fsync_path(staged)
            staged.replace(path)
            if synced:
                fsync_path(path.parent)
        except BaseException:
            with suppress(OSError):
                staged.unlink(missing_ok=True)
            raise


@contextmanager
def making(folder: Path) -> Iterator[Path]:
    """Yield an empty folder to fill, and rename it to `folder`, which is new, if that succeeds.

    Raises
    ------
    WriteError
        If it does not; there is no such folder then, and nothing of it is left.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as outer:
    ...     with making(Path(outer) / "new") as staged:
    ...         _ = (staged / "note.txt").write_text("whole")
    ...     [path.name for path in Path(outer, "new").iterdir()]
    ['note.txt']
    """
    staged = folder.with_name(f".{folder.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with writing(folder):
        staged.mkdir(parents=True)
        try:
            yield staged
            for path in (*staged.iterdir(), staged):
                fsync_path(path)
            staged.rename(folder)
            fsync_path(folder.parent)
        except BaseException:
            shutil.rmtree(staged, ignore_errors=True)
            raise


def write_text(path: Path, text: str, *, synced: bool = True) -> None:
    """Write a text file whole or not at all; `synced` as in `replacing`."""
    with replacing(path, synced=synced) as staged:
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


def clear(folder: Path, chosen: Callable[[str], bool]) -> None:
    """Remove what a folder holds, with all that is in it, of the names that are chosen.

    Raises
    ------
    WriteError
        If the folder is a link or is not there, or something cannot be removed.
    """
    with writing(folder):
        # Everything is named from here on by its place in the folder that was opened: should a link
        # come into the folder's place meanwhile, what it leads to is not touched.
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            for name in filter(chosen, os.listdir(opened)):
                status = os.stat(name, dir_fd=opened, follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode):
                    shutil.rmtree(name, dir_fd=opened)
                else:
                    os.unlink(name, dir_fd=opened)
        finally:
            os.close(opened)


def dump_json(body: dict[str, Any]) -> str:
    """Return `body` as JSON with a checksum of its content beside it.

    Raises
    ------
    ValueError
        If it holds what JSON has no form of, or is longer than what is read back.
    """
    text = json.dumps({**body, "checksum": _checksum(body)}, indent=1, allow_nan=False) + "\n"
    if len(text) > MAX_TEXT:
        raise ValueError(f"{len(text):,} bytes of JSON are more than {MAX_TEXT:,}")
    return text


def read_json(path: Path) -> dict[str, Any]:
    r"""Read what `dump_json` wrote.

    Half a surrogate pair, which is no text and cannot be written or shown, becomes its escape: the
    letters ``\udcff``.

    Raises
    ------
    DamagedError
        If the file is not JSON, or its content is not what its checksum says.
    """
    try:
        content = read_bytes(path, MAX_TEXT)
        body = json.loads(content.decode("utf-8"))
        if _may_be_deep(content):
            _check_depth(body)
        sound = isinstance(body, dict) and body.pop("checksum", None) == _checksum(body)
    except DamagedError:
        raise
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"{path}: is not readable JSON: {error}") from None
    if not sound:
        raise DamagedError(f"{path}: does not match its checksum")
    found: dict[str, Any] = _as_text(body) if _SURROGATE.search(content) else body
    return found


_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_NO_BRACKETS = bytes({*range(256)} - {*b"[]{}"})


def _as_text(value: Any) -> Any:
    """Return JSON values whose texts can all be encoded."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, list):
        return [_as_text(item) for item in value]
    if isinstance(value, dict):
        return {_as_text(key): _as_text(item) for key, item in value.items()}
    return value


def _may_be_deep(content: bytes) -> bool:
    """Return whether JSON is nested too deep, or has brackets in texts.

    A quick check: the JSON of ten thousand runs is read at every start, and most of it passes here.
    """
    brackets = content.translate(None, _NO_BRACKETS)
    for _ in range(_MAX_DEPTH):
        outer = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if outer == brackets:
            break
        brackets = outer
    return bool(brackets)


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(_MAX_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise ValueError(f"it is nested more than {_MAX_DEPTH} deep")


def _checksum(body: dict[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
