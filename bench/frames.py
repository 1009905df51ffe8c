"""Frames: the images that show a model, and where they are stored. Written by `decode`, no torch.

They are derived from a committed run: a file that is missing, damaged or of another format is
decoded again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from .files import replacing
from .specs import TrainedSpec
from .store import Store, StoredRun

FORMAT = 1
# Nats per image below which a run is said to have collapsed.
COLLAPSED = 1.0


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
        of the posterior mean of `latents[d]`, NaN where there is none; (0, 0, 0) where the dataset
        has no positions.
    """

    originals: NDArray[np.uint8]
    reconstructions: NDArray[np.uint8]
    traversals: NDArray[np.uint8]
    values: NDArray[np.float32]
    latents: NDArray[np.int64]
    kl: NDArray[np.float64]
    tuning_maps: NDArray[np.float32]


def write_frames(path: Path, frames: Frames) -> None:
    """Store frames, whole or not at all."""
    with replacing(path) as staged, h5py.File(staged, "w") as file:
        file.attrs["format"] = FORMAT
        for field in fields(Frames):
            values = getattr(frames, field.name)
            options = {"compression": "gzip", "fletcher32": True} if values.size else {}
            file.create_dataset(field.name, data=values, track_times=False, **options)


def read_frames(path: Path) -> Frames | None:
    """Return stored frames; None where there are none to trust."""
    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("format") != FORMAT:
                return None
            return Frames(**{field.name: file[field.name][()] for field in fields(Frames)})
    except (OSError, KeyError, RuntimeError):
        return None


def trained_groups(runs: Iterable[StoredRun]) -> list[list[StoredRun]]:
    """Return the runs of trained models by group and precision, each by ascending seed."""
    groups: dict[tuple[str, str], list[StoredRun]] = {}
    for run in sorted(runs, key=lambda run: run.spec.seed):
        if isinstance(run.spec, TrainedSpec):
            key = (run.manifest["group_id"], run.manifest["execution"]["precision"])
            groups.setdefault(key, []).append(run)
    return list(groups.values())


def shown_runs(store: Store) -> list[StoredRun]:
    """Return the runs that are shown, one of every group of trained models.

    The lowest seed whose code has not collapsed: a model without a code shows nothing but its mean
    image. Where all have, the lowest.
    """
    groups = trained_groups(store.scan()[0])
    return [
        next((run for run in members if _has_code(store, run)), members[0]) for members in groups
    ]


def _has_code(store: Store, run: StoredRun) -> bool:
    for entries in store.read_scores(run.run_id, run.codes).values():
        for entry in entries:
            if entry["column"] == "kl_per_dimension" and entry["value"]:
                return bool(sum(entry["value"]) > COLLAPSED)
    return False


def stored_frames(store: Store) -> Iterator[tuple[str, Frames]]:
    """Yield (run id, frames) of every shown run that has them."""
    for run in shown_runs(store):
        frames = read_frames(store.frames_path(run.run_id))
        if frames is not None:
            yield run.run_id, frames
