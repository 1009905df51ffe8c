"""XYSquares (Michlo et al. 2021): three squares whose images are all equally far apart."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._base import FactorDataset, bits_to_images
from ._options import Option
from ._registry import DatasetInfo, Values

_SIDE = 64
_SQUARE = 8
# Packed bits of more images than so many bytes are not made: most would never be looked at.
_MOST_BYTES = 2**29
_NAMES = ("x_R", "y_R", "x_G", "y_G", "x_B", "y_B")


def _places(spacing: int) -> int:
    return (_SIDE - _SQUARE) // spacing + 1


@cache
def _squares(spacing: int) -> NDArray[np.uint8]:
    """Return one square at every place, eight pixels to a byte: (x·y, 512), y fastest."""
    places = _places(spacing)
    # In the middle, where the grid does not fill the image.
    starts = (_SIDE - _SQUARE - (places - 1) * spacing) // 2 + spacing * np.arange(places)
    pixels = np.arange(_SIDE)
    bars = (pixels >= starts[:, None]) & (pixels < starts[:, None] + _SQUARE)
    squares = bars[None, :, :, None] & bars[:, None, None, :]  # x, y, row, column
    return np.packbits(squares.reshape(places**2, -1), axis=1)


class XYSquares(FactorDataset):
    """A red, a green and a blue square of 8 pixels, each anywhere on a grid of positions.

    Adversarial to losses by the pixel: with a spacing of 8 pixels two positions of a square have no
    pixel in common, so all are equally far apart and nothing says which are neighbours. A smaller
    spacing lets them overlap, and brings the order back.

    Notes
    -----
    Source: Michlo, Klein and James, *Overlooked Implications of the Reconstruction Loss for VAE
    Disentanglement*, 2022; XYSquares of github.com/nmichlo/disent.

    Examples
    --------
    >>> from datasets import load
    >>> data = load("xy_squares")
    >>> len(data), data.factor_sizes, data.image_shape
    (262144, (8, 8, 8, 8, 8, 8), (3, 64, 64))
    """

    def __init__(self, spacing: int, options: Values) -> None:
        sizes = (_places(spacing),) * 6
        super().__init__("xy_squares", options, _NAMES, sizes, (3, _SIDE, _SIDE))
        self._spacing = spacing
        self._bits: NDArray[np.uint8] | None = None

    @property
    def fingerprint(self) -> str:
        """The rule that draws the images."""
        return f"xy_squares/1/{self.factor_sizes[0]}"

    def images(self, indices: ArrayLike) -> NDArray[np.uint8]:
        """Return the images of some indices; see `FactorDataset.images`."""
        factors = self.factors(indices)
        of_square = factors[:, ::2] * self.factor_sizes[0] + factors[:, 1::2]
        packed = _squares(self._spacing)[of_square].reshape(len(factors), 3 * _SIDE * _SIDE // 8)
        return bits_to_images(packed, self.image_shape)

    def packed_bits(self) -> NDArray[np.uint8] | None:
        """Return all images, eight pixels to a byte; None where they are too many."""
        squares = _squares(self._spacing)
        n_places, n_bytes = squares.shape
        if 3 * n_bytes * len(self) > _MOST_BYTES:
            return None
        if self._bits is None:
            bits = np.empty((n_places, n_places, n_places, 3, n_bytes), np.uint8)
            bits[..., 0, :] = squares[:, None, None]
            bits[..., 1, :] = squares[:, None]
            bits[..., 2, :] = squares
            self._bits = bits.reshape(len(self), -1)
            self._bits.setflags(write=False)
        return self._bits

    def __getstate__(self) -> Values:
        return {**self.__dict__, "_bits": None}  # a worker process makes its own


def _load(values: Values, options: Values) -> FactorDataset:
    return XYSquares(values["spacing"], options)


INFO = DatasetInfo(
    "xy_squares",
    "a red, a green and a blue square on a grid; adversarial to losses by the pixel",
    {
        "spacing": Option(
            8, int, "pixels between positions; below 8 they overlap", minimum=1, maximum=28
        )
    },
    _load,
)
