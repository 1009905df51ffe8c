"""dSprites with coloured shapes: colour as a factor, or drawn at random."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

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
# Half the range of a byte: no shape is dark.
_LOW = 128


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
    hues (see `hues`). With `random_color=True` the factors are dSprites' own and each image has a
    random colour, every channel uniform in `low`..255; a function of `seed` and the image's index,
    so that an image is always the same. `low=128` is that of Locatello et al. 2019, *Challenging
    common assumptions*. `low=0` is that of Burgess et al. 2018, whose poster shows colours down to
    dark in Fig. 4; some shapes are then hardly to be seen, as there. `extra_factors` has the
    channels of a random colour as `red`, `green` and `blue`, 0 to 255.

    Examples
    --------
    >>> from datasets import load
    >>> data = load("color_dsprites", n_colors=4)
    >>> data.factor_names[:2], data.factor_sizes[:2], data.image_shape
    (('color', 'shape'), (4, 3), (3, 64, 64))
    >>> data = load("color_dsprites", random_color=True, low=0)
    >>> {name: channel.tolist() for name, channel in data.extra_factors([0, 1]).items()}
    {'red': [155, 119], 'green': [216, 111], 'blue': [228, 32]}
    """

    newer: ClassVar[Mapping[str, Any]] = {"low": _LOW}

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
            colors = self._colors(numbers)
        else:
            colors = hues(self._values["n_colors"])[numbers // N_IMAGES]
        # The sprites are 0 or 255, all bits clear or set, so "and" selects the colour.
        images: NDArray[np.uint8] = self.sprites(numbers % N_IMAGES) & colors[:, :, None, None]
        return images

    def extra_factors(self, indices: ArrayLike) -> dict[str, NDArray[np.int64]]:
        """Return the channels of the random colours; see `FactorDataset.extra_factors`."""
        numbers = checked_indices(indices, len(self))
        if not self._random:
            return {}
        channels = self._colors(numbers).T.astype(np.int64)
        return dict(zip(("red", "green", "blue"), channels, strict=True))

    def _colors(self, numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the random colours of some images, (n, 3)."""
        drawn = random_bytes(self._values["seed"], numbers, 3).astype(np.int64)
        low = int(self._values["low"])
        return (low + drawn * (256 - low) // 256).astype(np.uint8)


def _load(values: Values, options: Values) -> FactorDataset:
    return ColorDSprites(values, options)


INFO = DatasetInfo(
    "color_dsprites",
    "dSprites with the colour of the shape as sixth factor, or random",
    {
        "n_colors": Option(
            8,
            int,
            "number of hues of the colour factor",
            minimum=2,
            maximum=360,
            idle=("random_color", (True,)),
        ),
        "random_color": Option(False, bool, "a random colour per image instead of a factor"),
        "low": Option(
            _LOW,
            int,
            "least value of a channel of a random colour",
            minimum=0,
            maximum=255,
            idle=("random_color", (False,)),
        ),
        "seed": replace(SEED, idle=("random_color", (False,))),
        **SOURCE_OPTIONS,
    },
    _load,
    settle_source,
    check_source,
)
