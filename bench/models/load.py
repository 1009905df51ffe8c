"""Load the model of a committed run, with `encode` and `decode` on arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ..errors import InputError, OwnCodeError, named, said
from ..grid import FactorChannelSpec, ModelSpec, arguments as given, is_pinned
from ..store import WEIGHTS, DamagedError, StoredRun, read_run
from .factor_channel import CHANNELS, FactorChannel
from .own_vae import OwnVAE
from .plain import PlainModel, plain
from .vae import CHUNK, VAE, Decoding
from .weights import NO_WEIGHTS, read_weights


@dataclass(frozen=True)
class LoadedRun:
    """A stored model.

    Attributes
    ----------
    run : StoredRun
        Its manifest, codes and history.
    model : VAE, OwnVAE or FactorChannel
        The model, a pack of one, on the CPU.
    """

    run: StoredRun
    model: Decoding

    @property
    def architecture(self) -> str:
        """A key of `ARCHITECTURES`, or the name of own code."""
        return cast("ModelSpec", self.run.spec).architecture

    @torch.inference_mode()
    def encode(self, images: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return means and log-variances, each (n, D), of (n, C, H, W) uint8 images in 0..255.

        Raises
        ------
        ValueError
            If the images have another shape or type than the model was trained on, or if the
            model encodes none: that of a factor channel is given the true factors.
        """
        if isinstance(self.model, FactorChannel):
            raise ValueError(
                f"{self.run.folder}: a factor channel encodes no images; the codes of its "
                f"evaluation images are run.latents()"
            )
        pixels = np.asarray(images)
        shape = self.model.image_shape
        if pixels.ndim != 4 or pixels.shape[1:] != shape or pixels.dtype != np.uint8:
            raise ValueError(
                f"images must be uint8 of shape (n, {', '.join(map(str, shape))}), "
                f"not {pixels.dtype} {pixels.shape}"
            )
        parts = [
            self.model.encode(torch.from_numpy(pixels[start : start + CHUNK])[None].float() / 255)
            for start in range(0, len(pixels), CHUNK)
        ]
        means, logvars = (torch.cat(part, 1)[0].numpy() for part in zip(*parts, strict=True))
        return means, logvars

    @torch.inference_mode()
    def decode(self, codes: ArrayLike) -> NDArray[np.float32]:
        """Return the decoder's mean images, (n, C, H, W) float32 in [0, 1], of (n, D) codes.

        Raises
        ------
        ValueError
            If the codes have another shape than (n, D).
        """
        z = np.asarray(codes, np.float32)
        n_latents = len(self.run.latent_names)
        if z.ndim != 2 or z.shape[1] != n_latents:
            raise ValueError(f"codes must have shape (n, {n_latents}), not {z.shape}")
        parts = [
            torch.sigmoid(self.model.decode(torch.from_numpy(z[start : start + CHUNK])[None]))
            for start in range(0, len(z), CHUNK)
        ]
        images: NDArray[np.float32] = torch.cat(parts, 1)[0].numpy()
        return images

    def to_torch(self) -> PlainModel:
        """Return the model as an ordinary module of standard layers, for other code.

        Returns
        -------
        PlainModel
            On the CPU, with weights of its own, in evaluation mode. `encode` takes images in
            [0, 1] and returns means and log-variances; `decode` takes codes and returns images in
            [0, 1], whose logits are `decoder(codes)`. Of a factor channel there is the decoder
            alone, and `encode` raises ValueError.

        Raises
        ------
        InputError
            If the architecture is own code, whose modules are in `model.members[0]` as they are.

        Examples
        --------
        >>> model = load_run("results/quick/runs/0123456789abcdef").to_torch()  # doctest: +SKIP
        >>> means, logvars = model.encode(images)                              # doctest: +SKIP
        """
        if isinstance(self.model, OwnVAE):
            reason = f"{self.architecture} is own code: its modules are model.members[0]"
            raise InputError(str(self.run.folder), "", reason)
        return plain(cast("VAE | FactorChannel", self.model), self.architecture)


def load_run(folder: str | Path, *, allow_imports: bool = False) -> LoadedRun:
    """Load the model of a committed run.

    Parameters
    ----------
    folder : str or Path
        A folder `runs/<run id>` of an output folder.
    allow_imports : bool
        Whether the architecture may be imported where it is own code. Its source has to be there
        and to be that of the run.

    Returns
    -------
    LoadedRun
        The model with `encode` and `decode` on arrays, and the run's stored data.

    Raises
    ------
    DamagedError
        If the folder is no committed run, or its content does not match its checksums.
    InputError
        If the run has no model (principal components, random codes, true factors), or its weights
        were left out of the folder, or its architecture is own code that may not or cannot be
        imported.

    Examples
    --------
    >>> loaded = load_run("results/quick/runs/0123456789abcdef")  # doctest: +SKIP
    >>> means, logvars = loaded.encode(images)                    # doctest: +SKIP
    >>> pictures = loaded.decode(means)                           # doctest: +SKIP
    """
    run = read_run(given.path(folder))
    spec = run.spec
    if not isinstance(spec, ModelSpec) or not run.has(WEIGHTS):
        has_one = isinstance(spec, ModelSpec)
        reason = "its weights were left out" if has_one else f"it is a run of kind {spec.kind}"
        raise InputError(str(folder), "", f"has no model: {reason}")
    # Only for codes from elsewhere may the images be unknown.
    shape = tuple(run.manifest.dataset.image_shape or ())
    n_latents = len(run.latent_names)
    family: Callable[..., Decoding] = VAE
    if isinstance(spec, FactorChannelSpec):
        family = CHANNELS[spec.channel]
    elif is_pinned(spec.architecture):
        family = OwnVAE
    build = partial(family, (shape[0], shape[1], shape[2]), n_latents, spec.architecture)
    own = _own_model(run, build, allow_imports=allow_imports) if family is OwnVAE else None
    content = run.content(WEIGHTS)
    try:
        state = read_weights(content)
        if sum(value.nbytes for value in state.values()) > len(content):
            raise ValueError("its tensors are larger than their file")
        if own is None:
            _check_shapes(build, state)
        model = build([spec.seed]) if own is None else own
        model.load_state_dict(state)
    except NO_WEIGHTS as error:
        # Torch's own message spends lines on how to load it all the same.
        reason = f"holds no weights of this model ({type(error).__name__})"
        raise DamagedError(f"{run.folder / WEIGHTS}: {reason}") from None
    return LoadedRun(run, model.eval())


def _own_model(run: StoredRun, build: Callable[..., Decoding], *, allow_imports: bool) -> Decoding:
    """Return the model of an own architecture, which may do anything when it is made."""
    if not allow_imports:
        raise OwnCodeError(
            f"{run.folder}: its architecture is code from outside; load_run(..., "
            f"allow_imports=True) imports it"
        )
    try:
        return build([run.spec.seed])
    except (Exception, SystemExit) as error:
        reason = said(error) if isinstance(error, OwnCodeError) else named(error)
        raise OwnCodeError(f"{run.folder}: its architecture cannot be made: {reason}") from error


def _check_shapes(build: Callable[..., Decoding], state: Mapping[str, Tensor]) -> None:
    """Refuse weights of another model before it is built: its manifest may claim any size."""
    # An empty pack has the model's shapes and takes no memory.
    expected = {name: value.shape[1:] for name, value in build([]).state_dict().items()}
    if {name: value.shape[1:] for name, value in state.items()} != expected:
        raise ValueError("its shapes differ from the model's")
