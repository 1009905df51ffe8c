"""Pack pictures into small PNG sheets that are embedded in the page."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from itertools import count

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_HEAD = "data:image/png;base64,"


def picture_sheet(pictures: NDArray[np.uint8], budget: int) -> str:
    """Return pictures as one data URI.

    Parameters
    ----------
    pictures : ndarray
        (rows, columns, C, H, W).
    budget : int
        Characters that it may have: a larger sheet loses grey levels, then resolution.
    """
    rows, columns, channels, height, width = pictures.shape
    for levels, shrink in _qualities(min(height, width)):
        images = pictures[..., ::shrink, ::shrink]
        down, across = images.shape[-2:]
        sheet = images.transpose(0, 3, 1, 4, 2).reshape(rows * down, columns * across, channels)
        data = _png(sheet, levels)
        # Base64 makes four characters of three bytes.
        if len(_HEAD) + 4 * -(-len(data) // 3) <= budget:
            break
    return f"{_HEAD}{base64.b64encode(data).decode()}"


def _qualities(size: int) -> Iterator[tuple[int, int]]:
    """Yield (grey levels, one pixel of so many) from the best to a pixel an image."""
    yield from ((256, 1), (32, 1), (16, 1), (32, 2), (8, 2))
    for power in count(2):
        yield 8, 2**power
        if 2**power >= size:
            return


def _png(pixels: NDArray[np.uint8], levels: int) -> bytes:
    step = 256 // levels
    coarse = np.minimum(pixels // step * (255 / (levels - 1)), 255).astype(np.uint8)
    if levels == 256:
        coarse = pixels
    image = Image.fromarray(coarse[..., 0] if pixels.shape[-1] == 1 else coarse)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
