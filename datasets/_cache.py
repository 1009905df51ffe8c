"""The cache folder: files that are written whole or not at all, checked, and shared."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
import tokenize
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._damaged import CorruptFileError
from ._paths import expanded, is_regular

Bits = NDArray[np.uint8]
Fill = Callable[[Bits], None]


def cache_folder() -> Path:
    """Return the folder of drawn and downloaded sets: $DISBENCH_CACHE, else the system's own."""
    chosen = os.environ.get("DISBENCH_CACHE")
    if chosen:
        return expanded(chosen, "DISBENCH_CACHE")
    import pooch

    return Path(pooch.os_cache("disbench"))


def file_digest(path: Path, algorithm: str = "sha256") -> str:
    """Return a file's checksum in hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


def digest_of(array: NDArray[Any]) -> str:
    """Return the SHA-256 of an array's content, which lies in row order."""
    return hashlib.sha256(array.data).hexdigest()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock that the system releases when its process ends, however it ends.

    Where the system or the file system has no such lock, go on without: the work may then be done
    twice, but every file is still renamed into place whole.
    """
    with open(path, "ab", opener=_unfollowed) as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise OSError(f"{path} is no regular file; remove it")
        with suppress(ImportError, OSError):
            import fcntl

            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _unfollowed(path: str, flags: int) -> int:
    # Whoever put it there: a link is not followed, and a pipe not waited for.
    careful = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # not on Windows
    return os.open(path, flags | careful, 0o666)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to, and rename it onto `path` if that succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", dir=path.parent)
    os.close(handle)
    staged = Path(name)
    try:
        yield staged
        staged.chmod(0o644)  # other users may share the cache; it holds no secret
        staged.replace(path)
    finally:
        staged.unlink(missing_ok=True)


def read_small(path: Path, most: int = 2**16) -> str:
    """Return the text of a small regular file; OSError or ValueError if it is anything else."""
    if not is_regular(path):
        raise OSError(f"{path} is no regular file; remove it")
    with path.open("rb") as stream:
        return stream.read(most).decode()


def stored_bits(name: str, shape: tuple[int, int], fill: Fill, sha256: str | None = None) -> Bits:
    """Return an array of the cache, made by `fill` the first time it is asked for on this machine.

    Parameters
    ----------
    name : str
        Names the file `<name>.npy` in the cache folder.
    shape : (int, int)
        Shape of the uint8 array.
    fill : callable
        Writes the content into the array of zeros that it is given.
    sha256 : str, optional
        Checksum of the content, where it is known beforehand; otherwise the checksum taken when
        the file was made is kept beside it in `<name>.sha256`.

    Returns
    -------
    ndarray of uint8
        Read-only memory map of the cached file, which all processes share. A file whose checksum
        is wrong is made again. If the folder cannot be written, an array in memory, and a warning.

    Raises
    ------
    CorruptFileError
        What `fill` made has another checksum than `sha256`.
    """
    folder = cache_folder()
    path = folder / f"{name}.npy"
    found = open_bits(path, shape, sha256)
    if found is not None:
        return found
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / f"{name}.lock"):
            found = open_bits(path, shape, sha256)  # another process may have made it meanwhile
            if found is None:
                _make(path, shape, fill, sha256)
                found = open_bits(path, shape, sha256)
    except OSError as error:
        warnings.warn(
            f"cannot write the cache folder {folder} ({error}); {name} is kept in this process's "
            "memory and made again by the next. Set DISBENCH_CACHE to a folder that can be written",
            stacklevel=2,
        )
        found = np.zeros(shape, np.uint8)
        fill(found)
        _check(digest_of(found), sha256, name)
        found.setflags(write=False)
    if found is None:
        raise CorruptFileError(f"{path} is damaged right after it was written; check the disk")
    return found


def open_bits(path: Path, shape: tuple[int, int], sha256: str | None = None) -> Bits | None:
    """Memory-map a cached array after a full check; None if absent, incomplete or damaged."""
    try:
        expected = sha256 or checksum_beside(path)
        if not is_regular(path):
            return None
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        # Before it is read: a file of another size may take for ever.
        size = array.offset + array.nbytes
        if (array.shape, array.dtype, path.stat().st_size) != (shape, np.uint8, size):
            return None
        with path.open("rb") as stream:
            # Read, not mapped: pages of the map count as this process's memory once touched.
            stream.seek(array.offset)
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except (OSError, ValueError, EOFError, SyntaxError, tokenize.TokenError):
        # The last two are of a header that is no Python literal.
        return None
    # The whole file is hashed once per process (0.2 s for dSprites): a training on silently
    # damaged images costs more.
    return np.asarray(array) if digest == expected else None


def checksum_beside(path: Path) -> str:
    """Return the checksum that was kept when a file of the cache was made."""
    return read_small(path.with_suffix(".sha256")).strip()


def keep_checksum(path: Path, digest: str) -> None:
    """Keep the checksum of a file of the cache beside it."""
    with replacing(path.with_suffix(".sha256")) as staged:
        staged.write_text(f"{digest}\n")


def _make(path: Path, shape: tuple[int, int], fill: Fill, sha256: str | None) -> None:
    with replacing(path) as staged:
        array = np.lib.format.open_memmap(staged, "w+", np.uint8, shape)
        fill(array)
        array.flush()
        digest = digest_of(array)
        del array
        _check(digest, sha256, path.stem)
        keep_checksum(path, digest)


def _check(digest: str, sha256: str | None, name: str) -> None:
    if sha256 is not None and digest != sha256:
        raise CorruptFileError(
            f"{name} made on this machine has SHA-256 {digest}, not {sha256}: its arithmetic "
            "differs from the reference; please report it with your platform and numpy version"
        )
