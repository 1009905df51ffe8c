"""Decode a stored model and its codes into frames: the images, maps and curves that show it."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import entropy

from .._siblings import datasets, metrics
from ..grid import generator
from ..store import QUANTILES, Frames, Latents, Store, StoredRun, write_frames
from .factor_channel import FactorChannel, scaled_factors
from .load import LoadedRun, load_run
from .overlap import overlap_curve

# As in Figures 2 and 4 of Burgess et al. 2018: latents are traversed over three prior deviations.
TRAVERSAL_RANGE = 3.0
TRAVERSAL_VALUES = 11
N_ORIGINALS = 11
# As many bins as a histogram of codes has: of a channel of 256 values few images share one.
BINS = 20


def decode_run(store: Store, run: StoredRun) -> None:
    """Decode and store the frames of a run of a grid, which was allowed to import its own code.

    Raises
    ------
    DamagedError
        If the run's model or codes are not what was committed.
    """
    model = load_run(run.folder, allow_imports=True)
    latents = run.latents()
    dataset = run.spec.dataset.load(allow_imports=True)
    if latents.logvars is None:
        raise ValueError(f"{run.folder}: has no log-variances to sort its latents by")
    kl = metrics.kl_per_dimension(latents.means, latents.logvars)
    # Stable: latents of equal KL keep their order.
    order = np.argsort(-kl, kind="stable")
    indices = seed_images(dataset)
    originals = dataset.images(indices)
    codes = _codes(model, dataset, indices)
    names, factors = known_factors(dataset, latents.indices)
    random_order = generator(0, "sample", 2).permutation(len(factors))
    values = np.linspace(-TRAVERSAL_RANGE, TRAVERSAL_RANGE, TRAVERSAL_VALUES, dtype=np.float32)
    moved = np.repeat(codes[0][None], len(order) * len(values), axis=0)
    moved = moved.reshape(len(order), len(values), -1)
    for row, latent in enumerate(order):
        moved[row, :, latent] = values
    traversals = to_bytes(model.decode(moved.reshape(-1, moved.shape[-1])))
    write_frames(
        store.frames_path(run.run_id),
        Frames(
            originals=originals,
            reconstructions=to_bytes(model.decode(codes)),
            traversals=traversals.reshape(len(order), len(values), *dataset.image_shape),
            values=values,
            latents=order.astype(np.int64),
            kl=kl[order],
            tuning_maps=tuning_maps(latents, dataset)[order],
            overlap=position_overlap(latents, dataset),
            information=information(latents, factors)[order],
            chance=information(latents, factors[random_order])[order],
            entropies=np.array([entropy(np.bincount(column)) for column in factors.T]),
            factors=np.char.encode(names, "utf-8"),
            codes=codes[:, order],
        ),
    )


def information(latents: Latents, factors: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the information of latents about factors in nats, (D, n_factors), as can be known.

    n images tell apart ln n nats. Of a latent with a higher KL hardly two posteriors overlap, so
    that it would seem to know as much of factors in any order. It is read as coarsely as a
    histogram of 20 bins over its range is.
    """
    logvars = np.array(latents.logvars, np.float64)
    narrow = metrics.kl_per_dimension(latents.means, logvars) > np.log(len(logvars))
    # The deviation of what is uniform in a bin.
    width = np.ptp(latents.means[:, narrow], axis=0) / (BINS * np.sqrt(12))
    logvars[:, narrow] = np.maximum(logvars[:, narrow], 2 * np.log(np.maximum(width, 1e-30)))
    with warnings.catch_warnings():
        # Of few samples a value, for example: the scores of the run have it beside them.
        warnings.simplefilter("ignore", metrics.MetricWarning)
        return metrics.mutual_information_matrix(
            latents.means, factors, estimator="posterior", logvars=logvars
        )


def known_factors(
    dataset: datasets.FactorDataset, indices: NDArray[np.int64]
) -> tuple[list[str], NDArray[np.int64]]:
    """Return names and labels, (n, n_factors), of all that is known of some images.

    Those are the factors and what the dataset knows beside them, cut into `BINS` quantile
    bins where it has more values.
    """
    extra = dataset.extra_factors(indices)
    columns = [dataset.factors(indices)]
    columns += [metrics.bin_factors(values, BINS) for values in extra.values()]
    return [*dataset.factor_names, *extra], np.hstack(columns)


def _codes(
    model: LoadedRun, dataset: datasets.FactorDataset, indices: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return the posterior means of some images, or of their factors where these are encoded."""
    if not isinstance(model.model, FactorChannel):
        return model.encode(dataset.images(indices))[0]
    factors = torch.from_numpy(scaled_factors(dataset)[indices])
    with torch.inference_mode():
        codes: NDArray[np.float32] = model.model.encode(factors[None])[0][0].numpy()
    return codes


def seed_images(dataset: datasets.FactorDataset) -> NDArray[np.int64]:
    """Return the images that show a model: the centre of the grid and a fixed random choice."""
    sizes = np.array(dataset.factor_sizes)
    try:
        centre = dataset.index(sizes[None] // 2)
    except ValueError:
        # There is no image of this combination: take the nearest one.
        offsets = (dataset.factors(np.arange(len(dataset))) - sizes // 2) / sizes
        centre = np.argmin(np.abs(offsets).sum(1), keepdims=True)
    others = generator(0, "sample", 1).choice(len(dataset), N_ORIGINALS - 1)
    return np.concatenate([centre, others])


def tuning_maps(latents: Latents, dataset: datasets.FactorDataset) -> NDArray[np.float32]:
    """Return (D, position_y, position_x) mean posterior means at each position of the object."""
    axes = _position_axes(dataset)
    if axes is None:
        return np.zeros((latents.means.shape[1], 0, 0), np.float32)
    shape = tuple(dataset.factor_sizes[axis] for axis in axes)
    cell = np.ravel_multi_index(tuple(dataset.factors(latents.indices)[:, axes].T), shape)
    count = np.bincount(cell, minlength=shape[0] * shape[1])
    sums = np.stack([np.bincount(cell, column, len(count)) for column in latents.means.T])
    with np.errstate(invalid="ignore"):
        return (sums / count).reshape(-1, *shape).astype(np.float32)


def _position_axes(dataset: datasets.FactorDataset) -> list[int] | None:
    names = dataset.factor_names
    if not {"position_x", "position_y"} <= set(names):
        return None
    return [names.index("position_y"), names.index("position_x")]


def position_overlap(latents: Latents, dataset: datasets.FactorDataset) -> NDArray[np.float64]:
    """Return `overlap_curve` over the positions of the object, empty where it has none."""
    axes = _position_axes(dataset)
    if axes is None or latents.logvars is None:
        return np.zeros((0, 1 + len(QUANTILES)))
    positions = dataset.factors(latents.indices)[:, axes]
    return overlap_curve(latents.means, latents.logvars, positions)


def to_bytes(intensities: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return intensities in [0, 1] as bytes, 0 to 255."""
    return np.round(intensities * 255).astype(np.uint8)
