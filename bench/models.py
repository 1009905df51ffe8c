"""The VAE, with a leading pack axis: K models of one architecture in one set of tensors.

Every parameter is a stack over the K members, so that one step trains them all and a member's
slice is an ordinary model. K = 1 is the ordinary case and costs nothing extra: its convolutions
are plain ones. Members share no arithmetic, so a member that diverges spoils no other.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .streams import generator


@dataclass(frozen=True)
class Architecture:
    """Widths and kernel sizes; every convolution has stride 2 and halves the image.

    The first kernel of the encoder and all of the decoder are 4x4.

    The decoder's convolutions are listed from the code to the image, without the image's own
    channels, which the last one produces.
    """

    encoder_channels: tuple[int, ...]
    encoder_kernels: tuple[int, ...]
    encoder_hidden: tuple[int, ...]
    decoder_hidden: tuple[int, ...]
    decoder_channels: tuple[int, ...]


# What weights are scaled by, relative to PyTorch's default of ± 1 / sqrt(fan in).
GAINS = {"pytorch": 1.0, "kaiming": 6**0.5}

ARCHITECTURES = {
    # Burgess et al. 2018, appendix: 4 convolutions of 32 channels, two layers of 256 units, and
    # the transpose of that.
    "burgess": Architecture(
        encoder_channels=(32, 32, 32, 32),
        encoder_kernels=(4, 4, 4, 4),
        encoder_hidden=(256, 256),
        decoder_hidden=(256, 256),
        decoder_channels=(32, 32, 32, 32),
    ),
    # Locatello et al. 2019, as released in disentanglement_lib: its third and fourth kernels are
    # 2x2, although the papers list 4x4.
    "locatello": Architecture(
        encoder_channels=(32, 32, 64, 64),
        encoder_kernels=(4, 4, 2, 2),
        encoder_hidden=(256,),
        decoder_hidden=(256,),
        decoder_channels=(64, 64, 32, 32),
    ),
}


class PackedLinear(nn.Module):
    """K linear layers: (K, B, in) -> (K, B, out)."""

    def __init__(self, pack: int, n_in: int, n_out: int) -> None:
        super().__init__()
        self.fan_in = n_in
        self.weight = nn.Parameter(torch.empty(pack, n_in, n_out))
        self.bias = nn.Parameter(torch.empty(pack, 1, n_out))

    def forward(self, x: Tensor) -> Tensor:
        """Apply every member's layer to its own batch."""
        return torch.baddbmm(self.bias, x, self.weight)


class PackedConv(nn.Module):
    """K convolutions of stride 2: (B, K * in, H, W) -> (B, K * out, H / 2, W / 2)."""

    def __init__(self, pack: int, n_in: int, n_out: int, kernel: int) -> None:
        super().__init__()
        self.padding = kernel // 2 - 1
        self.fan_in = n_in * kernel * kernel
        self.weight = nn.Parameter(torch.empty(pack, n_out, n_in, kernel, kernel))
        self.bias = nn.Parameter(torch.empty(pack, n_out))

    def forward(self, x: Tensor) -> Tensor:
        """Apply every member's layer to its own channels."""
        return F.conv2d(
            x,
            self.weight.flatten(0, 1),
            self.bias.flatten(),
            stride=2,
            padding=self.padding,
            groups=len(self.weight),
        )


class PackedConvTranspose(nn.Module):
    """K transposed convolutions of stride 2: (B, K * in, H, W) -> (B, K * out, 2H, 2W)."""

    def __init__(self, pack: int, n_in: int, n_out: int, kernel: int) -> None:
        super().__init__()
        self.padding = kernel // 2 - 1
        # PyTorch's default initialisation takes the second axis of the weight, here the outputs.
        self.fan_in = n_out * kernel * kernel
        self.weight = nn.Parameter(torch.empty(pack, n_in, n_out, kernel, kernel))
        self.bias = nn.Parameter(torch.empty(pack, n_out))

    def forward(self, x: Tensor) -> Tensor:
        """Apply every member's layer to its own channels."""
        return F.conv_transpose2d(
            x,
            self.weight.flatten(0, 1),
            self.bias.flatten(),
            stride=2,
            padding=self.padding,
            groups=len(self.weight),
        )


