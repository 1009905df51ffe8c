"""Frames -> small PNG sheets that a page shows without asking anybody for anything."""

from __future__ import annotations

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .frames import Frames

MAX_BYTES = 150_000


def traversal_sheet(frames: Frames) -> str:
    """Return the traversals as a data URI: latents down, values across.

    A sheet above `MAX_BYTES` loses grey levels, then resolution, until it fits.
    """
    latents, values, channels, height, width = frames.traversals.shape
    sheet = frames.traversals.transpose(0, 3, 1, 4, 2).reshape(
        latents * height, values * width, channels
    )
    for levels, shrink in ((256, 1), (32, 1), (16, 1), (32, 2), (8, 2)):
        data = _png(sheet[::shrink, ::shrink], levels)
        if len(data) <= MAX_BYTES:
            break
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def _png(pixels: NDArray[np.uint8], levels: int) -> bytes:
    step = 256 // levels
    coarse = np.minimum(pixels // step * (255 / (levels - 1)), 255).astype(np.uint8)
    if levels == 256:
        coarse = pixels
    image = Image.fromarray(coarse[..., 0] if pixels.shape[-1] == 1 else coarse)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
