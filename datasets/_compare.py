"""How far the drawn dSprites is from an official file: images and pixels that differ."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ._official import read_packed, verified


@dataclass(frozen=True)
class Comparison:
    """Counts of what differs between two sets of packed images of equal shape."""

    images: int
    pixels: int
    different_images: int
    different_pixels: int
    examples: tuple[int, ...]

    def __str__(self) -> str:
        text = (
            f"{self.different_images:,} of {self.images:,} images differ, "
            f"{self.different_pixels:,} of {self.pixels:,} pixels"
        )
        if self.examples:
            text += f"; the first: {', '.join(map(str, self.examples))}"
        return text


def compare_bits(drawn: NDArray[np.uint8], official: NDArray[np.uint8]) -> Comparison:
    """Count differing images and pixels of two packed sets, both uint8 (n, bytes)."""
    pixels = np.zeros(len(drawn), np.int64)
    for start in range(0, len(drawn), 8192):  # in pieces: no third copy of the whole set
        part = slice(start, start + 8192)
        pixels[part] = np.unpackbits(drawn[part] ^ official[part], axis=1).sum(axis=1)
    different = np.flatnonzero(pixels)
    return Comparison(
        images=len(drawn),
        pixels=drawn.size * 8,
        different_images=len(different),
        different_pixels=int(pixels.sum()),
        examples=tuple(different[:10].tolist()),
    )


def compare_file(path: Path, drawn: NDArray[np.uint8]) -> Comparison:
    """Compare the drawn set with an official file, whose checksum is verified first."""
    official = np.zeros(drawn.shape, np.uint8)
    read_packed(verified(path), official)
    return compare_bits(drawn, official)
