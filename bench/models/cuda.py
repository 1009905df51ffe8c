"""Convolutions of a pack on a GPU: each layer of all members in one kernel.

A library's grouped convolution of 32 channels leaves a GPU nearly idle, most of all its gradients.
Here the member is an axis of the grid, so that a pack fills the GPU however small its models are;
biases, rectifiers and their derivatives are part of the kernels, and nothing is added up in an
order that changes from run to run. Features are channels last.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
import triton
from torch import Tensor

from . import kernels

# Tiles and pipelines of each kernel: rows are positions of the small side.
_DOWN = {"ROWS": 128, "num_warps": 4, "num_stages": 3}
_UP = {"ROWS": 128, "num_warps": 4, "num_stages": 3}
_IMAGE = {"ROWS": 128, "num_warps": 4, "num_stages": 3}
_GRADIENT = {"ROWS": 64, "num_warps": 4, "num_stages": 3}
# Programs that fill a GPU, over which the rows of a gradient are divided.
_PROGRAMS = 1056


def convolve(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return the rectified convolution of stride 2 of every member.

    Parameters
    ----------
    x : Tensor
        (K, B, 2H, 2W, in), of few channels (an image) or of a power of two, 16 at least.
    weight : Tensor
        (K, out, in, S, S), S = 4 with a padding of 1 or S = 2 without.
    bias : Tensor
        (K, out).

    Returns
    -------
    Tensor
        (K, B, H, W, out) in the precision of `x`, or in that of autocast.
    """
    apply = cast("Callable[..., Tensor]", _Convolution.apply)
    return apply(x.contiguous(), weight, bias)


