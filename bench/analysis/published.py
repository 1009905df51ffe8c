"""Compare with the training logs of YannDubs/disentangling-vae: dSprites, epoch by epoch.

Source: https://github.com/YannDubs/disentangling-vae (Burgess et al.'s model in PyTorch), commit
f045219, `train_losses.log` and `specs.json` under
`results/{VAE,betaH,betaB,btcvae,factor}_dsprites`, read in full. One run of each model. A number is
the mean over every 50th training step of an epoch, so ours is the mean over all training steps of
the same epoch.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..grid import DatasetSpec
from ..store import epoch_mean
from ..tables import Tables

# dSprites: an epoch is a pass through all of them.
N_IMAGES = 737_280
# Relative difference within which a number agrees.
AGREEMENT = 0.05


@dataclass(frozen=True)
class Published:
    """An epoch of a published training run.

    Attributes
    ----------
    epoch : int
        From 1.
    reconstruction, kl : float
        Nats per image.
    latents : tuple of float
        KL of single latents, descending, those above 0.1 nat.
    """

    epoch: int
    reconstruction: float
    kl: float
    latents: tuple[float, ...]

    @property
    def numbers(self) -> dict[str, float]:
        """The numbers by name, in nats per image."""
        ranked = {f"kl of latent {rank}": kl for rank, kl in enumerate(self.latents, 1)}
        return {"reconstruction": self.reconstruction, "kl": self.kl, **ranked}


@dataclass(frozen=True)
class PublishedRun:
    """A run of YannDubs/disentangling-vae: its settings and some of its epochs.

    Attributes
    ----------
    name : str
        What it is called.
    settings : mapping
        Columns of `Tables.runs` that a run of ours must have to be compared.
    epochs : tuple of Published
        Ascending.
    differs : str
        In what its objective differs from ours of these settings, if it does.
    images_a_step : int
        Images that a step of theirs takes from the dataset.
    """

    name: str
    settings: dict[str, Any]
    epochs: tuple[Published, ...]
    differs: str = ""
    images_a_step: int = 64

    @property
    def epoch_steps(self) -> int:
        """Training steps in an epoch."""
        return N_IMAGES // self.images_a_step


_SHARED: dict[str, Any] = {
    "dataset": "dsprites",
    "architecture": "burgess",
    "likelihood": "bernoulli",
    "initialisation": "kaiming",
    "batch_size": 64,
    "n_latents": 10,
}
# The weight of the KL rises from 0 over the first 10,000 steps.
_WARM_UP: dict[str, Any] = {
    **_SHARED,
    "kind": "annealed_beta_vae",
    "beta_start": 0.0,
    "anneal_steps": 10_000,
    "learning_rate": 5e-4,
}

MODELS = (
    PublishedRun(
        "β from 0 to 1",
        {**_WARM_UP, "beta_end": 1.0},
        (
            Published(
                1, 71.01, 33.67, (4.27, 4.12, 4.10, 3.87, 3.52, 3.19, 2.87, 2.68, 2.53, 2.52)
            ),
            Published(
                2, 38.56, 26.64, (3.38, 3.30, 3.18, 3.14, 2.81, 2.75, 2.15, 2.00, 1.98, 1.96)
            ),
            Published(
                5, 29.43, 26.51, (3.50, 3.48, 3.34, 3.26, 3.06, 2.88, 1.89, 1.72, 1.71, 1.67)
            ),
            Published(
                10, 22.73, 26.65, (3.62, 3.57, 3.49, 3.36, 3.17, 2.97, 1.80, 1.64, 1.63, 1.40)
            ),
            Published(
                30, 17.99, 25.40, (3.80, 3.63, 3.53, 3.45, 3.25, 2.84, 1.46, 1.33, 1.25, 0.86)
            ),
        ),
    ),
    PublishedRun(
        "β from 0 to 4",
        {**_WARM_UP, "beta_end": 4.0},
        (
            Published(
                1, 87.90, 20.71, (2.88, 2.86, 2.81, 2.74, 2.20, 2.02, 1.77, 1.31, 1.07, 1.07)
            ),
            Published(
                2, 64.42, 15.04, (2.36, 2.32, 2.26, 2.17, 1.73, 1.54, 1.02, 0.67, 0.53, 0.44)
            ),
            Published(
                5, 55.58, 14.75, (2.58, 2.32, 2.25, 2.23, 1.77, 1.40, 0.76, 0.56, 0.48, 0.40)
            ),
            Published(
                10, 47.40, 14.96, (2.78, 2.43, 2.32, 2.31, 1.85, 1.29, 0.72, 0.49, 0.47, 0.29)
            ),
            Published(
                30, 35.61, 15.35, (3.06, 2.56, 2.46, 2.34, 2.04, 1.13, 0.66, 0.51, 0.32, 0.28)
            ),
        ),
    ),
    PublishedRun(
        "capacity γ=100 C=25, lr 1e-3",
        {
            **_SHARED,
            "kind": "capacity_vae",
            "gamma": 100.0,
            "capacity": 25.0,
            "anneal_steps": 100_000,
            "learning_rate": 1e-3,
        },
        (
            Published(1, 338.96, 1.82, (0.91, 0.90)),
            Published(2, 180.13, 4.36, (1.91, 1.91, 0.46)),
            Published(3, 117.16, 7.20, (2.81, 2.80, 1.59)),
            Published(5, 98.95, 12.96, (4.75, 4.74, 3.47)),
            Published(9, 93.79, 24.34, (8.66, 8.65, 7.02)),
            Published(30, 81.06, 25.00, (7.76, 7.50, 6.41, 3.30)),
        ),
    ),
    PublishedRun(
        "β-TCVAE β=6.4, lr 5e-4",
        {
            **_SHARED,
            "kind": "beta_tcvae",
            "beta": 6.4,
            "warm_up_steps": 10_000,
            "learning_rate": 5e-4,
        },
        (
            Published(
                1, 114.50, 17.69, (3.99, 3.65, 2.87, 2.57, 2.34, 1.25, 0.28, 0.26, 0.25, 0.22)
            ),
            Published(2, 78.49, 12.19, (3.61, 3.53, 2.37, 1.28, 0.99, 0.23)),
            Published(5, 71.10, 11.75, (3.64, 3.62, 2.52, 0.99, 0.96)),
            Published(10, 68.37, 11.93, (3.67, 3.66, 2.56, 1.03, 1.00)),
            Published(30, 42.21, 13.60, (3.81, 3.79, 2.52, 2.02, 1.45)),
        ),
        "theirs adds the log-weights of minibatch-stratified sampling once for every latent, which "
        "up to constants is minibatch-weighted sampling, as here, for all but the first image of a "
        "batch",
    ),
    PublishedRun(
        "FactorVAE γ=6.4, lr 1e-4",
        {
            **_SHARED,
            "kind": "factor_vae",
            "gamma": 6.4,
            "warm_up_steps": 10_000,
            "learning_rate": 1e-4,
        },
        (
            Published(
                1, 156.25, 19.74, (2.80, 2.80, 2.73, 2.72, 2.18, 2.07, 1.69, 1.53, 0.65, 0.56)
            ),
            Published(
                2, 74.62, 19.56, (3.19, 3.11, 2.94, 2.83, 2.54, 2.28, 1.23, 1.16, 0.16, 0.12)
            ),
            Published(5, 57.58, 21.70, (3.39, 3.28, 3.04, 3.00, 2.97, 2.27, 1.56, 1.51, 0.63)),
            Published(10, 47.28, 21.99, (3.44, 3.38, 3.07, 3.07, 3.02, 2.19, 1.49, 1.33, 0.98)),
            Published(60, 36.63, 21.74, (3.78, 3.62, 3.27, 3.21, 2.87, 1.91, 1.10, 1.05, 0.94)),
        ),
        "their discriminator has 64 images of its own in every step, ours the second half of the "
        "model's 64",
        images_a_step=128,
    ),
)

COLUMNS = (
    "model",
    "epoch",
    "steps",
    "quantity",
    "published",
    "ours",
    "low",
    "high",
    "n_seeds",
    "within_5_percent",
    "label",
    "group_id",
    "precision",
    "known_difference",
)


def is_dsprites(dataset: str, options: str) -> bool:
    """Return whether a dataset with its options (JSON) has the images, and weights, of dSprites.

    Examples
    --------
    >>> is_dsprites("dsprites", "{}"), is_dsprites("dsprites", '{"pad": 90, "resize": 64}')
    (True, False)
    """
    named = DatasetSpec(name=dataset, options=json.loads(options)).spelling
    return dataset == "dsprites" and not {*named} & {"correlated", "pad", "resize"}


def published_table(tables: Tables) -> pd.DataFrame:
    """Return ours beside YannDubs/disentangling-vae, for the models and epochs that a study has.

    Parameters
    ----------
    tables : Tables
        Everything that is known of a study.

    Returns
    -------
    DataFrame
        One row for each published number whose settings a group of ours has and whose epoch its
        runs reached: nats per image, ours as the mean over seeds with the lowest and highest, and
        whether that mean is within 5% of theirs. Latents are compared by rank, of each seed.
    """
    rows: list[dict[str, object]] = []
    for model in MODELS:
        for _, group in _alike(tables.runs, model):
            first = group.iloc[0]
            for epoch in model.epochs:
                ours = [
                    _values(
                        tables.history[tables.history["run_id"] == run_id],
                        epoch,
                        model.epoch_steps,
                    )
                    for run_id in group["run_id"]
                ]
                found = np.array([values for values in ours if values is not None])
                if not len(found):
                    continue
                for place, (quantity, published) in enumerate(epoch.numbers.items()):
                    mean = float(found[:, place].mean())
                    rows.append(
                        {
                            "model": model.name,
                            "epoch": epoch.epoch,
                            "steps": epoch.epoch * model.epoch_steps,
                            "quantity": quantity,
                            "published": published,
                            "ours": mean,
                            "low": float(found[:, place].min()),
                            "high": float(found[:, place].max()),
                            "n_seeds": len(found),
                            "within_5_percent": abs(mean - published) <= AGREEMENT * published,
                            "label": first["label"],
                            "group_id": first["group_id"],
                            "precision": first["precision"],
                            "known_difference": model.differs,
                        }
                    )
    return pd.DataFrame(rows, columns=[*COLUMNS])


def _values(history: pd.DataFrame, published: Published, steps: int) -> NDArray[np.float64] | None:
    """Return ours in the order of `published.numbers`."""
    means = epoch_mean(history, published.epoch, steps)
    if means is None:
        return None
    latents = np.sort(means.filter(regex=r"^kl_\d+$").to_numpy(np.float64))[::-1]
    shown = latents[: len(published.latents)]
    return np.array([means["reconstruction"], means["kl"], *shown])


def _alike(runs: pd.DataFrame, model: PublishedRun) -> list[tuple[object, pd.DataFrame]]:
    if not set(model.settings) <= {*runs}:
        return []
    same = np.logical_and.reduce([runs[name] == value for name, value in model.settings.items()])
    groups = runs[same].groupby(["group_id", "precision"], sort=False)
    return [
        (key, group)
        for key, group in groups
        if is_dsprites(group["dataset"].iloc[0], group["dataset_options"].iloc[0])
    ]