class ImageConv(PackedConv):
    """The encoder's first convolution, of 4x4: (K, B, C, H, W) -> (B, K * out, H / 2, W / 2).

    An image has so few channels that a convolution's kernels are mostly idle. As the product of
    its 16 shifted copies with the weights it takes a fifth of the time.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Apply every member's layer to its own images."""
        pack, batch, _, height, width = x.shape
        planes = shifted_planes(x)
        product = torch.baddbmm(
            self.bias[:, None], planes.transpose(1, 2), self.weight.flatten(2).transpose(1, 2)
        )
        features = product.view(pack, batch, height // 2, width // 2, -1)
        return features.permute(1, 0, 4, 2, 3).flatten(1, 2)


class ImageConvTranspose(PackedConvTranspose):
    """The decoder's last one, of 4x4: (B, K * in, H, W) -> (K, B, C, 2H, 2W)."""

    def forward(self, x: Tensor) -> Tensor:
        """Apply every member's layer to its own channels."""
        pack, n_in, channels = self.weight.shape[:3]
        batch, _, height, width = x.shape
        features = x.view(batch, pack, n_in, height, width).permute(1, 0, 3, 4, 2)
        shape = (pack, batch, channels, 2 * height, 2 * width)
        weight = self.weight.flatten(2).to(x.dtype)
        product = cast("Callable[..., Tensor]", _ProductOverlapped.apply)
        images = product(features.flatten(1, 3), weight, shape)
        return images + self.bias[:, None, :, None, None]


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


class Decoding(nn.Module):
    """K models that decode codes to images: what the VAE and the factor channel share.

    Parameters
    ----------
    image_shape : tuple of int
        (C, H, W), with H = W a multiple of 16.
    n_latents : int
        D, the dimension of the code.
    pack : int
        K.
    """

    decoder_linears: nn.ModuleList
    decoder_convs: nn.ModuleList

    def __init__(self, image_shape: tuple[int, int, int], n_latents: int, pack: int) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.n_latents = n_latents
        self.pack = pack

    def encode(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return means and log-variances, each (K, B, D)."""
        raise NotImplementedError

    def _add_decoder(self, layout: Architecture) -> None:
        channels, size, _ = self.image_shape
        side = size >> len(layout.decoder_channels)
        self.code_shape = (layout.decoder_channels[0], side, side)
        widths = (
            self.n_latents,
            *layout.decoder_hidden,
            layout.decoder_channels[0] * side * side,
        )
        self.decoder_linears = _linears(self.pack, widths)
        widths = (*layout.decoder_channels, channels)
        kinds = [PackedConvTranspose] * (len(widths) - 2) + [ImageConvTranspose]
        self.decoder_convs = nn.ModuleList(
            kind(self.pack, n_in, n_out, 4)
            for kind, (n_in, n_out) in zip(kinds, itertools.pairwise(widths), strict=True)
        )

    @torch.no_grad()
    def _initialise(self, seeds: Sequence[int], initialisation: str) -> None:
        """Draw weights and biases uniform in ± gain / sqrt(fan in).

        PyTorch's default has a gain of 1, which shrinks the variance of a signal to a sixth at
        every rectified layer: after seven, images hardly differ, and training stays on a plateau
        without a code for thousands of steps. He's gain of √6 for weights keeps the variance.
        """
        gain = GAINS[initialisation]
        layers = [module for module in self.modules() if hasattr(module, "fan_in")]
        for member, seed in enumerate(seeds):
            source = generator(seed, "init")
            for layer in layers:
                for name, parameter in layer.named_parameters():
                    bound = cast("int", layer.fan_in) ** -0.5
                    if name == "weight":
                        bound *= gain
                    drawn = source.uniform(-bound, bound, tuple(parameter[member].shape))
                    parameter[member].copy_(torch.from_numpy(drawn))

    def decode(self, z: Tensor) -> Tensor:
        """Return the logits (K, B, C, H, W) of the pixels' means for (K, B, D) codes."""
        pack, batch = z.shape[:2]
        x = F.relu(_through(self.decoder_linears, z))
        x = x.transpose(0, 1).reshape(batch, pack * self.code_shape[0], *self.code_shape[1:])
        # Channels last: the gradients of convolutions of 32 channels take half the time.
        x = x.contiguous(memory_format=torch.channels_last)
        for conv in self.decoder_convs[:-1]:
            x = F.relu(conv(x))
        return cast("Tensor", self.decoder_convs[-1](x))

    def member_state(self, member: int) -> dict[str, Tensor]:
        """Return one member's weights as the state of a pack of one, on the CPU."""
        return {
            name: value[member : member + 1].detach().cpu().clone()
            for name, value in self.state_dict().items()
        }


class VAE(Decoding):
    """K variational autoencoders with Gaussian codes.

    Parameters
    ----------
    image_shape : tuple of int
        (C, H, W), with H = W a multiple of 16.
    n_latents : int
        D, the dimension of the code.
    architecture : str
        A key of `ARCHITECTURES`.
    seeds : sequence of int
        One a member; K = len(seeds). A member's initial weights depend on its seed alone.
    initialisation : {"pytorch", "kaiming"}
        Weights as PyTorch draws them by default, or by He et al. 2015, equation 10.

    Examples
    --------
    >>> vae = VAE((1, 64, 64), 10, "burgess", seeds=[0, 1])
    >>> means, logvars = vae.encode(torch.zeros(2, 5, 1, 64, 64))
    >>> tuple(means.shape), tuple(vae.decode(means).shape)
    ((2, 5, 10), (2, 5, 1, 64, 64))
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        n_latents: int,
        architecture: str,
        seeds: Sequence[int],
        initialisation: str = "pytorch",
    ) -> None:
        pack = len(seeds)
        super().__init__(image_shape, n_latents, pack)
        layout = ARCHITECTURES[architecture]
        channels, size, _ = image_shape
        side = size >> len(layout.encoder_channels)
        widths = (channels, *layout.encoder_channels)
        self.encoder_convs = nn.ModuleList(
            (PackedConv if i else ImageConv)(pack, widths[i], widths[i + 1], kernel)
            for i, kernel in enumerate(layout.encoder_kernels)
        )
        widths = (layout.encoder_channels[-1] * side * side, *layout.encoder_hidden, 2 * n_latents)
        self.encoder_linears = _linears(pack, widths)
        self._add_decoder(layout)
        self._initialise(seeds, initialisation)

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return means and log-variances, each (K, B, D), of (K, B, C, H, W) images in [0, 1]."""
        pack, batch = images.shape[:2]
        x = images
        for conv in self.encoder_convs:
            x = F.relu(conv(x))
        x = x.reshape(batch, pack, -1).transpose(0, 1)
        # The codes are float32 whatever the precision of the layers above.
        means, logvars = _through(self.encoder_linears, x).float().chunk(2, dim=-1)
        return means, logvars


def _linears(pack: int, widths: Sequence[int]) -> nn.ModuleList:
    return nn.ModuleList(
        PackedLinear(pack, n_in, n_out) for n_in, n_out in itertools.pairwise(widths)
    )


def _through(layers: nn.ModuleList, x: Tensor) -> Tensor:
    """Apply linear layers with rectifiers between them, none behind the last."""
    for layer in layers[:-1]:
        x = F.relu(layer(x))
    return cast("Tensor", layers[-1](x))
