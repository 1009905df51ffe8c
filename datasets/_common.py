"""Options that every dataset has: the size of its images, and factors correlated in training."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._base import FactorDataset
from ._options import Option
from ._paths import shown
from ._resize import resized

_CHUNK = 2**16
_EXAMPLE = "{pairs: [[scale, position_x]], strength: 0.2}"
Values = dict[str, Any]


def _correlation(label: str, value: Any) -> Values:
    """Return pairs in one order and the strength as a float; ValueError with an example."""
    wrong = f"{label} must be like {_EXAMPLE}, got {shown(repr(value))}"
    if not isinstance(value, Mapping) or set(value) != {"pairs", "strength"}:
        raise ValueError(wrong)
    pairs, strength = value["pairs"], value["strength"]
    if not isinstance(pairs, list | tuple) or not pairs:
        raise ValueError(wrong)
    for pair in pairs:
        named = isinstance(pair, list | tuple) and all(isinstance(name, str) for name in pair)
        if not named or len(set(pair)) != 2 or len(pair) != 2:
            raise ValueError(f"{wrong}: a pair is two different names of factors")
    ordered = sorted(sorted(map(str, pair)) for pair in pairs)
    if any(one == other for one, other in pairwise(ordered)):
        raise ValueError(f"{wrong}: a pair is there twice")
    number = isinstance(strength, Real) and not isinstance(strength, bool)
    # Below, the two factors are as good as equal; above, all but independent.
    if not number or not 0.01 <= float(strength) <= 100:
        raise ValueError(f"{wrong}: strength is a number in 0.01 .. 100")
    return {"pairs": ordered, "strength": float(strength)}


COMMON = {
    "pad": Option(
        None,
        int,
        "height and width to which images are padded with black, the image in the middle",
        minimum=1,
        maximum=1024,
    ),
    "resize": Option(
        None,
        int,
        "height and width to which square images, padded before, are resized by Lanczos",
        minimum=1,
        maximum=1024,
    ),
    "correlated": Option(
        None,
        dict,
        f"factors that are correlated in training, not in evaluation: {_EXAMPLE}",
        form=_correlation,
    ),
}


class ChangedDataset(FactorDataset):
    """A dataset with the options that every dataset has: the images of `base`, and its factors.

    Attributes
    ----------
    base : FactorDataset
        The dataset without these options.
    """

    def __init__(self, base: FactorDataset, values: Values, options: Values) -> None:
        channels, height, width = base.image_shape
        label = f"{base.name}: option"
        self._pad, self._side = values["pad"], values["resize"]
        if self._pad is not None:
            if self._pad < max(height, width):
                raise ValueError(
                    f"{label} 'pad' is {self._pad}, less than images of {height}×{width}; "
                    "padding makes no image smaller: use resize"
                )
            height = width = self._pad
        if self._side is not None:
            if height != width:
                raise ValueError(
                    f"{label} 'resize' would distort images of {height}×{width}; make them square "
                    f"before, by pad: {max(height, width)}"
                )
            height = width = self._side
        shape = (channels, height, width)
        super().__init__(base.name, options, base.factor_names, base.factor_sizes, shape)
        self.base = base
        self.is_full_grid = base.is_full_grid
        self._correlated: Values | None = values["correlated"]
        if self._correlated is not None:
            self._check_pairs(self._correlated["pairs"], f"{label} 'correlated'")

    def _check_pairs(self, pairs: list[list[str]], label: str) -> None:
        for name in (name for pair in pairs for name in pair):
            if name not in self.factor_names:
                known = ", ".join(self.factor_names) or "none"
                raise ValueError(f"{label}: there is no factor {shown(name)!r}; there are: {known}")
            if self.factor_sizes[self.factor_names.index(name)] < 2:
                raise ValueError(f"{label}: {name} has one value, so it is correlated with nothing")

    @property
    def fingerprint(self) -> str:
        """That of the base, and what was done to its images: training is no part of the content."""
        sizes = {"pad": self._pad, "resize": self._side}
        done = (f"/{key}={size}" for key, size in sizes.items() if size is not None)
        return self.base.fingerprint + "".join(done)

    def __len__(self) -> int:
        return len(self.base)

    def images(self, indices: ArrayLike) -> NDArray[np.uint8]:
        """Return the images of some indices; see `FactorDataset.images`."""
        images = self.base.images(indices)
        if self._pad is not None:
            images = _padded(images, self._pad)
        return images if self._side is None else resized(images, self._side)

    def packed_bits(self) -> NDArray[np.uint8] | None:
        """Return those of the base, None where its images have another size."""
        same = self._pad is None and self._side is None
        return self.base.packed_bits() if same else None

    def factors(self, indices: ArrayLike) -> NDArray[np.int64]:
        """Return those of the base; see `FactorDataset.factors`."""
        return self.base.factors(indices)

    def extra_factors(self, indices: ArrayLike) -> dict[str, NDArray[np.int64]]:
        """Return those of the base; see `FactorDataset.extra_factors`."""
        return self.base.extra_factors(indices)

    def index(self, factors: ArrayLike) -> NDArray[np.int64]:
        """Return that of the base; see `FactorDataset.index`."""
        return self.base.index(factors)

    def training_weights(self) -> NDArray[np.float64] | None:
        """Return exp(−(c_i − c_j)² / 2σ²), the product over pairs; see `FactorDataset`.

        Notes
        -----
        Träuble et al. 2021, *On Disentangled Representations Learned from Correlated Data*: c are
        the two factors' values, scaled to [0, 1], and σ is the option's strength. The smaller σ,
        the stronger the correlation; the paper has 0.1, 0.2, 0.4 and ∞.
        """
        if self._correlated is None:
            return None
        places = [
            [self.factor_names.index(name) for name in pair] for pair in self._correlated["pairs"]
        ]
        scale = np.maximum(np.asarray(self.factor_sizes) - 1, 1)
        weights = np.empty(len(self))
        for start in range(0, len(self), _CHUNK):
            numbers = np.arange(start, min(start + _CHUNK, len(self)))
            values = self.factors(numbers) / scale
            squares = sum((values[:, i] - values[:, j]) ** 2 for i, j in places)
            weights[numbers] = np.exp(-squares / (2 * self._correlated["strength"] ** 2))
        return weights


def _padded(images: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return images in the middle of black ones; what is odd goes to the bottom and the right."""
    missing = [side - length for length in images.shape[2:]]
    around = [(lack // 2, lack - lack // 2) for lack in missing]
    return np.pad(images, [(0, 0), (0, 0), *around])