def convolve_transposed(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return the transposed convolution of stride 2 of every member, rectified unless an image.

    Parameters
    ----------
    x : Tensor
        (K, B, H, W, in), of a power of two of channels, 16 at least.
    weight : Tensor
        (K, in, out, S, S), S = 4 with a padding of 1 or S = 2 without.
    bias : Tensor
        (K, out).

    Returns
    -------
    Tensor
        (K, B, 2H, 2W, out) in the precision of `x`, or in that of autocast; images (fewer than
        16 channels out) are logits in float32.
    """
    apply = cast("Callable[..., Tensor]", _Transposed.apply)
    return apply(x.contiguous(), weight, bias)


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        matrix = _matrix(weight, x)
        out = _launch_down(x, None, matrix, bias)
        ctx.save_for_backward(x, matrix, out)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        x, matrix, out = ctx.saved_tensors
        gradient = gradients[0].contiguous()
        of_x = _launch_up(gradient, out, matrix, None) if ctx.needs_input_grad[0] else None
        of_weight, _, of_bias = _launch_gradient(x, None, gradient, out, matrix)
        return of_x, of_weight, of_bias


class _Transposed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        matrix = _matrix(weight, x)
        out = _launch_up(x, None, matrix, bias)
        ctx.save_for_backward(x, matrix, out)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, matrix, out = ctx.saved_tensors
        gradient = gradients[0].contiguous()
        mask = None if _is_image(matrix) else out
        of_x = _launch_down(gradient, mask, matrix, None)
        of_weight, of_bias, _ = _launch_gradient(gradient, mask, x, None, matrix)
        return of_x, of_weight, gradient.sum((1, 2, 3)) if mask is None else of_bias


def _matrix(weight: Tensor, x: Tensor) -> Tensor:
    """Return the weights as the kernels read them, (K, S, S, CB, CS), in the precision wanted."""
    kind = weight.device.type
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype
    pack, n_small, n_big, size, _ = weight.shape
    matrix = torch.empty((pack, size, size, n_big, n_small), dtype=dtype, device=weight.device)
    # One pass that casts and orders.
    return matrix.copy_(weight.detach().permute(0, 3, 4, 2, 1))


def _is_image(matrix: Tensor) -> bool:
    return matrix.shape[3] < 16


def _launch_down(big: Tensor, mask: Tensor | None, matrix: Tensor, bias: Tensor | None) -> Tensor:
    pack, size, _, n_big, n_small = matrix.shape
    images, height, width = big.shape[1], big.shape[2] // 2, big.shape[3] // 2
    small = big.new_empty((pack, images, height, width, n_small), dtype=matrix.dtype)
    kernels.down[(triton.cdiv(images * height * width, _DOWN["ROWS"]), pack)](
        big, big if mask is None else mask, matrix, small if bias is None else bias, small,
        images, height, width,
        CB=n_big, CS=n_small, SIZE=size,
        DEPTH=_power(size * size * n_big) if _is_image(matrix) else n_big,
        MASKED=mask is not None, BIASED=bias is not None, RECTIFIED=bias is not None,
        PRECISION=_precision(matrix), **_DOWN,
    )  # fmt: skip
    return small


def _launch_up(small: Tensor, mask: Tensor | None, matrix: Tensor, bias: Tensor | None) -> Tensor:
    pack, size, _, n_big, n_small = matrix.shape
    images, height, width = small.shape[1:4]
    shape = (pack, images, 2 * height, 2 * width, n_big)
    if _is_image(matrix):
        big = small.new_empty(shape, dtype=torch.float32)
        kernels.up_to_image[(triton.cdiv(images * height * width, _IMAGE["ROWS"]), pack)](
            small, matrix, bias, big, images, height, width,
            CB=n_big, CS=n_small, SIZE=size, WIDTH=_power(4 * n_big),
            PRECISION=_precision(matrix), **_IMAGE,
        )  # fmt: skip
        return big
    big = small.new_empty(shape, dtype=matrix.dtype)
    kernels.up[(triton.cdiv(images * height * width, _UP["ROWS"]), 4, pack)](
        small, small if mask is None else mask, matrix, big if bias is None else bias, big,
        images, height, width,
        CB=n_big, CS=n_small, SIZE=size,
        MASKED=mask is not None, BIASED=bias is not None, RECTIFIED=bias is not None,
        PRECISION=_precision(matrix), **_UP,
    )  # fmt: skip
    return big


def _launch_gradient(
    big: Tensor, big_mask: Tensor | None, small: Tensor, small_mask: Tensor | None, matrix: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of the weight, (K, CS, CB, S, S), and of a bias of either side.

    The bias of a side that is not masked is not that of a layer, and not filled in.
    """
    pack, size, _, n_big, n_small = matrix.shape
    images, height, width = small.shape[1:4]
    n_flat = size * size * n_big
    taps = min(_power(n_flat), 128)
    groups = triton.cdiv(n_flat, taps)
    n_tiles = triton.cdiv(images * height * width, _GRADIENT["ROWS"])
    # Never an atomic sum: parts are added up in one order, so that training repeats to the bit.
    parts = max(1, min(n_tiles, _PROGRAMS // (groups * pack)))
    tiles = triton.cdiv(n_tiles, parts)
    parts = triton.cdiv(n_tiles, tiles)
    product = big.new_empty((parts, pack, n_flat, n_small), dtype=torch.float32)
    of_big = big.new_empty((parts, pack, size, size, n_big), dtype=torch.float32)
    of_small = big.new_empty((parts, pack, n_small), dtype=torch.float32)
    kernels.gradient[(groups, parts, pack)](
        big, big if big_mask is None else big_mask,
        small, small if small_mask is None else small_mask,
        product, of_big, of_small, images, height, width, tiles,
        CB=n_big, CS=n_small, SIZE=size, TAPS=taps,
        BIG_MASKED=big_mask is not None, SMALL_MASKED=small_mask is not None,
        BFLOAT16=matrix.dtype == torch.bfloat16, PRECISION=_precision(matrix), **_GRADIENT,
    )  # fmt: skip
    weight = product.sum(0).view(pack, size, size, n_big, n_small).permute(0, 4, 3, 1, 2)
    # These taps see every pixel of the big side once.
    pad = size // 2 - 1
    every = of_big[:, :, pad : pad + 2, pad : pad + 2].sum((0, 2, 3))
    return weight, every, of_small.sum(0)


def _precision(matrix: Tensor) -> str:
    """Return how products of float32 are taken.

    In TF32 where the user allowed it. Else as three products of TF32 that together keep float32's
    accuracy: the GPU's matrix units, which know nothing wider, are faster so than its float units.
    """
    if matrix.dtype != torch.float32:
        return "ieee"
    return "tf32" if torch.backends.cuda.matmul.allow_tf32 else "tf32x3"


def _power(number: int) -> int:
    """Return the least power of two that is not below a number, 16 at least."""
    return max(16, 1 << (number - 1).bit_length())
