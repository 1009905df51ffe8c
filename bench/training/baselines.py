"""Baselines: codes made without training, to compare every score with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from ..grid import LatentSpec, Pack, UntrainedBaseline, evaluation_indices, generator
from ..models.own_vae import build_vae
from ..models.vae import CHUNK
from ..store import Result
from .batches import Images, weight_ends, weighted_draw
from .context import Context
from .encode import encode_images, reconstruction_term, state_bytes

if TYPE_CHECKING:
    from .._siblings import datasets

# The principal components are those of a fixed sample of the images.
PCA_IMAGES = 10_000


def untrained(pack: Pack, dataset: datasets.FactorDataset, context: Context) -> Iterator[Result]:
    """Yield the codes of the encoder at its initialisation."""
    for spec in cast("tuple[UntrainedBaseline, ...]", pack.specs):
        vae = build_vae(
            dataset.image_shape,
            spec.n_latents,
            spec.architecture,
            [spec.seed],
            spec.initialisation,
        )
        vae = vae.to(pack.execution.device)
        indices = evaluation_indices(spec.evaluation, len(dataset))
        images = Images(dataset, pack.execution.device)
        codes = encode_images(vae, images, indices, pack.execution)
        terms = reconstruction_term(vae, [spec], images, indices, codes, pack.execution)
        yield Result(
            spec=spec,
            indices=indices,
            means=codes[0][0],
            logvars=codes[1][0],
            latent_names=tuple(f"z{j}" for j in range(spec.n_latents)),
            reconstruction=terms[0],
            state=state_bytes(vae, 0),
        )


def random_codes(pack: Pack, dataset: datasets.FactorDataset, context: Context) -> Iterator[Result]:
    """Yield standard normal codes, drawn without a look at the images."""
    for spec in cast("tuple[LatentSpec, ...]", pack.specs):
        indices = evaluation_indices(spec.evaluation, len(dataset))
        shape = (len(indices), spec.n_latents)
        means = generator(spec.seed, "codes").standard_normal(shape, dtype=np.float32)
        names = tuple(f"noise{j}" for j in range(spec.n_latents))
        yield Result(spec, indices, means, None, names)


def pca(pack: Pack, dataset: datasets.FactorDataset, context: Context) -> Iterator[Result]:
    """Yield the projections on the first principal components of the pixels."""
    from sklearn.decomposition import PCA

    for spec in cast("tuple[LatentSpec, ...]", pack.specs):
        indices = evaluation_indices(spec.evaluation, len(dataset))
        n_sample = min(len(dataset), PCA_IMAGES)
        source, ends = generator(spec.seed, "codes"), weight_ends(dataset)
        sample = np.sort(
            source.choice(len(dataset), n_sample, replace=False)
            if ends is None
            else weighted_draw(ends, source, n_sample)
        )
        # Lanczos: a full decomposition of 4,096 pixels takes a minute for ten components.
        solver = PCA(spec.n_latents, svd_solver="arpack", random_state=spec.seed)
        fitted = solver.fit(_flat(dataset, sample))
        means = np.concatenate(
            [
                fitted.transform(_flat(dataset, indices[start : start + CHUNK]))
                for start in range(0, len(indices), CHUNK)
            ]
        ).astype(np.float32)
        names = tuple(f"pc{j}" for j in range(spec.n_latents))
        yield Result(spec, indices, means, None, names)


def truth(pack: Pack, dataset: datasets.FactorDataset, context: Context) -> Iterator[Result]:
    """Yield the factors themselves, each scaled to [−1, 1]."""
    for spec in pack.specs:
        indices = evaluation_indices(spec.evaluation, len(dataset))
        highest = np.maximum(np.asarray(dataset.factor_sizes) - 1, 1)
        means = (2 * dataset.factors(indices) / highest - 1).astype(np.float32)
        yield Result(spec, indices, means, None, tuple(dataset.factor_names))


def _flat(dataset: datasets.FactorDataset, indices: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return images as (n, pixels) float32 rows in [0, 1]."""
    pixels = dataset.images(indices).reshape(len(indices), -1).astype(np.float32)
    pixels /= 255
    return pixels
