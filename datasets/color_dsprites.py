"""dSprites with coloured shapes: colour as a factor, or drawn at random."""

from __future__ import annotations

import colorsys

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._base import FactorDataset, checked_indices
from ._derived import SEED, SOURCE_OPTIONS, DerivedDataset
from ._draw import N_IMAGES
from ._geometry import FACTOR_NAMES, FACTOR_SIZES
from ._options import Option
from ._random import random_bytes
from ._registry import DatasetInfo, Values
from .dsprites import check_source, settle_source

_IMAGE_SHAPE = (3, 64, 64)


def hues(n_colors: int) -> NDArray[np.uint8]:
    """Return `n_colors` saturated colours, uint8 (n_colors, 3), evenly spaced in hue from red.

    With 8: red, amber, lime, spring green, cyan, blue, violet, rose.

    Examples
    --------
    >>> hues(3).tolist()
    [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
    """
    colors = [colorsys.hsv_to_rgb(k / n_colors, 1.0, 1.0) for k in range(n_colors)]
    return np.asarray(np.rint(255 * np.array(colors)), np.uint8)


class ColorDSprites(DerivedDataset):
    """dSprites' shapes in colour on black.

    With `random_color=False` colour is the first, slowest factor, with `n_colors` evenly spaced
    hues (see `hues`), as Fig. 4 of Burgess et al. 2018 has a colour factor. With
    `random_color=True` the factors are dSprites' own and each image has a random colour, every
    channel uniform in 128..255, as in Locatello et al. 2019, *Challenging common assumptions*; a
    function of `seed` and the image's index here, so that an image is always the same.

    Examples
    --------
    >>> from datasets import load
    >>> data = load("color_dsprites", n_colors=4)
    >>> data.factor_names[:2], data.factor_sizes[:2], data.image_shape
    (('color', 'shape'), (4, 3), (3, 64, 64))
    """

    def __init__(self, values: Values, options: Values) -> None:
        self._random = bool(values["random_color"])
        names: tuple[str, ...] = FACTOR_NAMES
        sizes: tuple[int, ...] = FACTOR_SIZES
        if not self._random:
            names, sizes = ("color", *names), (values["n_colors"], *sizes)
        super().__init__("color_dsprites", values, options, names, sizes, _IMAGE_SHAPE)

    def images(self, indices: ArrayLike) -> NDArray[np.uint8]:
        """Return the images of some indices; see `FactorDataset.images`."""
        numbers = checked_indices(indices, len(self))
        if self._random:
            # Half the range of a byte, shifted up: a dark shape could not be seen.
            colors = random_bytes(self._values["seed"], numbers, 3) // 2 + 128
        else:
            colors = hues(self._values["n_colors"])[numbers // N_IMAGES]
        # The sprites are 0 or 255, all bits clear or set, so "and" selects the colour.
        images: NDArray[np.uint8] = self.sprites(numbers % N_IMAGES) & colors[:, :, None, None]
        return images


def _settle(values: Values) -> Values:
    values = settle_source(values)
    # An option without effect is no part of a dataset's identity.
    unused = {"n_colors": 8} if values["random_color"] else {"seed": 0}
    return {**values, **unused}


def _load(values: Values, options: Values) -> FactorDataset:
    return ColorDSprites(values, options)


INFO = DatasetInfo(
    "color_dsprites",
    "dSprites with the colour of the shape as sixth factor, or random",
    {
        "n_colors": Option(8, int, "number of hues of the colour factor", minimum=2, maximum=360),
        "random_color": Option(False, bool, "a random colour per image instead of a factor"),
        "seed": SEED,
        **SOURCE_OPTIONS,
    },
    _load,
    _settle,
    check_source,
)
