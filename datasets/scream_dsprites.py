"""dSprites on patches of Munch's *The Scream*, after Locatello et al. 2019."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._base import FactorDataset, checked_indices
from ._derived import SEED, SOURCE_OPTIONS, DerivedDataset
from ._geometry import FACTOR_NAMES, FACTOR_SIZES
from ._options import Option
from ._paths import expanded, present, shown
from ._random import random_bytes
from ._registry import DatasetInfo, Values
from .dsprites import check_source, settle_source

_LABEL = "scream_dsprites: option 'picture'"
_URL = "https://upload.wikimedia.org/wikipedia/commons/f/f4/The_Scream.jpg"
_REMEDY = f"get {_URL}, or take any other picture, and name it by the option picture"
_SIDE = 64
# The picture is reduced until it fits into so many columns and rows.
_FIT = (350, 274)


@cache
def _reduced(path: Path, seconds: int) -> NDArray[np.uint8]:
    """Return the picture, (h, w, 3), no larger than `_FIT`."""
    del seconds  # only the key: a picture that was changed is read again
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            small = picture.convert("RGB")
        small.thumbnail(_FIT)
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(
            f"{_LABEL}: {shown(path)} cannot be read as a picture: {error}; {_REMEDY}"
        ) from None
    if min(small.size) <= _SIDE:
        raise ValueError(
            f"{_LABEL}: {shown(path)}, reduced to {small.width}×{small.height}, has no patches of "
            f"{_SIDE}×{_SIDE}; {_REMEDY}"
        )
    pixels = np.array(small)
    pixels.setflags(write=False)
    return pixels


class ScreamDSprites(DerivedDataset):
    """dSprites' shapes inverted into a patch of a picture, which has a random tint.

    Background: a random patch of the picture and a random colour, half of each; within the shape
    the background is inverted. The picture is first reduced to fit 350×274 pixels, by Pillow's
    `thumbnail`. All this as in Locatello et al. 2019, *Challenging common assumptions*, but there
    what is random is drawn anew at every use, here it is a function of `seed` and the index.

    Examples
    --------
    >>> from datasets import restore
    >>> data = restore("scream_dsprites", {"picture": "/pictures/scream.jpg"})
    >>> data.factor_names[0], data.image_shape  # `load` would ask for the picture at once
    ('shape', (3, 64, 64))
    """

    def __init__(self, values: Values, options: Values) -> None:
        shape = (3, _SIDE, _SIDE)
        super().__init__("scream_dsprites", values, options, FACTOR_NAMES, FACTOR_SIZES, shape)

    @property
    def fingerprint(self) -> str:
        """Digest of the reduced picture, the seed, and the fingerprint of dSprites."""
        picture = _picture(self._values)
        digest = hashlib.sha256(repr((picture.shape, self._values["seed"])).encode())
        digest.update(picture.data)
        digest.update(self.base.fingerprint.encode())
        return f"scream_dsprites/1/{digest.hexdigest()[:16]}"

    def images(self, indices: ArrayLike) -> NDArray[np.uint8]:
        """Return the images of some indices; see `FactorDataset.images`."""
        numbers = checked_indices(indices, len(self))
        picture = _picture(self._values)
        drawn = random_bytes(self._values["seed"], numbers, 24)
        rows, columns = (
            (drawn[:, k : k + 8].copy().view("<u8")[:, 0] % (length - _SIDE)).astype(np.int64)
            for k, length in ((0, picture.shape[0]), (8, picture.shape[1]))
        )
        patches = np.lib.stride_tricks.sliding_window_view(picture, (_SIDE, _SIDE), (0, 1))
        patch = patches[rows, columns].astype(np.uint16)
        tint = drawn[:, 16:19].astype(np.uint16)[:, :, None, None]
        background = ((patch + tint + 1) // 2).astype(np.uint8)
        # The sprites are 0 or 255: "xor" with 255 inverts.
        images: NDArray[np.uint8] = background ^ self.sprites(numbers)
        return images


def _place(values: Values) -> Path:
    try:
        return present(expanded(values["picture"], _LABEL), _LABEL)
    except FileNotFoundError:
        said = f"{_LABEL}: there is no picture {shown(values['picture'])}; {_REMEDY}"
        raise FileNotFoundError(said) from None


def _picture(values: Values) -> NDArray[np.uint8]:
    path = _place(values)
    return _reduced(path, path.stat().st_mtime_ns)


def _settle(values: Values) -> Values:
    if values["picture"] is None:
        raise ValueError(f"dataset 'scream_dsprites' needs the option 'picture': {_REMEDY}")
    return settle_source(values)


def _check(values: Values) -> None:
    _picture(values)
    check_source(values)


def _load(values: Values, options: Values) -> FactorDataset:
    return ScreamDSprites(values, options)


INFO = DatasetInfo(
    "scream_dsprites",
    "dSprites inverted into tinted patches of a picture, by path",
    {
        "picture": Option(None, Path, "the picture, in the literature Munch's The Scream"),
        "seed": SEED,
        **SOURCE_OPTIONS,
    },
    _load,
    _settle,
    _check,
)
