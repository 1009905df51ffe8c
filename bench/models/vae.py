"""The VAE, with a leading pack axis: K models of one architecture in one set of tensors.

Every parameter is a stack over the K members, so one step trains them all and a member's slice is
an ordinary model. K = 1 is the ordinary case and costs nothing extra. Members share no arithmetic,
so a member that diverges does not affect the others.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..grid import Stream, generator
from .layers import ImageConv, ImageConvTranspose, PackedConv, PackedConvTranspose

# Images a forward pass on a CPU: enough that calls take no time, few enough that a layer fits into
# the memory that the process keeps.
CHUNK = 128


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

    def decode(self, z: Tensor) -> Tensor:
        """Return the logits (K, B, C, H, W) of the pixels' means for (K, B, D) codes."""
        pack, batch = z.shape[:2]
        x = F.relu(_through(self.decoder_linears, z))
        x = x.view(pack, batch, *self.code_shape).permute(0, 1, 3, 4, 2).contiguous()
        for conv in self.decoder_convs:
            x = conv(x)
        return x.permute(0, 1, 4, 2, 3)

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
        draw_weights(self, seeds, initialisation)

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return means and log-variances, each (K, B, D), of (K, B, C, H, W) images in [0, 1]."""
        x = images.permute(0, 1, 3, 4, 2)
        for conv in self.encoder_convs:
            x = conv(x)
        x = x.permute(0, 1, 4, 2, 3).flatten(2)
        # The codes are float32 whatever the precision of the layers above.
        means, logvars = _through(self.encoder_linears, x).float().chunk(2, dim=-1)
        return means, logvars


@torch.no_grad()
def draw_weights(
    network: nn.Module, seeds: Sequence[int], initialisation: str, stream: Stream = "init"
) -> None:
    """Draw weights and biases uniform in ± gain / sqrt(fan in).

    PyTorch's default has a gain of 1, which shrinks the variance of a signal to a sixth at
    every rectified layer: after seven, images hardly differ, and training stays on a plateau
    without a code for thousands of steps. He's gain of √6 for weights keeps the variance.

    Parameters
    ----------
    network : Module
        K networks, of layers with a pack axis.
    seeds : sequence of int
        One a member; its weights depend on it alone.
    initialisation : str
        A key of `GAINS`.
    stream : str
        Which of the seed's random numbers are taken.
    """
    gain = GAINS[initialisation]
    layers = [module for module in network.modules() if hasattr(module, "fan_in")]
    for member, seed in enumerate(seeds):
        source = generator(seed, stream)
        for layer in layers:
            for name, parameter in layer.named_parameters():
                bound = cast("int", layer.fan_in) ** -0.5
                if name == "weight":
                    bound *= gain
                drawn = source.uniform(-bound, bound, tuple(parameter[member].shape))
                parameter[member].copy_(torch.from_numpy(drawn))


def _linears(pack: int, widths: Sequence[int]) -> nn.ModuleList:
    return nn.ModuleList(
        PackedLinear(pack, n_in, n_out) for n_in, n_out in itertools.pairwise(widths)
    )


def _through(layers: nn.ModuleList, x: Tensor) -> Tensor:
    """Apply linear layers with rectifiers between them, none behind the last."""
    for layer in layers[:-1]:
        x = F.relu(layer(x))
    return cast("Tensor", layers[-1](x))
