"""A model's decoder as a piece of the page, which `decoder.js` runs.

A weight is a whole number of 16 bits, with one scale for every unit that weights lead to: the size
of half precision, and nearer to the weights.
"""

from __future__ import annotations

import base64
import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Doubles = NDArray[np.float64]

# Characters that a decoder may take on the page.
MOST_BYTES = 700_000
# Output channels that `decoder.js` computes side by side.
BLOCK = 4
_LARGEST = 2**15 - 1


@dataclass(frozen=True)
class _Layers:
    """Linear layers with weights (in, out), then transposed convolutions, (in, out, 4, 4)."""

    linears: Sequence[tuple[Array, Array]]
    convs: Sequence[tuple[Array, Array]]

    @property
    def side(self) -> int:
        """Pixels along an axis of what the linear layers give."""
        return math.isqrt(self.linears[-1][0].shape[1] // self.convs[0][0].shape[0])

    @property
    def widths(self) -> list[list[int]]:
        """Numbers of units from the code to the convolutions, and of channels from there on."""
        return [
            [layers[0][0].shape[0], *(weight.shape[1] for weight, _ in layers)]
            for layers in (self.linears, self.convs)
        ]

    @property
    def fit(self) -> bool:
        """Whether what a layer gives is what the next one takes."""
        joints = [
            before.shape[1] == after.shape[0]
            for layers in (self.linears, self.convs)
            for (before, _), (after, _) in itertools.pairwise(layers)
        ]
        between = self.side**2 * self.convs[0][0].shape[0] == self.linears[-1][0].shape[1]
        return all(joints) and between


def decoder_payload(
    weights: Mapping[str, Array], latents: NDArray[np.int64], image_shape: tuple[int, ...]
) -> str | None:
    """Return a decoder as JSON; None where it is too large, not finite or of another kind.

    Parameters
    ----------
    weights : mapping
        Weights by name, those of one model.
    latents : ndarray
        (D,) the order in which the page lists the latents.
    image_shape : tuple of int
        (C, H, W) of the model's images.

    Returns
    -------
    str or None
        At most `MOST_BYTES` characters, none of which can end a script.
    """
    layers = _layers(weights)
    if layers is None or not layers.fit:
        return None
    parts = [array for pair in (*layers.linears, *layers.convs) for array in pair]
    size = layers.side << len(layers.convs)
    shape = (layers.convs[-1][0].shape[1], size, size)
    numbers = sum(array.size for array in parts)
    if (shape, layers.widths[0][0]) != (image_shape, len(latents)) or 8 / 3 * numbers > MOST_BYTES:
        return None
    if not all(np.isfinite(array).all() for array in parts):
        return None
    whole, scales = zip(*(_whole(*part) for part in _laid_out(layers, latents)), strict=True)
    text = json.dumps(
        {
            "side": layers.side,
            "widths": layers.widths,
            "scales": _text(np.concatenate(scales).astype("<f4")),
            "biases": _text(np.concatenate(_biases(layers)).astype("<f4")),
            "weights": _text(np.concatenate(whole).astype("<i2")),
        },
        separators=(",", ":"),
    )
    return text if len(text) <= MOST_BYTES else None


def _layers(weights: Mapping[str, Array]) -> _Layers | None:
    """Return a model's decoder, None where it has none of the form known here."""
    found: dict[str, list[tuple[Array, Array]]] = {}
    for kind, kernel in (("linears", ()), ("convs", (4, 4))):
        found[kind] = []
        while (name := f"decoder_{kind}.{len(found[kind])}") + ".weight" in weights:
            weight, bias = weights[f"{name}.weight"], weights.get(f"{name}.bias")
            if bias is None or weight.ndim != 3 + len(kernel) or weight.shape[3:] != kernel:
                return None
            if len(weight) != 1 or bias.size != weight.shape[2] or not weight.size:
                return None
            found[kind].append((weight[0], bias.reshape(-1)))
        if not found[kind]:
            return None
    return _Layers(found["linears"], found["convs"])


def _channels_last(units: Array, layers: _Layers) -> Array:
    """Return units of the last linear layer, channel by channel, as pixel by pixel."""
    shape = (*units.shape[:-1], -1, layers.side**2)
    return units.reshape(shape).swapaxes(-1, -2).reshape(units.shape)


def _biases(layers: _Layers) -> list[Array]:
    linears = [bias for _, bias in layers.linears]
    linears[-1] = _channels_last(linears[-1], layers)
    return [*linears, *(bias for _, bias in layers.convs)]


def _laid_out(layers: _Layers, latents: NDArray[np.int64]) -> list[tuple[Array, tuple[int, ...]]]:
    """Return every layer's weights in the order in which they are read, and its axes of units."""
    linears = [weight for weight, _ in layers.linears]
    linears[0] = linears[0][latents]
    linears[-1] = _channels_last(linears[-1], layers)
    parts: list[tuple[Array, tuple[int, ...]]] = [(weight, (1,)) for weight in linears]
    for weight, _ in layers.convs:
        n_in, n_out = weight.shape[:2]
        block = BLOCK if n_out % BLOCK == 0 else 1
        # A pixel at an even or odd place (p, q) sees a 2x2 part of the kernel: rows 3 − p − 2a,
        # columns 3 − q − 2b. From (in, block, unit, a, p, b, q) to (p, q, block, a, b, in, unit).
        split = weight[..., ::-1, ::-1].reshape(n_in, n_out // block, block, 2, 2, 2, 2)
        parts.append((split.transpose(4, 6, 1, 3, 5, 0, 2), (2, 6)))
    return parts


def _whole(weights: Array, units: tuple[int, ...]) -> tuple[Doubles, Doubles]:
    """Return weights as whole numbers, flat, and what 1 of them is worth for each unit."""
    others = tuple(axis for axis in range(weights.ndim) if axis not in units)
    largest: Doubles = np.abs(weights).max(others, keepdims=True).astype(np.float64)
    scales: Doubles = np.where(largest > 0, largest, 1) / _LARGEST
    whole: Doubles = np.rint(weights / scales)
    return whole.reshape(-1), scales.reshape(-1)


def _text(array: NDArray[np.generic]) -> str:
    return base64.b64encode(array.tobytes()).decode()
