"""VAEs of an architecture by own code: ordinary modules, made for a single model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from ..errors import OwnCodeError
from ..grid import generator, is_pinned, own_object
from .vae import VAE, Decoding

# Modules are tried on so many images: batch normalisation needs two.
_TRIED = 2


class _Pair(nn.Module):
    """An encoder and a decoder of one model."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder


class OwnVAE(Decoding):
    """K models whose encoder and decoder a function or a class by own code makes.

    Members run one after another: no layer of anybody's is known to do the same in a pack as alone.

    Parameters
    ----------
    image_shape : tuple of int
        (C, H, W).
    n_latents : int
        D, the dimension of the code.
    architecture : str
        Pinned name of what is called with `image_shape` and `n_latents` and returns two modules:
        an encoder, (B, C, H, W) images in [0, 1] to (B, 2 D) means and log-variances, and a
        decoder, (B, D) codes to (B, C, H, W) logits.
    seeds : sequence of int
        One a member; its initial weights are what its modules draw from it.

    Raises
    ------
    OwnCodeError
        If it cannot be imported, returns anything else, or its layers draw random numbers, which a
        resumed training would not draw again.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        n_latents: int,
        architecture: str,
        seeds: Sequence[int],
    ) -> None:
        super().__init__(image_shape, n_latents, len(seeds))
        self.architecture = architecture
        self._refuse_randomness()
        self.members = nn.ModuleList(self._pair(seed) for seed in seeds)

    @property
    def _pairs(self) -> Iterator[_Pair]:
        return (cast("_Pair", member) for member in self.members)

    def _pair(self, seed: int) -> _Pair:
        """Make the modules of a member, and refuse those that do not fit its images and codes."""
        make = own_object(self.architecture)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(int(generator(seed, "init").integers(2**63)))
            made = make(self.image_shape, self.n_latents)
            if not _is_pair(made):
                what = type(made).__name__
                raise OwnCodeError(
                    f"{self.architecture} must return two modules, an encoder and a decoder, "
                    f"not {what}"
                )
            pair = _Pair(*made).eval()
            # Lazy layers draw their weights now.
            found = self._tried(pair)
        wanted = (_TRIED, 2 * self.n_latents), (_TRIED, *self.image_shape)
        for who, part, shape in zip(("encoder", "decoder"), found, wanted, strict=True):
            given = tuple(part.shape) if isinstance(part, Tensor) else type(part).__name__
            if given != shape:
                reason = f"must return a tensor of shape {shape} for {_TRIED} images, not {given}"
                raise OwnCodeError(f"{self.architecture}: the {who} {reason}")
        return pair.train()

    @torch.no_grad()
    def _tried(self, pair: _Pair) -> tuple[Any, Any]:
        images, codes = torch.zeros(_TRIED, *self.image_shape), torch.zeros(_TRIED, self.n_latents)
        return pair.encoder(images), pair.decoder(codes)

    def _refuse_randomness(self) -> None:
        # Of modules that are thrown away, as batch normalisation keeps what it has seen.
        pair = self._pair(0)
        with torch.random.fork_rng(devices=[]):
            before = torch.get_rng_state()
            self._tried(pair)
            same = torch.equal(before, torch.get_rng_state())
        if not same:
            raise OwnCodeError(
                f"{self.architecture} draws random numbers while it trains, as dropout does, which "
                f"a resumed training would not draw again; do without"
            )

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return means and log-variances, each (K, B, D), of (K, B, C, H, W) images in [0, 1]."""
        members = zip(self._pairs, images, strict=True)
        codes = torch.stack([pair.encoder(own) for pair, own in members])
        means, logvars = codes.float().chunk(2, dim=-1)
        return means, logvars

    def decode(self, z: Tensor) -> Tensor:
        """Return the logits (K, B, C, H, W) of the pixels' means for (K, B, D) codes."""
        members = zip(self._pairs, z, strict=True)
        return torch.stack([pair.decoder(own) for pair, own in members])

    def member_state(self, member: int) -> dict[str, Tensor]:
        """Return one member's weights as the state of a pack of one, on the CPU."""
        state = self.members[member].state_dict(prefix="members.0.")
        return {name: value.detach().cpu().clone() for name, value in state.items()}


def build_vae(
    image_shape: tuple[int, int, int],
    n_latents: int,
    architecture: str,
    seeds: Sequence[int],
    initialisation: str = "pytorch",
) -> Decoding:
    """Return K VAEs of an architecture of the suite, as `VAE`, or by own code, as `OwnVAE`."""
    if is_pinned(architecture):
        return OwnVAE(image_shape, n_latents, architecture, seeds)
    return VAE(image_shape, n_latents, architecture, seeds, initialisation)


def _is_pair(made: Any) -> bool:
    is_sequence = isinstance(made, tuple | list) and len(made) == 2
    return is_sequence and all(isinstance(part, nn.Module) for part in made)
