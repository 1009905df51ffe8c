"""Frames: the stored images that show a model. `models.decode` makes them; no torch here.

They are derived from a committed run: where their file is missing, damaged or of another format,
they are decoded again.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from .files import read_bytes, replacing
from .hdf5 import UNREADABLE, dump, form, load
from .store import Store
from .stored_run import StoredRun

FORMAT = 3
# HDF5 leaves so many bytes at the beginning alone: there is the SHA-256 of what follows. Its own
# checksums cover arrays, but neither their types nor their shapes.
_BLOCK = 512
# The share of pairs of posteriors that are closer than each line of `Frames.overlap`.
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)


@dataclass(frozen=True)
class Frames:
    """The images that show a model, its latents sorted by mean KL from high to low.

    Attributes
    ----------
    originals : ndarray
        (n, C, H, W) uint8, the same images of the dataset for every run; the first is the one that
        the traversals start from, at the centre of the factors' grid.
    reconstructions : ndarray
        (n, C, H, W) uint8, the decoder's means times 255 for the posterior means of the originals.
    traversals : ndarray
        (D, n_values, C, H, W) uint8: row d moves latent `latents[d]` over `values`, the others
        stay at the first original's posterior mean.
    values : ndarray
        (n_values,) float32.
    latents : ndarray
        (D,) int64.
    kl : ndarray
        (D,) float64, mean KL of `latents` in nats.
    tuning_maps : ndarray
        (D, position_y, position_x) float32: the mean over the evaluation images at each position
        of the posterior mean of `latents[d]`, NaN where there is none; (D, 0, 0) where the dataset
        has no positions.
    overlap : ndarray
        (n_bins, 6) float64: a distance of positions, in steps, then the `QUANTILES` of the
        distance of the posteriors there, in nats; (0, 6) where the dataset has no positions.
    information : ndarray
        (D, n_factors) float64, nats: mutual information of `latents[d]`, drawn from its posterior,
        with every factor, and with what else is known of the images, in quantile bins. A latent
        of more nats than images can show is read as coarsely as a histogram of 20 bins.
    entropies : ndarray
        (n_factors,) float64, entropy of these over the evaluation images in nats.
    factors : ndarray
        (n_factors,) bytes, their names.
    chance : ndarray or None
        (D, n_factors) float64, nats: what `information` is of the same factors in a random order of
        the images, which tells nothing. With narrow posteriors and few images a value of a factor
        it is far from 0. None in frames that are older than it.
    codes : ndarray or None
        (n, D) float32, the posterior means of the originals, in the order of `latents`. None in
        frames that are older than it.
    """

    originals: NDArray[np.uint8] = field(metadata=form(np.uint8, "nCHW"))
    reconstructions: NDArray[np.uint8] = field(metadata=form(np.uint8, "nCHW"))
    traversals: NDArray[np.uint8] = field(metadata=form(np.uint8, "DvCHW"))
    values: NDArray[np.float32] = field(metadata=form(np.float32, "v"))
    latents: NDArray[np.int64] = field(metadata=form(np.int64, "D"))
    kl: NDArray[np.float64] = field(metadata=form(np.float64, "D"))
    tuning_maps: NDArray[np.float32] = field(metadata=form(np.float32, "Dyx"))
    overlap: NDArray[np.float64] = field(metadata=form(np.float64, "bq"))
    information: NDArray[np.float64] = field(metadata=form(np.float64, "DK"))
    entropies: NDArray[np.float64] = field(metadata=form(np.float64, "K"))
    factors: NDArray[np.bytes_] = field(metadata=form(np.bytes_, "K"))
    chance: NDArray[np.float64] | None = field(default=None, metadata=form(np.float64, "DK?"))
    codes: NDArray[np.float32] | None = field(default=None, metadata=form(np.float32, "nD?"))


def write_frames(path: Path, frames: Frames) -> None:
    """Store frames, whole or not at all."""
    content = dump(frames, version=FORMAT, block=_BLOCK, compression="gzip")[_BLOCK:]
    with replacing(path) as staged:
        staged.write_bytes(_digest(content).ljust(_BLOCK, b"\0") + content)


def read_frames(path: Path) -> Frames | None:
    """Return stored frames; None where there are none to trust."""
    try:
        whole = read_bytes(path)
        if whole[:_BLOCK] != _digest(whole[_BLOCK:]).ljust(_BLOCK, b"\0"):
            return None
        with h5py.File(io.BytesIO(whole), "r") as file:
            if file.attrs.get("format") != FORMAT:
                return None
        return load(whole, Frames, q=1 + len(QUANTILES))
    except UNREADABLE:
        return None


def has_frames(store: Store, run: StoredRun) -> bool:
    """Return whether a run has sound frames with all that a decoding today would give."""
    frames = read_frames(store.frames_path(run.run_id))
    return frames is not None and frames.chance is not None and frames.codes is not None


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()
