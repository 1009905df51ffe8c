"""A white ball on black at every position of a grid: two factors, no other variation."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from math import prod
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._base import FactorDataset, bits_to_images, checked_indices
from ._options import Option
from ._registry import DatasetInfo, Values

_VERSION = 1
# A blob has no edge; where its 3σ circle touches the image's edge, intensity is 2.8 of 255.
_BLOB_EXTENT = 3.0
# Sets up to this size are drawn once as a whole (the default has 4 MiB), larger ones as needed.
_TABLE_BYTES = 2**24


class Ball(FactorDataset):
    """A Gaussian blob or a disc, centred at each point of a square grid.

    Lengths are in pixels; the image spans [0, image_size] and the centre of pixel i is at i + 0.5.
    The centres are `linspace(margin, image_size - margin, grid_size)` in x and in y.

    Parameters
    ----------
    shape : {"blob", "disc"}
        Blob: intensity 255·exp(−d²/2σ²), rounded, at distance d from the centre. Disc: 255 where
        d ≤ radius, else 0; a binary set.
    radius : float
        σ of the blob, or the disc's radius.
    image_size : int
        Height and width.
    grid_size : int
        Number of positions along each axis.
    margin : float
        Distance of the outermost centres from the edge; a ball nearer to it than its own extent is
        cut by it.
    options : mapping
        The options that differ from their frozen default.

    Notes
    -----
    After Burgess et al. 2018, *Understanding disentangling in β-VAE*, arXiv 1804.03599, Fig. 2.
    The paper gives neither the ball's size nor the grid. `load("ball")` is inferred from the
    authors' poster of the same title: its blobs are cut by the edge of the image, so their centres
    span nearly all of it; a Gaussian fitted to nine whole ones has σ 6.1 to 6.4 pixels of 64, give
    or take 15% for print and camera; and its two latents at β = 150 have 0.92 and 0.91 nats. By
    rate–distortion theory a blob of σ 7.5 with margin 0 has 0.91 nats an axis there, one of σ 7
    0.82, and none is left of a blob of σ 4 that is never cut. So σ is 7.5 pixels
    of 64 and the margin 0; 32 × 32 positions are this suite's choice.

    Examples
    --------
    >>> from datasets import load
    >>> papers, small = load("ball"), load("ball", radius=4)
    >>> papers.factor_names, len(papers), papers.image_shape
    (('position_x', 'position_y'), 1024, (1, 64, 64))
    >>> [int(ball.images([0])[0, 0, 0].max()) for ball in (papers, small)]  # the first row
    [254, 4]
    """

    def __init__(
        self,
        shape: str,
        radius: float,
        image_size: int,
        grid_size: int,
        margin: float,
        options: Values,
    ) -> None:
        sizes = (grid_size, grid_size)
        image_shape = (1, image_size, image_size)
        super().__init__("ball", options, ("position_x", "position_y"), sizes, image_shape)
        self._shape = shape
        self._radius = radius
        self._centres = np.linspace(margin, image_size - margin, grid_size)
        content = json.dumps([_VERSION, shape, radius, image_size, grid_size, margin])
        self._digest = hashlib.sha256(content.encode()).hexdigest()
        self._bits: NDArray[np.uint8] | None = None
        self._table: NDArray[np.uint8] | None = None

    @property
    def fingerprint(self) -> str:
        """Name of the content: a digest of the drawing's version and every option."""
        return f"ball/{_VERSION}/{self._digest[:16]}"

    def images(self, indices: ArrayLike) -> NDArray[np.uint8]:
        """Return the images of some indices; see `FactorDataset.images`."""
        numbers = checked_indices(indices, len(self))
        if len(self) * prod(self.image_shape) > _TABLE_BYTES:
            return self._drawn(numbers)
        if self._table is None:
            self._table = self._drawn(np.arange(len(self)))
        return self._table[numbers]

    def _drawn(self, numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
        if self._shape == "disc":
            return bits_to_images(self._packed(numbers), self.image_shape)
        column, row = self._squared_distances(numbers)
        # exp(−(dx² + dy²)) is a product, so each image is an outer product of two short profiles.
        scale = -0.5 / self._radius**2
        blob = 255 * np.exp(scale * row)[:, :, None] * np.exp(scale * column)[:, None, :]
        images: NDArray[np.uint8] = np.rint(blob).astype(np.uint8)[:, None]
        return images

    def packed_bits(self) -> NDArray[np.uint8] | None:
        """Return all discs, eight pixels to a byte; None for blobs."""
        if self._shape != "disc":
            return None
        if self._bits is None:
            # A column of positions at a time: the distances of a large grid would fill the memory.
            starts = range(0, len(self), self.factor_sizes[1])
            blocks = [self._packed(np.arange(s, s + self.factor_sizes[1])) for s in starts]
            self._bits = np.concatenate(blocks)
            self._bits.setflags(write=False)
        return self._bits

    def _packed(self, numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
        column, row = self._squared_distances(numbers)
        white = row[:, :, None] + column[:, None, :] <= self._radius**2
        return np.packbits(white.reshape(len(numbers), -1), axis=1)

    def _squared_distances(
        self, numbers: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        pixels = np.arange(self.image_shape[1]) + 0.5
        square = (pixels - self._centres[:, None]) ** 2
        x, y = np.divmod(numbers, self.factor_sizes[1])
        return square[x], square[y]

    def __getstate__(self) -> Values:
        return {**self.__dict__, "_bits": None, "_table": None}  # a worker process draws its own


OPTIONS = {
    "shape": Option("blob", str, "a Gaussian blob, or a disc", choices=("blob", "disc")),
    "radius": Option(4.0, float, "σ of the blob or radius of the disc, in pixels", minimum=0.5),
    "image_size": Option(64, int, "height and width in pixels", minimum=8, maximum=1024),
    "grid_size": Option(32, int, "positions along each axis", minimum=2, maximum=1024),
    "margin": Option(
        None,
        float,
        "distance in pixels of the outermost centres from the edge, which may cut the ball; by "
        "default the least that never does: 3·radius for a blob, radius for a disc",
        minimum=0,
    ),
}
# The paper's blob in pixels of an image of 64. The defaults above are older, and frozen.
_PAPERS = {"radius": 7.5, "margin": 0.0}
_PAPERS_SIZE = 64


def _written(options: Mapping[str, Any]) -> Values:
    """Add what a blob without a radius means: the paper's, in the proportions of the image."""
    if options.get("shape", "blob") != "blob" or options.get("radius") is not None:
        return dict(options)
    size = options.get("image_size", _PAPERS_SIZE)
    # Whatever is no size is refused with the other options.
    scale = int(size) / _PAPERS_SIZE if isinstance(size, Integral) else 1.0
    return {**{key: value * scale for key, value in _PAPERS.items()}, **options}


def _settle(values: Values) -> Values:
    extent = values["radius"] * (_BLOB_EXTENT if values["shape"] == "blob" else 1.0)
    size, margin = values["image_size"], values["margin"]
    if 2 * (extent if margin is None else margin) >= size:
        raise ValueError(
            f"ball: a {values['shape']} of radius {values['radius']:g} has no room to move in an "
            f"image of {size} pixels; make radius or margin smaller or image_size larger, or set "
            f"margin: 0, so that the edge may cut it"
        )
    # The rule's own value and leaving it out are the same dataset, so they have one form.
    return {**values, "margin": None} if margin == extent else values


def _load(values: Values, options: Values) -> FactorDataset:
    extent = values["radius"] * (_BLOB_EXTENT if values["shape"] == "blob" else 1.0)
    margin = extent if values["margin"] is None else values["margin"]
    return Ball(**{**values, "margin": margin}, options=options)


INFO = DatasetInfo(
    "ball",
    "a white Gaussian blob (the paper's by default) or disc on black; its position over a grid",
    OPTIONS,
    _load,
    _settle,
    written=_written,
)
