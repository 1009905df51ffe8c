"""Encode images with a trained model, and measure its reconstruction term."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ..grid import Execution, ModelSpec, generator
from ..models.vae import CHUNK, Decoding
from .batches import Images
from .objectives import negative_log_likelihood
from .process import autocast

# Images a forward pass on a GPU, over all members: it takes more than a CPU's `CHUNK` to fill it.
GPU_CHUNK = 16_384
# −E_q[log p(x|z)] is a mean over at most so many images: its standard error is then far below the
# differences that are read from it, at a fourteenth of the cost of all of dSprites.
RECONSTRUCTION_IMAGES = 50_000

# Takes the share that is done, between 0 and 1.
OnProgress = Callable[[float], None]


def ignore(share: float) -> None:
    """Do nothing."""


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Let layers that train otherwise than they are used, as batch normalisation, be used."""
    before = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(before)


@torch.inference_mode()
def encode_images(
    model: Decoding,
    images: Images,
    indices: NDArray[np.int64],
    execution: Execution,
    on_progress: OnProgress = ignore,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return means and log-variances, each (K, N, D) float32, of the images at `indices`.

    `on_progress` is called after every forward pass.
    """
    pack = model.pack
    # Filled in place: small results that stay, allocated between large ones that are freed, would
    # fragment the heap, by gigabytes over a whole dataset.
    codes: NDArray[np.float32] | None = None
    size = _chunk(pack, execution)
    for start in range(0, len(indices), size):
        chunk = images(indices[start : start + size])
        with evaluating(model), autocast(execution):
            parts = torch.stack(model.encode(chunk.expand(pack, *chunk.shape)))
        if codes is None:
            codes = np.empty((2, pack, len(indices), parts.shape[-1]), np.float32)
        codes[:, :, start : start + len(chunk)] = parts.cpu().numpy()
        on_progress((start + len(chunk)) / len(indices))
    if codes is None:
        raise ValueError("indices is empty: there is nothing to encode")
    return codes[0], codes[1]


@torch.inference_mode()
def reconstruction_term(
    model: Decoding,
    specs: Sequence[ModelSpec],
    images: Images,
    indices: NDArray[np.int64],
    codes: tuple[NDArray[np.float32], NDArray[np.float32]],
    execution: Execution,
) -> list[float]:
    """Return −E_q[log p(x|z)] of each member, nats per image, with one sample of z an image.

    The images are a fixed sample of those evaluated; the noise is keyed by the run's seed.
    """
    n_images = min(len(indices), RECONSTRUCTION_IMAGES)
    rows = np.sort(generator(0, "reconstruction").choice(len(indices), n_images, replace=False))
    n_latents = codes[0].shape[-1]
    noise = np.stack(
        [
            generator(spec.seed, "reconstruction", 1).standard_normal(
                (n_images, n_latents), dtype=np.float32
            )
            for spec in specs
        ]
    )
    means, logvars = (part[:, rows] for part in codes)
    z = torch.from_numpy(means + np.exp(0.5 * logvars) * noise)
    totals = torch.zeros(len(specs), dtype=torch.float64)
    size = _chunk(len(specs), execution)
    for start in range(0, n_images, size):
        stop = start + size
        chunk = images(indices[rows[start:stop]])
        with evaluating(model), autocast(execution):
            logits = model.decode(z[:, start:stop].to(execution.device))
        chunk = chunk.expand(len(specs), *chunk.shape)
        loss = negative_log_likelihood(logits.float(), chunk, specs[0].likelihood)
        totals += loss.double().sum(1).cpu()
    return [float(total) / n_images for total in totals]


def _chunk(pack: int, execution: Execution) -> int:
    return CHUNK if execution.device == "cpu" else max(CHUNK, GPU_CHUNK // pack)


def state_bytes(model: Decoding, member: int) -> bytes:
    """Return one member's weights as the bytes of a `model.pt`."""
    buffer = io.BytesIO()
    torch.save(model.member_state(member), buffer)
    return buffer.getvalue()
