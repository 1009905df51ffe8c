"""Convolutions of stride 2 with a pack axis: features are (K, B, H, W, C), channels last.

On a GPU one kernel runs a layer of all members (`cuda`). On a CPU each member's convolution is a
call of its own, since a grouped one takes twice the time of as many plain ones. The layers next to
the image have one or three channels, which would leave convolution kernels mostly idle, so they are
matrix products.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.grad import conv2d_weight


class _Layer(nn.Module):
    """K layers of one shape, with weights in PyTorch's order behind the pack axis."""

    def __init__(self, pack: int, n_out: int, fan_in: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.padding = shape[-1] // 2 - 1
        self.fan_in = fan_in
        self.weight = nn.Parameter(torch.empty(pack, *shape))
        self.bias = nn.Parameter(torch.empty(pack, n_out))


class PackedConv(_Layer):
    """K rectified convolutions: (K, B, H, W, in) -> (K, B, H / 2, W / 2, out)."""

    def __init__(self, pack: int, n_in: int, n_out: int, kernel: int) -> None:
        super().__init__(pack, n_out, n_in * kernel * kernel, (n_out, n_in, kernel, kernel))

    def forward(self, x: Tensor) -> Tensor:
        """Apply every member's layer to its own features."""
        cuda = _cuda() if x.is_cuda else None
        if cuda is not None:
            return cast("Tensor", cuda.convolve(x, self.weight, self.bias))
        return self._host(x)

    def _host(self, x: Tensor) -> Tensor:
        return _each(F.conv2d, x, self.weight, self.bias, self.padding)


class PackedConvTranspose(_Layer):
    """K rectified transposed convolutions: (K, B, H, W, in) -> (K, B, 2H, 2W, out)."""

    def __init__(self, pack: int, n_in: int, n_out: int, kernel: int) -> None:
        # PyTorch's default initialisation takes the second axis of the weight, here the outputs.
        super().__init__(pack, n_out, n_out * kernel * kernel, (n_in, n_out, kernel, kernel))

    def forward(self, x: Tensor) -> Tensor:
        """Apply every member's layer to its own features."""
        cuda = _cuda() if x.is_cuda else None
        if cuda is not None:
            return cast("Tensor", cuda.convolve_transposed(x, self.weight, self.bias))
        return self._host(x)

    def _host(self, x: Tensor) -> Tensor:
        # Under autocast a function of our own sees float32 weights.
        weight, bias = self.weight.to(x.dtype), self.bias.to(x.dtype)
        transposed = cast("Callable[..., Tensor]", _Transposed.apply)
        return _each(transposed, x, weight, bias, self.padding)


class ImageConv(PackedConv):
    """The encoder's first convolution, of 4x4.

    On the host as the product of the image's 16 shifted copies with the weights, which takes a
    fifth of the time of a convolution.
    """

    def _host(self, x: Tensor) -> Tensor:
        pack, batch, height, width, _ = x.shape
        if torch.is_autocast_enabled("cpu"):
            x = x.to(torch.get_autocast_dtype("cpu"))  # before there are four times as many
        planes = shifted_planes(x.permute(0, 1, 4, 2, 3))
        product = torch.bmm(planes.transpose(1, 2), self.weight.flatten(2).transpose(1, 2))
        # In place: as a part of the product the bias would be copied to every pixel first.
        product += self.bias[:, None].to(product.dtype)
        return F.relu(product, inplace=True).view(pack, batch, height // 2, width // 2, -1)


class ImageConvTranspose(PackedConvTranspose):
    """The decoder's last transposed convolution, of 4x4, not rectified: logits in float32.

    On the host as a product of the features with the weights, whose 16 planes are shifted and added
    up: see `ImageConv`.
    """

    def _host(self, x: Tensor) -> Tensor:
        pack, batch, height, width, _ = x.shape
        channels = self.weight.shape[2]
        shape = (pack, batch, channels, 2 * height, 2 * width)
        weight = self.weight.flatten(2).to(x.dtype)
        product = cast("Callable[..., Tensor]", _ProductOverlapped.apply)
        images = product(x.flatten(1, 3), weight, shape)
        return (images + self.bias[:, None, :, None, None]).permute(0, 1, 3, 4, 2)


def _each(
    convolution: Callable[..., Tensor], x: Tensor, weight: Tensor, bias: Tensor, padding: int
) -> Tensor:
    """Convolve each member's features with its own weights, and rectify."""

    def apply(own: Tensor, w: Tensor, b: Tensor) -> Tensor:
        # A view with channels last, in which the gradients take half the time. Rectified in place
        # before it becomes a view itself: in place on a view costs autograd two copies.
        out = convolution(own.permute(0, 3, 1, 2), w, b, 2, padding)
        return F.relu(out, inplace=True).permute(0, 2, 3, 1)

    if len(x) == 1:
        # The gradient of a squeeze is a view, that of an index a copy.
        return apply(x.squeeze(0), weight.squeeze(0), bias.squeeze(0))[None]
    return torch.stack([apply(*member) for member in zip(x, weight, bias, strict=True)])


class _Transposed(torch.autograd.Function):
    """A transposed convolution with the weights' gradient of the convolution that it mirrors.

    The same numbers as PyTorch's own gradient, in a quarter of the time in bfloat16.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, stride: int, padding: int
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.place = stride, padding
        return F.conv_transpose2d(x, weight, bias, stride, padding)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, Tensor, Tensor, None, None]:
        (gradient,), (x, weight) = gradients, ctx.saved_tensors
        of_x = F.conv2d(gradient, weight, None, *ctx.place)
        of_mirrored = cast("Callable[..., Tensor]", conv2d_weight)
        of_weight = of_mirrored(gradient, weight.shape, x, *ctx.place)
        return of_x, of_weight, gradient.sum((0, 2, 3)), None, None


@cache
def _cuda() -> ModuleType | None:
    # Triton comes with PyTorch's builds for GPUs, but not on every platform.
    try:
        from . import cuda
    except ImportError:
        return None
    return cuda


def shifted_planes(images: Tensor) -> Tensor:
    """Return what a 4x4 kernel of stride 2 and padding 1 sees: (K, C * 16, B * H/2 * W/2).

    Row (c, i, j) holds, for every place of the kernel, the pixel under its weight (i, j).
    """
    pack, batch, channels, height, width = images.shape
    # Pixels of one parity are neighbours of a 2x2 kernel of stride 1: i = 2a + p, j = 2b + q.
    padded = F.pad(images, (1, 1, 1, 1))
    parts = padded.view(pack, batch, channels, height // 2 + 1, 2, width // 2 + 1, 2)
    parts = parts.permute(0, 2, 4, 6, 1, 3, 5).contiguous()
    planes = images.new_empty(pack, channels, 2, 2, 2, 2, batch, height // 2, width // 2)
    for a in (0, 1):
        for b in (0, 1):
            shifted = parts[..., a : a + height // 2, b : b + width // 2]
            planes[:, :, a, :, b] = shifted
    return planes.view(pack, channels * 16, -1)


def overlapped(planes: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Add planes up where the kernel's places overlap: the adjoint of `shifted_planes`."""
    pack, batch, channels, height, width = shape
    half, side = height // 2, width // 2
    planes = planes.view(pack, channels, 2, 2, 2, 2, batch, half, side)
    parts = planes.new_zeros(pack, channels, 2, 2, batch, half + 1, side + 1)
    for a in (0, 1):
        for b in (0, 1):
            parts[..., a : a + half, b : b + side] += planes[:, :, a, :, b]
    padded = parts.permute(0, 4, 1, 5, 2, 6, 3).reshape(
        pack, batch, channels, height + 2, width + 2
    )
    return padded[..., 1:-1, 1:-1]


class _ProductOverlapped(torch.autograd.Function):
    """`overlapped` products of features (K, M, in) and weights (K, in, C * 16), in float32.

    With a gradient of its own: autograd's would go through every slice, and leave the gradient of
    the features in an order that every layer below pays for.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor, shape: tuple[int, ...]) -> Tensor:
        ctx.save_for_backward(features, weight)
        planes = torch.bmm(weight.transpose(1, 2), features.transpose(1, 2))
        return overlapped(planes.float(), shape)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, Tensor, None]:
        features, weight = ctx.saved_tensors
        planes = shifted_planes(gradients[0].to(features.dtype)).transpose(1, 2)
        of_features = torch.bmm(planes, weight.transpose(1, 2))
        return of_features, torch.bmm(features.transpose(1, 2), planes), None
