"""Read users' `.npz` and `.h5` files without unpickling anything."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ._arrays import as_images, channels_first

T = TypeVar("T")
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


def read_content(path: Path, images: str, factors: str) -> FileContent:
    """Read the factors and the images' shape; ValueError if the two do not fit together."""

    def read(file: Any) -> FileContent:
        shape = _shape(file, images, path)
        table = np.asarray(_member(file, factors, path))
        names = None
        if "factor_names" in file:
            listed = np.atleast_1d(np.asarray(_member(file, "factor_names", path)))
            names = [_text(name) for name in listed.ravel()]
        if len(table) != shape[0]:
            raise ValueError(f"{path}: {shape[0]} images but {len(table)} rows of factors")
        return FileContent(table, names, channels_first(shape, str(path)))

    return _with_file(path, read)


def read_images(path: Path, images: str) -> NDArray[np.uint8]:
    """Read all images as uint8 (n, c, h, w)."""
    return _with_file(path, lambda file: as_images(_member(file, images, path), str(path)))


def _with_file(path: Path, read: Callable[[Any], T]) -> T:
    if path.suffix not in (".npz", ".h5", ".hdf5"):
        raise ValueError(f"{path}: a data set's file must end in .npz, .h5 or .hdf5")
    try:
        if path.suffix == ".npz":
            if not zipfile.is_zipfile(path):  # np.load would take it for a pickle or an .npy
                raise ValueError(f"{path} cannot be read as npz: it is no zip archive")
            with np.load(path, allow_pickle=False) as archive:
                return read(archive)
        import h5py

        with h5py.File(path, "r") as file:
            return read(file)
    except FileNotFoundError:
        raise
    except _UNREADABLE as error:
        raise ValueError(f"{path} cannot be read as {path.suffix[1:]}: {error}") from error


def _member(file: Any, key: str, path: Path) -> Any:
    array = _found(file, key, path)
    try:
        return array[()]
    except ValueError as error:  # numpy refuses a pickled member
        raise ValueError(f"{path}: array {key!r} cannot be read: {error}") from error


def _shape(file: Any, key: str, path: Path) -> tuple[int, ...]:
    return tuple(_found(file, key, path).shape)


def _found(file: Any, key: str, path: Path) -> Any:
    if key not in file:
        raise ValueError(f"{path} has no array {key!r}; it has: {', '.join(file) or 'none'}")
    try:
        array = file[key]
    except ValueError as error:  # numpy refuses a pickled member
        raise ValueError(f"{path}: array {key!r} cannot be read: {error}") from error
    if isinstance(array, np.ndarray):
        return array
    # HDF5 can take an array's content from any file of the machine.
    inside = hasattr(array, "shape") and array.file.filename == file.file.filename
    if not inside or array.external or array.is_virtual:
        raise ValueError(f"{path}: {key!r} is no array in the file itself")
    return array


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)
