"""dSprites on a background of uniform noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._base import FactorDataset, checked_indices
from ._derived import SEED, SOURCE_OPTIONS, DerivedDataset
from ._geometry import FACTOR_NAMES, FACTOR_SIZES
from ._options import Option
from ._random import random_bytes
from ._registry import DatasetInfo, Values
from .dsprites import check_source, settle_source


class NoisyDSprites(DerivedDataset):
    """White shapes on noise, each pixel and channel uniform in 0..255·strength, independent.

    Three channels and full strength as in Locatello et al. 2019, *Challenging common assumptions
    in the unsupervised learning of disentangled representations*. There the noise is drawn anew
    at every use; here it is a function of `seed` and the image's index.

    Examples
    --------
    >>> from datasets import load
    >>> load("noisy_dsprites").image_shape
    (3, 64, 64)
    """

    def __init__(self, values: Values, options: Values) -> None:
        shape = (values["channels"], 64, 64)
        super().__init__("noisy_dsprites", values, options, FACTOR_NAMES, FACTOR_SIZES, shape)
        # What each of the 256 equally likely bytes becomes.
        levels = np.rint(np.arange(256) * values["strength"])
        self._levels: NDArray[np.uint8] = levels.astype(np.uint8)

    def images(self, indices: ArrayLike) -> NDArray[np.uint8]:
        """Return the images of some indices; see `FactorDataset.images`."""
        numbers = checked_indices(indices, len(self))
        n_bytes = int(np.prod(self.image_shape))
        noise = self._levels[random_bytes(self._values["seed"], numbers, n_bytes)]
        images: NDArray[np.uint8] = noise.reshape(-1, *self.image_shape) | self.sprites(numbers)
        return images  # "or" with 255 is 255, with 0 the noise


def _load(values: Values, options: Values) -> FactorDataset:
    return NoisyDSprites(values, options)


INFO = DatasetInfo(
    "noisy_dsprites",
    "dSprites on uniform noise that is a function of seed and index",
    {
        "strength": Option(1.0, float, "brightest noise, 1 is white", minimum=0, maximum=1),
        "channels": Option(3, int, "colour noise (3) or grey (1)", choices=(1, 3)),
        "seed": replace(SEED, idle=("strength", (0.0,))),
        **SOURCE_OPTIONS,
    },
    _load,
    settle_source,
    check_source,
)
