"""dSprites without its one categorical factor: four ordered factors remain."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._base import FactorDataset, bits_to_images, checked_indices
from ._derived import SEED, SOURCE_OPTIONS, DerivedDataset
from ._geometry import FACTOR_NAMES, FACTOR_SIZES, SHAPES
from ._options import Option
from ._random import random_bytes
from ._registry import DatasetInfo, Values
from .dsprites import check_source, settle_source

_N_IMAGES = 6 * 40 * 32 * 32


class DSpritesWithoutShape(DerivedDataset):
    """The 245,760 images of one shape; factors scale, orientation, position_x, position_y.

    The heart by default: it alone looks different at every orientation, where a square repeats
    after a quarter turn and an ellipse after half a turn. With `shape="random"` each combination
    has one shape drawn at random (a function of `seed` and the index) that is no factor, which is
    the literature's `dsprites_noshape`.

    Examples
    --------
    >>> from datasets import load
    >>> data = load("dsprites_without_shape")
    >>> len(data), data.factor_names
    (245760, ('scale', 'orientation', 'position_x', 'position_y'))
    """

    def __init__(self, values: Values, options: Values) -> None:
        names, sizes = FACTOR_NAMES[1:], FACTOR_SIZES[1:]
        super().__init__("dsprites_without_shape", values, options, names, sizes, (1, 64, 64))

    def images(self, indices: ArrayLike) -> NDArray[np.uint8]:
        """Return the images of some indices; see `FactorDataset.images`."""
        numbers = self._base_indices(checked_indices(indices, len(self)))
        return bits_to_images(self.base.packed_bits()[numbers], self.image_shape)

    def packed_bits(self) -> NDArray[np.uint8]:
        """Return all images, eight pixels to a byte; see `FactorDataset.packed_bits`."""
        packed = self.base.packed_bits()
        if self._values["shape"] == "random":
            return packed[self._base_indices(np.arange(_N_IMAGES))]
        start = SHAPES.index(self._values["shape"]) * _N_IMAGES
        return packed[start : start + _N_IMAGES]  # shape is dSprites' slowest factor

    def _base_indices(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        if self._values["shape"] != "random":
            return numbers + SHAPES.index(self._values["shape"]) * _N_IMAGES
        words = random_bytes(self._values["seed"], numbers, 8).view("<u8")[:, 0]
        return numbers + (words % 3).astype(np.int64) * _N_IMAGES


def _load(values: Values, options: Values) -> FactorDataset:
    return DSpritesWithoutShape(values, options)


INFO = DatasetInfo(
    "dsprites_without_shape",
    "dSprites with one shape, or a shape that is no factor; four ordered factors",
    {
        "shape": Option(
            "heart", str, "which shape, or one at random per image", choices=(*SHAPES, "random")
        ),
        "seed": replace(SEED, idle=("shape", SHAPES)),
        **SOURCE_OPTIONS,
    },
    _load,
    settle_source,
    check_source,
)
