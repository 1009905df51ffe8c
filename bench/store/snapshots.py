"""Snapshots: a model's output for fixed images during training. No torch."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .hdf5 import dump, form, load

# Nats per image at which reconstructions are shown beside one another.
KL_SHOWN = (3.1, 7.3, 15.4, 23.8)


@dataclass(frozen=True)
class Snapshots:
    """Reconstructions of the same images at several steps of training.

    Attributes
    ----------
    steps : ndarray
        (S,) int64 steps done, ascending.
    c : ndarray
        (S,) float64 capacity C at that step, nats per image.
    kl : ndarray
        (S, D) float64 mean KL of every latent, nats per image.
    originals : ndarray
        (n, C, H, W) uint8 images of the dataset.
    images : ndarray
        (S, n, C, H, W) uint8 decoder means times 255 for the posterior means of the originals.
    """

    steps: NDArray[np.int64] = field(metadata=form(np.int64, "S"))
    c: NDArray[np.float64] = field(metadata=form(np.float64, "S"))
    kl: NDArray[np.float64] = field(metadata=form(np.float64, "SD"))
    originals: NDArray[np.uint8] = field(metadata=form(np.uint8, "nCHW"))
    images: NDArray[np.uint8] = field(metadata=form(np.uint8, "SnCHW"))


def snapshot_bytes(snapshots: Snapshots) -> bytes:
    """Return snapshots as the bytes of an HDF5 file, every part of it with its checksum."""
    return dump(snapshots, compression="gzip", fletcher32=True)


def read_snapshots(content: bytes, n_latents: int) -> Snapshots:
    """Read what `snapshot_bytes` gave of a model with so many latents."""
    return load(content, Snapshots, D=n_latents)
