"""Official files of another form, converted once into the cache folder, to images of 64×64."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Sequence
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._base import FactorDataset, checked_indices
from ._cache import stored_bits
from ._damaged import remedied
from ._known import content_digest
from ._registry import Values
from ._sources import Source

SIDE = 64


class ConvertedDataset(FactorDataset):
    """Images that are made of official files once, and memory-mapped from the cache folder."""

    def __init__(
        self,
        source: Source,
        values: Values,
        options: Values,
        factor_names: Sequence[str],
        factor_sizes: Sequence[int],
        channels: int,
    ) -> None:
        shape = (channels, SIDE, SIDE)
        super().__init__(source.name, options, factor_names, factor_sizes, shape)
        self._source = source
        self._path: str | None = values["path"]
        self._digest: str | None = None
        self._images: NDArray[np.uint8] | None = None

    @abstractmethod
    def official_files(self, place: Path) -> list[Path]:
        """Return the files that the images are made of, in an order that is always the same."""

    @abstractmethod
    def convert(self, place: Path, out: NDArray[np.uint8]) -> None:
        """Write every image into `out`, (n_images, channels·64·64); refuse a wrong file."""

    @property
    def fingerprint(self) -> str:
        """Digest of the whole content of the files."""
        return f"{self.name}/1/{self._sha256()[:32]}"

    def images(self, indices: ArrayLike) -> NDArray[np.uint8]:
        """Return the images of some indices; see `FactorDataset.images`."""
        numbers = checked_indices(indices, len(self))
        if self._images is None:
            place = self._source.at(self._path)
            name = f"{self.name}-{self._sha256()[:32]}"
            shape = (len(self), prod(self.image_shape))
            self._images = stored_bits(name, shape, lambda out: self._fill(place, out))
        return self._images[numbers].reshape(-1, *self.image_shape)

    def _fill(self, place: Path, out: NDArray[np.uint8]) -> None:
        with remedied(self._source.remedy):
            self.convert(place, out)

    def _sha256(self) -> str:
        if self._digest is None:
            digest = hashlib.sha256()
            paths = self.official_files(self._source.at(self._path))
            for path in paths:
                digest.update(bytes.fromhex(content_digest(path)))
            self._digest = digest.hexdigest()
            self._source.compare(paths)
        return self._digest

    def __getstate__(self) -> Values:
        return {**self.__dict__, "_images": None}  # a worker process maps the file itself
