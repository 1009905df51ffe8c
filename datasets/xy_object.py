"""XYObject (Michlo et al. 2021): one coloured square, its position, size and colour."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._base import FactorDataset
from ._registry import DatasetInfo, Values

_SIDE = 64
_SPACING = 2
_SIZES = np.arange(7, 16, 2)
_PLACES = (_SIDE - int(_SIZES[-1])) // _SPACING + 1
_HUES = ((1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 1, 1), (0, 0, 1), (1, 0, 1))
_SHADES = 4


def colors() -> NDArray[np.uint8]:
    """Return the 24 colours, uint8 (24, 3): six hues from red to magenta in each of four shades.

    Examples
    --------
    >>> colors()[[0, 1, 6, 23]].tolist()
    [[63, 0, 0], [63, 63, 0], [127, 0, 0], [255, 0, 255]]
    """
    shades = [255 * shade // _SHADES for shade in range(1, _SHADES + 1)]
    return np.concatenate([np.array(_HUES, np.uint8) * np.uint8(shade) for shade in shades])


class XYObject(FactorDataset):
    """A square of 7 to 15 pixels at one of 25×25 places, in one of 24 colours, on black.

    A place is that of the largest square; smaller ones lie in its middle.

    Notes
    -----
    Source: XYObject of github.com/nmichlo/disent, version 0.3, in its defaults (palette rainbow_4).

    Examples
    --------
    >>> from datasets import load
    >>> data = load("xy_object")
    >>> len(data), data.factor_names, data.factor_sizes
    (75000, ('x', 'y', 'scale', 'color'), (25, 25, 5, 24))
    """

    def __init__(self, options: Values) -> None:
        sizes = (_PLACES, _PLACES, len(_SIZES), len(_HUES) * _SHADES)
        shape = (3, _SIDE, _SIDE)
        super().__init__("xy_object", options, ("x", "y", "scale", "color"), sizes, shape)

    @property
    def fingerprint(self) -> str:
        """The rule that draws the images."""
        return "xy_object/1/rainbow_4"

    def images(self, indices: ArrayLike) -> NDArray[np.uint8]:
        """Return the images of some indices; see `FactorDataset.images`."""
        x, y, scale, color = self.factors(indices).T
        size = _SIZES[scale]
        rows, columns = (self._bars(place, size) for place in (y, x))
        squares = (rows[:, :, None] & columns[:, None, :])[:, None]
        return np.where(squares, colors()[color][:, :, None, None], np.uint8(0))

    def _bars(self, place: NDArray[np.int64], size: NDArray[np.int64]) -> NDArray[np.bool_]:
        start = (_SPACING * place + (_SIZES[-1] - size) // 2)[:, None]
        pixels = np.arange(_SIDE)
        bars: NDArray[np.bool_] = (pixels >= start) & (pixels < start + size[:, None])
        return bars


def _load(values: Values, options: Values) -> FactorDataset:
    return XYObject(options)


INFO = DatasetInfo(
    "xy_object", "a coloured square: its position, size and colour; 75,000 images", {}, _load
)
