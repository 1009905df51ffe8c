"""Arrays that stay in their file: what is known of one without reading it, and its rows."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

PIECE_BYTES = 2**24


@dataclass(frozen=True)
class Stored:
    """What a file's headers say of an array.

    Attributes
    ----------
    shape : tuple of int
        Its shape.
    dtype : dtype
        Its type.
    offset : int or None
        Where in the file its content lies as it is in memory; None if it is compressed or in
        pieces.
    in_rows : bool
        Whether the first axis is the slowest, as usual.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int | None
    in_rows: bool = True

    @property
    def n_bytes(self) -> int:
        """Size of the content in memory."""
        return prod(self.shape) * self.dtype.itemsize


class Arrays(Protocol, AbstractContextManager["Arrays"]):
    """A file with named arrays, open for reading."""

    def names(self) -> list[str]:
        """Return the names of the arrays."""

    def stored(self, key: str) -> Stored:
        """Return what is known of an array without reading it."""

    def read(self, key: str) -> NDArray[Any]:
        """Return an array."""

    def pieces(self, key: str, n_bytes: int) -> Iterator[bytes | memoryview]:
        """Yield the content of an array in row order, about so many bytes at a time."""


class Rows:
    """Rows of an array in a file, by their indices, read when they are asked for.

    They are read rather than mapped: what a process has read stays in the system's cache, which all
    processes share, and not in its own memory; and a file that is cut short under a map kills the
    process.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], offset: int):
        self.shape = shape
        self.dtype = dtype
        self._path = path
        self._offset = offset
        self._row_bytes = prod(shape[1:]) * dtype.itemsize
        self._file = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._file)
        self._state = _state(self._file)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, indices: NDArray[np.int64]) -> NDArray[Any]:
        """Return the rows at `indices`, in their order."""
        if _state(self._file) != self._state:
            raise ValueError(f"{self._path} was changed while it was in use; load it again")
        rows = np.empty((len(indices), *self.shape[1:]), self.dtype)
        if rows.size == 0:
            return rows
        content = rows.reshape(len(indices), -1).view(np.uint8)
        # Neighbours in the file that are neighbours here are read at once.
        ends = [*(np.flatnonzero(np.diff(indices) != 1) + 1).tolist(), len(indices)]
        start = 0
        for end in ends:
            self._read(content[start:end].reshape(-1), int(indices[start]) * self._row_bytes)
            start = end
        return rows

    def _read(self, out: NDArray[np.uint8], start: int) -> None:
        view, place = out.data, self._offset + start
        while view:
            done = os.preadv(self._file, [view], place)
            if not done:
                raise ValueError(f"{self._path} ends before its images do")
            view, place = view[done:], place + done


def _state(file: int) -> tuple[int, int]:
    found = os.fstat(file)
    return found.st_size, found.st_mtime_ns
