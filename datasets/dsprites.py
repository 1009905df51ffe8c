"""dSprites (Matthey et al. 2017): drawn from its geometry, or read from the official file."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._base import FactorDataset, bits_to_images, checked_indices
from ._cache import cache_folder, stored_bits
from ._draw import BYTES_PER_IMAGE, N_IMAGES, draw_all
from ._geometry import FACTOR_NAMES, FACTOR_SIZES
from ._official import check_there, download, find_official, official_bits
from ._options import Option
from ._registry import DatasetInfo, Values

IMAGE_SHAPE = (1, 64, 64)
SHAPE = (N_IMAGES, BYTES_PER_IMAGE)
# Checksum of all drawn images as packed bits, verified whenever the set is drawn or opened.
DRAWN_SHA256 = "c9029b6b7d9480a6149b4721b937252f2cafe54bace7150805d13af78f571f68"


@cache
def drawn_bits(folder: str) -> NDArray[np.uint8]:
    """Return the drawn set, drawing it if `folder`, the cache, has no sound copy."""
    del folder  # only the key: a process that changes DISBENCH_CACHE must not keep the old map
    return stored_bits("dsprites-drawn", SHAPE, draw_all, DRAWN_SHA256)


_OFFICIAL = "dsprites/official/fa310c66"  # start of the pinned commit of the official repository


class DSprites(FactorDataset):
    """All 737,280 binary images of dSprites, one bit per pixel.

    Parameters
    ----------
    source : {"render", "official"}
        Draw the images, or read the official file.
    path : str, optional
        The official file; without it, the cache folder is searched.
    options : mapping
        The options that differ from their default.

    Notes
    -----
    Source: Matthey, Higgins, Hassabis and Lerchner, *dSprites: Disentanglement testing Sprites
    dataset*, https://github.com/google-deepmind/dsprites-dataset.

    Examples
    --------
    >>> from datasets import load
    >>> dsprites = load("dsprites")
    >>> len(dsprites), dsprites.factor_names[0], dsprites.factors([737279]).tolist()
    (737280, 'shape', [[2, 5, 39, 31, 31]])
    """

    def __init__(self, source: str, path: str | None, options: Values) -> None:
        super().__init__("dsprites", options, FACTOR_NAMES, FACTOR_SIZES, IMAGE_SHAPE)
        self._source = source
        self._path = path

    @property
    def fingerprint(self) -> str:
        """Name of the content: the checksum of the drawn bits, or the official file's commit."""
        if self._source == "official":
            return _OFFICIAL
        return f"dsprites/render/{DRAWN_SHA256[:16]}"

    def packed_bits(self) -> NDArray[np.uint8]:
        """Return all images, eight pixels to a byte; see `FactorDataset.packed_bits`."""
        if self._source == "official":
            return official_bits(str(cache_folder()), self._path)
        return drawn_bits(str(cache_folder()))

    def images(self, indices: ArrayLike) -> NDArray[np.uint8]:
        """Return the images of some indices; see `FactorDataset.images`."""
        packed = self.packed_bits()
        return bits_to_images(packed[checked_indices(indices, N_IMAGES)], IMAGE_SHAPE)


OPTIONS = {
    "source": Option(
        "render",
        str,
        "draw the images, read the official file, or `auto`: the official file if the cache has it",
        choices=("render", "official", "auto"),
    ),
    "path": Option(
        None,
        Path,
        "the official .npz or .hdf5 file; by default searched in the cache",
        idle=("source", ("render",)),
    ),
}


def settle_source(values: Values) -> Values:
    """Settle `source: auto`, for dSprites and its variants."""
    if values["source"] == "auto":
        found = find_official(values["path"])
        values = {**values, "source": "official" if found else "render"}
        # A path that is not read is no part of the identity.
        values = values if found else {**values, "path": None}
    return values


def check_source(values: Values) -> None:
    """Refuse an official file that is not there, for dSprites and its variants."""
    if values["source"] == "official":
        check_there(values["path"])


def _load(values: dict[str, Any], options: Values) -> FactorDataset:
    return DSprites(values["source"], values["path"], options)


INFO = DatasetInfo(
    "dsprites",
    "2D shapes: shape, scale, orientation and position; 737,280 binary images of 64×64",
    OPTIONS,
    _load,
    settle_source,
    check_source,
    download=download,
)
