"""The arrays of an `.npz` file: where they lie, read whole or piece by piece, never unpickled."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from math import prod
from pathlib import Path
from tokenize import TokenError
from types import TracebackType
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ._stored import Stored

_LOCAL_HEADER = 30  # bytes before a member's name in the archive
# What numpy raises, beside ValueError, of a header that is no Python literal.
NO_HEADER = (SyntaxError, TokenError)
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


class NpzArrays:
    """An `.npz` file, open for reading; a context."""

    def __init__(self, path: Path) -> None:
        if not zipfile.is_zipfile(path):
            raise zipfile.BadZipFile("it is no zip archive")
        self._archive = zipfile.ZipFile(path)

    def __enter__(self) -> NpzArrays:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._archive.close()

    def names(self) -> list[str]:
        """Return the names of the arrays."""
        members = self._archive.namelist()
        return [name.removesuffix(".npy") for name in members if name.endswith(".npy")]

    def stored(self, key: str) -> Stored:
        """Return what the headers say of an array.

        Raises
        ------
        KeyError
            There is nothing of this name.
        ValueError
            It is pickled, or its headers contradict each other.
        """
        member = self._archive.getinfo(f"{key}.npy")
        try:
            with self._archive.open(member) as stream:
                shape, fortran, dtype = _header(stream)
                start = stream.tell()
            declared = start + prod(shape) * dtype.itemsize
            if declared != member.file_size:
                raise ValueError(f"it needs {declared:,} bytes, but has {member.file_size:,}")
        except ValueError as error:
            raise ValueError(f"array {key!r} cannot be read: {error}") from error
        plain = member.compress_type == zipfile.ZIP_STORED and not fortran
        offset = self._content(member) + start if plain else None
        return Stored(shape, dtype, offset, in_rows=not fortran)

    def _content(self, member: zipfile.ZipInfo) -> int:
        """Return where in the file a member begins, behind its own header."""
        stream = self._archive.fp
        if stream is None:
            raise ValueError("the archive is closed")
        stream.seek(member.header_offset)
        local = stream.read(_LOCAL_HEADER)
        lengths = [int.from_bytes(local[place : place + 2], "little") for place in (26, 28)]
        return member.header_offset + _LOCAL_HEADER + sum(lengths)

    def read(self, key: str) -> NDArray[Any]:
        """Return an array; its checksum is verified."""
        with self._archive.open(f"{key}.npy") as stream:
            array: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
        return array

    def pieces(self, key: str, n_bytes: int) -> Iterator[bytes | memoryview]:
        """Yield an array's content, so many bytes at a time; its checksum is verified last."""
        with self._archive.open(f"{key}.npy") as stream:
            _header(stream)
            while piece := stream.read(n_bytes):
                yield piece


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(stream)
    if version not in _HEADERS:
        raise ValueError(f"its .npy version {version} is unknown")
    try:
        shape, fortran, dtype = _HEADERS[version](stream)
    except NO_HEADER as error:
        raise ValueError(f"its header cannot be read: {error}") from error
    if dtype.hasobject:
        raise ValueError("it holds pickled objects, which are never read")
    if min(shape, default=0) < 0:
        raise ValueError(f"its shape is {shape}")
    return shape, fortran and len(shape) > 1, dtype
