"""Users' `.npz` and `.h5` files: the factors at once, the images as they are asked for."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._arrays import Form, channels_first, check_images, extremes_of, image_form
from ._cache import (
    cache_folder,
    checksum_beside,
    keep_checksum,
    locked,
    replacing,
)
from ._damaged import CorruptFileError
from ._known import LARGE, content_digest, once
from ._npz import NpzArrays
from ._paths import is_regular, shown
from ._stored import PIECE_BYTES, Arrays, Rows, Stored

_UNPACKED = ".raw"
# What the one factor of images without factors is called.
NO_FACTOR = "none"
_FACTORS_HINT = (
    "name yours by the options images and factors, or set without_factors: true for images alone"
)
# A table of factors, or of their names, has no more: what asks for more is no table.
_TABLE_BYTES = 2**30
# What numpy, zipfile and HDF5 raise of a file that is not what it seems; a few bytes of a header
# can ask for more memory than there is.
_UNREADABLE = (
    OSError,
    EOFError,
    KeyError,
    MemoryError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True)
class FileContent:
    """What is read at once: everything but the images."""

    factors: NDArray[Any]
    factor_names: list[str] | None
    image_shape: tuple[int, int, int]


def read_content(path: Path, images: str, factors: str | None) -> FileContent:
    """Read the factors and the images' shape; ValueError if the two do not fit together.

    Without `factors` there is one that never varies.
    """
    with _opened(path) as arrays:
        pictures = _stored(arrays, images, path)
        label = f"{path}: array {images!r}"
        check_images(pictures.shape, pictures.dtype, label)
        shape = channels_first(pictures.shape, label)
        if factors is None:
            return FileContent(np.zeros((pictures.shape[0], 1), np.int64), [NO_FACTOR], shape)
        rows = _stored(arrays, factors, path, _FACTORS_HINT).shape[:1]
        if rows and rows != pictures.shape[:1]:
            raise ValueError(
                f"{path}: {pictures.shape[0]} images but {rows[0]} rows of factors; the arrays "
                f"{images!r} and {factors!r} must have one row an image"
            )
        names = None
        if "factor_names" in arrays.names():
            listed = np.atleast_1d(_table(arrays, "factor_names", path))
            names = [_text(name) for name in listed.ravel()]
        table = _table(arrays, factors, path)
        return FileContent(table, names, shape)


def check_array(
    path: Path, key: str, shape: tuple[int, ...], dtype: np.dtype[Any], title: str
) -> None:
    """Refuse a file whose array is not what an official one has, by its headers alone."""
    with _opened(path) as arrays:
        stored = _stored(arrays, key, path, f"{title} has one", CorruptFileError)
        if (stored.shape, stored.dtype) != (shape, dtype):
            raise CorruptFileError(
                f"{path}: array {key!r} is {stored.dtype} {stored.shape}, but that of {title} is "
                f"{dtype} {shape}: it is another file, or an incomplete one"
            )


def read_table(path: Path, key: str) -> NDArray[Any]:
    """Return a small array of a file."""
    with _opened(path) as arrays:
        return _table(arrays, key, path)


def open_images(
    path: Path, key: str, digest: Callable[[], str]
) -> tuple[Rows | NDArray[Any], Form]:
    """Open the images of a file: their rows as they are stored, and the form to bring them into.

    Small arrays are read; large ones are read row by row from where they lie in the file or, if
    they are compressed, from a copy in the cache folder that is unpacked once.
    """
    label = f"{path}: array {key!r}"
    with _opened(path) as arrays:
        rows, place = _rows(path, arrays, key, digest)
        if isinstance(rows, Rows):
            # A look at every byte, which compares an npz with its checksum, too.
            content = _content(path, arrays, key) if place == path else _pieces(place)
            pieces = (np.frombuffer(piece, rows.dtype) for piece in content)
            extremes = once(place, f"extremes of {key}", lambda: extremes_of(pieces))
        else:
            extremes = extremes_of([rows])
    return rows, image_form(rows.shape, rows.dtype, extremes, label)


def open_rows(path: Path, key: str, digest: Callable[[], str]) -> Rows | NDArray[Any]:
    """Open the rows of an array as `open_images` does, where their form is known.

    What is read where it lies is read through once, which compares an npz with its checksum.
    """
    with _opened(path) as arrays:
        rows, place = _rows(path, arrays, key, digest)
        if isinstance(rows, Rows) and place == path:
            once(path, f"size of {key}", lambda: str(sum(map(len, _content(path, arrays, key)))))
    return rows


def _rows(
    path: Path, arrays: Arrays, key: str, digest: Callable[[], str]
) -> tuple[Rows | NDArray[Any], Path]:
    """Return an array, or its rows where it is large, and the file that they lie in."""
    stored = _stored(arrays, key, path)
    if stored.n_bytes < LARGE:
        return _read(arrays, key, path), path
    place, offset = path, stored.offset
    if offset is None:
        place, offset = _unpacked(path, arrays, key, stored, digest()), 0
    return Rows(place, stored.shape, stored.dtype, offset), place


def _content(path: Path, arrays: Arrays, key: str) -> Iterator[bytes | memoryview]:
    """Yield the content of an array; what is wrong with it is no fault of where it is written."""
    try:
        yield from arrays.pieces(key, PIECE_BYTES)
    except _UNREADABLE as error:
        raise _unreadable(path, error) from error


def _pieces(copy: Path) -> Iterator[bytes]:
    with copy.open("rb") as stream:
        while piece := stream.read(PIECE_BYTES):
            yield piece


def _unpacked(path: Path, arrays: Arrays, key: str, stored: Stored, digest: str) -> Path:
    """Return the copy of a compressed array in the cache folder, unpacked if there is none yet."""
    label, size = f"{path}: array {key!r}", f"{stored.n_bytes:,} bytes"
    if not stored.in_rows or stored.dtype.kind not in "biuf":
        raise ValueError(
            f"{label} of {size} is stored column by column; save numpy.ascontiguousarray(images)"
        )
    folder = cache_folder()
    name = hashlib.sha256(f"{digest}/{key}".encode()).hexdigest()[:32]
    place = folder / f"file-{name}{_UNPACKED}"
    try:
        if not _sound(place, stored.n_bytes):
            folder.mkdir(parents=True, exist_ok=True)
            with locked(place.with_suffix(".lock")):
                if not _sound(place, stored.n_bytes):  # another process may have made it meanwhile
                    free = shutil.disk_usage(folder).free
                    if free < stored.n_bytes:
                        raise OSError(f"{free:,} bytes are free")
                    _unpack(_content(path, arrays, key), place)
    except OSError as error:
        raise ValueError(
            f"{label} cannot be unpacked into the cache folder {folder} ({error}): it needs "
            f"{size}; set DISBENCH_CACHE to a folder with room, or save the file uncompressed "
            "(numpy.savez)"
        ) from error
    return place


def _sound(place: Path, n_bytes: int) -> bool:
    try:
        whole = is_regular(place) and place.stat().st_size == n_bytes
        return whole and content_digest(place) == checksum_beside(place)
    except (OSError, ValueError):
        return False


def _unpack(content: Iterator[bytes | memoryview], place: Path) -> None:
    digest = hashlib.sha256()
    with replacing(place) as staged:
        with staged.open("wb") as stream:
            for piece in content:
                stream.write(piece)
                digest.update(piece)
        keep_checksum(place, digest.hexdigest())


@contextmanager
def _opened(path: Path) -> Iterator[Arrays]:
    if path.suffix not in (".npz", ".h5", ".hdf5"):
        raise CorruptFileError(f"{shown(path)}: a dataset's file must end in .npz, .h5 or .hdf5")
    try:
        with _reader(path) as arrays:
            yield arrays
    except FileNotFoundError:
        raise
    except _UNREADABLE as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: BaseException) -> CorruptFileError:
    return CorruptFileError(f"{path} cannot be read as {path.suffix[1:]}: {error}")


def _reader(path: Path) -> Arrays:
    if path.suffix == ".npz":
        return NpzArrays(path)
    from ._hdf5 import HDF5Arrays

    return HDF5Arrays(path)


def _stored(
    arrays: Arrays,
    key: str,
    path: Path,
    hint: str = "name yours by the options images and factors",
    missing: type[ValueError] = ValueError,
) -> Stored:
    """Return what the headers say of an array; a user's file may have it by another name."""
    try:
        return arrays.stored(key)
    except KeyError:
        there = shown(", ".join(arrays.names()) or "none")
        raise missing(f"{path} has no array {key!r}; it has: {there}; {hint}") from None
    except ValueError as error:
        raise CorruptFileError(f"{path}: {error}") from error


def _table(arrays: Arrays, key: str, path: Path) -> NDArray[Any]:
    n_bytes = _stored(arrays, key, path).n_bytes
    if n_bytes > _TABLE_BYTES:
        raise ValueError(
            f"{path}: array {key!r} has {n_bytes:,} bytes; a table has at most {_TABLE_BYTES:,}"
        )
    return _read(arrays, key, path)


def _read(arrays: Arrays, key: str, path: Path) -> NDArray[Any]:
    try:
        return arrays.read(key)
    except ValueError as error:
        raise CorruptFileError(f"{path}: array {key!r} cannot be read: {error}") from error


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)
