"""Official files with an image for every combination of factors, read where they lie."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._base import FactorDataset, checked_indices
from ._damaged import CorruptFileError, remedied
from ._file import check_array, open_rows, read_table
from ._known import content_digest, identity, same_content
from ._options import Option
from ._registry import Values
from ._sources import Source
from ._stored import Rows

PATH = Option(
    None, Path, "the official file (a folder where there are several); by default in the cache"
)


@dataclass(frozen=True)
class Layout:
    """What is published of an official file.

    Attributes
    ----------
    source : Source
        Where it comes from.
    factor_names, factor_sizes : tuple
        The factors, slowest first.
    side : int
        Height and width of the images, which have three channels, the last axis.
    labels : str or None
        Name of an array with the factors' values, a column each, rising with their index; None
        where the file has no such array.
    """

    source: Source
    factor_names: tuple[str, ...]
    factor_sizes: tuple[int, ...]
    side: int = 64
    images: str = "images"
    labels: str | None = None

    def check(self, values: Values) -> None:
        """Refuse a file that is not there, or whose arrays are not the published ones."""
        path, title, n = self.source.at(values["path"]), self.source.title, prod(self.factor_sizes)
        pictures = (n, self.side, self.side, 3)
        with remedied(self.source.remedy):
            check_array(path, self.images, pictures, np.dtype(np.uint8), title)
            if self.labels is not None:
                table = (n, len(self.factor_sizes))
                check_array(path, self.labels, table, np.dtype(np.float64), title)


class GridFile(FactorDataset):
    """The images of an official file, each read when it is asked for.

    A file of 12.7 GB takes a few megabytes: what was read stays in the system's page cache, which
    all processes share. Compressed arrays are unpacked once into the cache folder.
    """

    def __init__(self, layout: Layout, values: Values, options: Values) -> None:
        shape = (3, layout.side, layout.side)
        name = layout.source.name
        super().__init__(name, options, layout.factor_names, layout.factor_sizes, shape)
        self._layout = layout
        self._path: str | None = values["path"]
        self._rows: Rows | NDArray[np.uint8] | None = None
        self._file: list[int] | None = None
        self._digest: str | None = None

    @property
    def fingerprint(self) -> str:
        """Digest of the file's whole content."""
        return f"{self.name}/1/{self._sha256()[:32]}"

    def images(self, indices: ArrayLike) -> NDArray[np.uint8]:
        """Return the images of some indices; see `FactorDataset.images`."""
        numbers = checked_indices(indices, len(self))
        if self._rows is None:
            path = self._unchanged()
            self._layout.check({"path": self._path})
            with remedied(self._layout.source.remedy):
                self._check_order(path)
                self._rows = open_rows(path, self._layout.images, self._sha256)
        return np.ascontiguousarray(np.moveaxis(self._rows[numbers], 3, 1))

    def _sha256(self) -> str:
        if self._digest is None:
            path = self._unchanged()
            self._digest = content_digest(path)
            self._layout.source.compare([path])
        return self._digest

    def _unchanged(self) -> Path:
        path = self._layout.source.at(self._path)
        now = identity(path)
        if self._file is not None and not same_content(now, self._file):
            raise ValueError(f"{path} was changed while it was in use; load it again")
        self._file = now
        return path

    def _check_order(self, path: Path) -> None:
        """Refuse a file whose labels say that its images are in another order."""
        labels = self._layout.labels
        if labels is None:
            return
        table = read_table(path, labels)
        for k, name in enumerate(self.factor_names):
            ranks = np.unique(table[:, k], return_inverse=True)[1].reshape(-1)
            expected = np.unravel_index(np.arange(len(self)), self.factor_sizes)[k]
            wrong = np.flatnonzero(ranks != expected)
            if len(wrong):
                first = wrong[0]
                raise CorruptFileError(
                    f"{path}: array {labels!r} has image {first} at value {ranks[first]} of "
                    f"{name}, but in {self._layout.source.title} it is at {expected[first]}: the "
                    "images are in another order"
                )

    def __getstate__(self) -> Values:
        return {**self.__dict__, "_rows": None}  # a worker process opens the file itself
