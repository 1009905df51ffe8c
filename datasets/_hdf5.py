"""The arrays of an HDF5 file: where they lie, whole or in pieces, from this file alone."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, prod
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ._stored import Stored

_MOST_BYTES = 2**28


class HDF5Arrays:
    """An HDF5 file, open for reading; a context."""

    def __init__(self, path: Path) -> None:
        self._file = h5py.File(path, "r")

    def __enter__(self) -> HDF5Arrays:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def names(self) -> list[str]:
        """Return the names at the top of the file."""
        return list(self._file)

    def stored(self, key: str) -> Stored:
        """Return what the file says of an array.

        Raises
        ------
        KeyError
            There is nothing of this name.
        ValueError
            It is not in the file itself, or was never written.
        """
        array = self._array(key)
        shape, dtype = tuple(array.shape or ()), array.dtype
        chunks = array.chunks
        if chunks is None:
            written = prod(shape) == 0 or array.id.get_storage_size() > 0
        else:
            wanted = prod(ceil(n / size) for n, size in zip(shape, chunks, strict=True))
            written = array.id.get_num_chunks() == wanted
        if not written:
            # A shape of any size costs a file nothing, until something is written.
            raise ValueError(f"array {key!r} of shape {shape} was never written as a whole")
        plain = chunks is None and dtype.kind in "biuf"
        return Stored(shape, dtype, array.id.get_offset() if plain else None)

    def read(self, key: str) -> NDArray[Any]:
        """Return an array."""
        return np.asarray(self._array(key)[()])

    def pieces(self, key: str, n_bytes: int) -> Iterator[bytes | memoryview]:
        """Yield an array's content in whole rows, about so many bytes at a time."""
        array = self._array(key)
        row_bytes = max(1, array.dtype.itemsize * prod(array.shape[1:]))
        rows = max(1, n_bytes // row_bytes)
        if array.chunks is not None:
            # A chunk is unpacked once, not once for each piece that has a part of it; unless it
            # reaches through so many images that these do not belong into memory.
            rows = max(rows, min(array.chunks[0], _MOST_BYTES // row_bytes))
        for start in range(0, len(array), rows):
            yield array[start : start + rows].data

    def _array(self, key: str) -> h5py.Dataset:
        # Asked of the links themselves, before one is followed: HDF5 would open any file of the
        # machine, and wait for a pipe.
        group, *rest = self._file.id, *key.strip("/").split("/")
        for name in rest:
            named = isinstance(group, h5py.h5g.GroupID) and bool(name) and "\0" not in name
            if not named or not group.links.exists(name.encode()):
                raise KeyError(key)
            if group.links.get_info(name.encode()).type != h5py.h5l.TYPE_HARD:
                raise ValueError(f"{key!r} is no array in the file itself")
            group = h5py.h5o.open(group, name.encode())
        array = h5py.Dataset(group) if isinstance(group, h5py.h5d.DatasetID) else None
        if array is None or array.external or array.is_virtual:
            raise ValueError(f"{key!r} is no array in the file itself")
        return array
