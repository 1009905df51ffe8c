"""What the variants of dSprites share: made on the fly from another dataset's images."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._base import FactorDataset
from ._options import Option
from ._registry import Values
from .dsprites import OPTIONS as DSPRITES_OPTIONS, DSprites

# Where the images come from is dSprites' own choice, and every variant passes it on.
SOURCE_OPTIONS = DSPRITES_OPTIONS
SEED = Option(
    0,
    int,
    "of the random numbers; an image's depend on seed and index alone",
    minimum=0,
    maximum=2**32,
)


class DerivedDataset(FactorDataset):
    """A variant of dSprites: `base` gives the shapes, a subclass changes the images.

    Attributes
    ----------
    newer : mapping
        Options that came later, with the value that gives the images from before: fingerprints
        leave it out, as equal images must have equal ones.
    """

    newer: ClassVar[Mapping[str, Any]] = {}

    def __init__(
        self,
        name: str,
        values: Values,
        options: Values,
        factor_names: Sequence[str],
        factor_sizes: Sequence[int],
        image_shape: tuple[int, int, int],
    ) -> None:
        super().__init__(name, options, factor_names, factor_sizes, image_shape)
        self._values = values
        self.base = DSprites(values["source"], values["path"], {})

    @property
    def fingerprint(self) -> str:
        """Name of the content: the variant, its options, and the fingerprint of its base."""
        own = {key: v for key, v in self._values.items() if key not in SOURCE_OPTIONS}
        own = {key: v for key, v in own.items() if key not in self.newer or v != self.newer[key]}
        text = json.dumps([self.name, 1, own, self.base.fingerprint], sort_keys=True)
        return f"{self.name}/1/{hashlib.sha256(text.encode()).hexdigest()[:16]}"

    def sprites(self, indices: ArrayLike) -> NDArray[np.uint8]:
        """Return dSprites' own images, uint8 (n, 1, 64, 64)."""
        return self.base.images(indices)
