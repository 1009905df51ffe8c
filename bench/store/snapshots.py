"""Snapshots: what a model made of fixed images on its way through training. No torch."""

from __future__ import annotations

import io
from dataclasses import dataclass, fields

import h5py
import numpy as np
from numpy.typing import NDArray

from .hdf5 import Form, read_arrays

# Nats per image at which reconstructions are shown beside one another.
LEVELS = (3.1, 7.3, 15.4, 23.8)


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

    steps: NDArray[np.int64]
    c: NDArray[np.float64]
    kl: NDArray[np.float64]
    originals: NDArray[np.uint8]
    images: NDArray[np.uint8]


def snapshot_bytes(snapshots: Snapshots) -> bytes:
    """Return snapshots as the bytes of an HDF5 file, every part of it with its checksum."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for field in fields(Snapshots):
            values = getattr(snapshots, field.name)
            options = {"compression": "gzip", "fletcher32": True}
            file.create_dataset(field.name, data=values, track_times=False, **options)
    return buffer.getvalue()


_FORMS: dict[str, Form] = {
    "steps": (np.int64, "S"),
    "c": (np.float64, "S"),
    "kl": (np.float64, "SD"),
    "originals": (np.uint8, "nCHW"),
    "images": (np.uint8, "SnCHW"),
}


def read_snapshots(content: bytes, n_latents: int) -> Snapshots:
    """Read what `snapshot_bytes` gave of a model with so many latents."""
    return Snapshots(**read_arrays(content, _FORMS, D=n_latents))
