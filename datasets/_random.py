"""Random numbers that are a pure function of a seed and an image's index."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def random_bytes(seed: int, indices: NDArray[np.int64], n_bytes: int) -> NDArray[np.uint8]:
    """Return uniform bytes (n_indices, n_bytes): each row depends on seed and its index alone.

    Philox is counter-based: the seed is its key and the index the high part of its counter, so
    that no two images share a number, and an image's numbers need no other image's. numpy keeps
    the raw stream of a bit generator the same in all versions.
    """
    n_words = -(-n_bytes // 8)
    words = np.empty((len(indices), n_words), "<u8")
    for row, index in zip(words, indices.tolist(), strict=True):
        row[:] = np.random.Philox(key=seed, counter=index << 128).random_raw(n_words)
    return words.view(np.uint8)[:, :n_bytes]
