"""A model in layers of PyTorch's own, without a pack axis, for everybody else's code."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from .factor_channel import FactorChannel
from .vae import ARCHITECTURES, VAE, Architecture


class PlainModel(nn.Module):
    """A stored model as an ordinary module, which other code trains on, traces or exports.

    Parameters
    ----------
    image_shape : tuple of int
        (C, H, W), with H = W a multiple of 16.
    n_latents : int
        D, the dimension of the code.
    architecture : str
        A key of `ARCHITECTURES`.
    encodes : bool
        Whether there is an encoder. A factor channel has none: it decodes its true factors.

    Attributes
    ----------
    encoder : Sequential or None
        From images, (n, C, H, W) in [0, 1], to means beside log-variances, (n, 2D).
    decoder : Sequential
        From codes, (n, D), to the logits of the pixels' means, (n, C, H, W).
    """

    encoder: nn.Sequential | None
    decoder: nn.Sequential

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        n_latents: int,
        architecture: str,
        *,
        encodes: bool = True,
    ) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.n_latents = n_latents
        layout = ARCHITECTURES[architecture]
        self.encoder = _encoder(image_shape, n_latents, layout) if encodes else None
        self.decoder = _decoder(image_shape, n_latents, layout)

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return means and log-variances, each (n, D), of (n, C, H, W) images in [0, 1].

        Raises
        ------
        ValueError
            If there is no encoder.
        """
        if self.encoder is None:
            raise ValueError("a factor channel encodes no images: there is only a decoder")
        means, logvars = self.encoder(images).chunk(2, dim=1)
        return means, logvars

    def decode(self, codes: Tensor) -> Tensor:
        """Return the mean images, (n, C, H, W) in [0, 1], of (n, D) codes.

        Their logits, which a Bernoulli likelihood is best computed of, are `self.decoder(codes)`.
        """
        return torch.sigmoid(self.decoder(codes))

    def forward(self, images: Tensor) -> Tensor:
        """Return the reconstructions of images: the mean images of their mean codes."""
        return self.decode(self.encode(images)[0])


def plain(model: VAE | FactorChannel, architecture: str) -> PlainModel:
    """Return a pack of one in standard layers; no random number is drawn.

    Parameters
    ----------
    model : VAE or FactorChannel
        A pack of one.
    architecture : str
        That it was built with.

    Examples
    --------
    >>> vae = VAE((1, 16, 16), 3, "locatello", seeds=[0])
    >>> images = torch.rand(5, 1, 16, 16)
    >>> torch.allclose(plain(vae, "locatello").encode(images)[0], vae.encode(images[None])[0][0])
    True
    """
    encodes = isinstance(model, VAE)
    with torch.device("meta"):
        # Without memory, and without weights that would only be replaced.
        built = PlainModel(model.image_shape, model.n_latents, architecture, encodes=encodes)
    linears, convs = [*model.decoder_linears], [*model.decoder_convs]
    if isinstance(model, VAE):
        linears = [*model.encoder_linears, *linears]
        convs = [*model.encoder_convs, *convs]
    # In the order in which they are passed through, here as there.
    next_linear, next_conv = iter(linears), iter(convs)
    state = {}
    for name, layer in built.named_modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            theirs = next(next_linear if isinstance(layer, nn.Linear) else next_conv)
            weight, bias = (part.detach()[0] for part in (theirs.weight, theirs.bias))
            # Packed linear layers have their inputs first.
            weight = weight.T if isinstance(layer, nn.Linear) else weight
            state[f"{name}.weight"] = weight.clone(memory_format=torch.contiguous_format)
            state[f"{name}.bias"] = bias.flatten().clone()
    built.load_state_dict(state, assign=True)
    return built.eval()


def _encoder(
    image_shape: tuple[int, int, int], n_latents: int, layout: Architecture
) -> nn.Sequential:
    channels, size, _ = image_shape
    side = size >> len(layout.encoder_channels)
    layers: list[nn.Module] = []
    widths = pairwise((channels, *layout.encoder_channels))
    for (n_in, n_out), kernel in zip(widths, layout.encoder_kernels, strict=True):
        layers += [nn.Conv2d(n_in, n_out, kernel, stride=2, padding=kernel // 2 - 1), nn.ReLU()]
    layers.append(nn.Flatten())
    for n_in, n_out in pairwise(
        (layout.encoder_channels[-1] * side * side, *layout.encoder_hidden, 2 * n_latents)
    ):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def _decoder(
    image_shape: tuple[int, int, int], n_latents: int, layout: Architecture
) -> nn.Sequential:
    channels, size, _ = image_shape
    side = size >> len(layout.decoder_channels)
    first = (layout.decoder_channels[0], side, side)
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise((n_latents, *layout.decoder_hidden, first[0] * side * side)):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    layers.append(nn.Unflatten(1, first))
    for n_in, n_out in pairwise((*layout.decoder_channels, channels)):
        layers += [nn.ConvTranspose2d(n_in, n_out, 4, stride=2, padding=1), nn.ReLU()]
    return nn.Sequential(*layers[:-1])
