"""Ours beside published numbers: single runs of another code on dSprites, epoch by epoch.

Source: YannDubs/disentangling-vae (Burgess et al.'s model in PyTorch), `train_losses.log` and
`specs.json` under `results/{VAE,betaH,betaB}_dsprites`, read in full. One seed each, batch size 64.
A number is the mean over every 50th training step of an epoch of 11,520 steps, so ours is the mean
over all training steps of the same epoch.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .curves import window_means
from .tables import Tables

# dSprites in batches of 64, as every published run counts them.
EPOCH = 11_520
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
class Model:
    """A published run: its settings, some of its epochs, and why ours need not agree.

    Attributes
    ----------
    name : str
        What it is called.
    settings : mapping
        Columns of `Tables.runs` that a run of ours must have to be compared.
    why : str
        Known differences of its training from ours.
    epochs : tuple of Published
        Ascending.
    """

    name: str
    settings: dict[str, object]
    why: str
    epochs: tuple[Published, ...]


_SHARED: dict[str, object] = {
    "dataset": "dsprites",
    "architecture": "burgess",
    "likelihood": "bernoulli",
    "batch_size": 64,
    "n_latents": 10,
}
_WARM_UP = "theirs raises the weight of the KL from 0 over the first 10,000 steps"
_SEED = "one seed"
_INITIALISATION = "theirs draws weights by He's initialisation, not PyTorch's default"

MODELS = (
    Model(
        "VAE, lr 5e-4",
        {**_SHARED, "kind": "vae", "learning_rate": 5e-4},
        f"{_WARM_UP}; {_SEED}",
        (
            Published(
                1, 71.01, 33.67, (4.27, 4.12, 4.10, 3.87, 3.52, 3.19, 2.87, 2.68, 2.53, 2.52)
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
    Model(
        "β-VAE β=4, lr 5e-4",
        {**_SHARED, "kind": "beta_vae", "beta": 4.0, "learning_rate": 5e-4},
        f"{_WARM_UP}; {_SEED}",
        (
            Published(
                1, 87.90, 20.71, (2.88, 2.86, 2.81, 2.74, 2.20, 2.02, 1.77, 1.31, 1.07, 1.07)
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
    Model(
        "capacity γ=100 C=25, lr 1e-3",
        {
            **_SHARED,
            "kind": "capacity_vae",
            "gamma": 100.0,
            "capacity": 25.0,
            "anneal_steps": 100_000,
            "learning_rate": 1e-3,
        },
        f"{_SEED}; which factors share a latent is decided early and by chance",
        (
            Published(1, 338.96, 1.82, (0.91, 0.90)),
            Published(2, 180.13, 4.36, (1.91, 1.91, 0.46)),
            Published(3, 117.16, 7.20, (2.81, 2.80, 1.59)),
            Published(5, 98.95, 12.96, (4.75, 4.74, 3.47)),
            Published(9, 93.79, 24.34, (8.66, 8.65, 7.02)),
            Published(30, 81.06, 25.00, (7.76, 7.50, 6.41, 3.30)),
        ),
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
    "why_they_may_differ",
)


def published_table(tables: Tables) -> pd.DataFrame:
    """Return ours beside the published numbers, for the models and epochs that a study has.

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
                    _values(tables.history[tables.history["run_id"] == run_id], epoch)
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
                            "steps": epoch.epoch * EPOCH,
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
                            "why_they_may_differ": _why(model, first),
                        }
                    )
    return pd.DataFrame(rows, columns=[*COLUMNS])


def _why(model: Model, run: pd.Series[Any]) -> str:
    """Return why ours need not agree: known differences, and the initialisation where it is."""
    if run.get("initialisation") == "kaiming":
        return model.why
    return f"{_INITIALISATION}; {model.why}"


def epoch_mean(history: pd.DataFrame, epoch: int) -> pd.Series[float] | None:
    """Return the means of a history over the steps of an epoch, None if it ends before.

    Parameters
    ----------
    history : DataFrame
        Of one run: `step`, the steps done by the end of a row's window, and window means.
    epoch : int
        From 1.

    Returns
    -------
    Series or None
        Means of the numeric columns, each row weighted by how many of its steps lie in the epoch.
    """
    if not len(history) or history["step"].iloc[-1] < epoch * EPOCH:
        return None
    edges = [(epoch - 1) * EPOCH, epoch * EPOCH]
    means: pd.Series[float] = window_means(history.select_dtypes("number"), edges).iloc[0]
    return means.drop("step")


def _values(history: pd.DataFrame, published: Published) -> NDArray[np.float64] | None:
    """Return ours in the order of `published.numbers`."""
    means = epoch_mean(history, published.epoch)
    if means is None:
        return None
    latents = np.sort(means.filter(regex=r"^kl_\d+$").to_numpy(np.float64))[::-1]
    shown = latents[: len(published.latents)]
    return np.array([means["reconstruction"], means["kl"], *shown])


def _alike(runs: pd.DataFrame, model: Model) -> list[tuple[object, pd.DataFrame]]:
    if not set(model.settings) <= {*runs}:
        return []
    same = np.logical_and.reduce([runs[name] == value for name, value in model.settings.items()])
    return list(runs[same].groupby(["group_id", "precision"], sort=False))


def published_page(frame: pd.DataFrame) -> list[dict[str, object]]:
    """Return what the page shows of the table: a part for each group of ours and epoch.

    Parameters
    ----------
    frame : DataFrame
        As `published_table` returns it.

    Returns
    -------
    list of dict
        `title`, `why` and `rows`, whose cells are text.
    """
    parts = []
    for _, part in frame.groupby(["group_id", "precision", "epoch"], sort=False):
        first = part.iloc[0]
        seeds = "1 seed" if first["n_seeds"] == 1 else f"{first['n_seeds']} seeds"
        parts.append(
            {
                "title": f"{first['model']}, epoch {first['epoch']} (step {first['steps']:,}): "
                f"ours {first['label']}, {seeds}",
                "why": first["why_they_may_differ"],
                "rows": [_cells(row) for row in part.to_dict("records")],
            }
        )
    return parts


def _cells(row: dict[Hashable, Any]) -> dict[str, str]:
    difference = row["ours"] / row["published"] - 1
    spread = f"range {row['low']:.2f} to {row['high']:.2f}" if row["n_seeds"] > 1 else ""
    return {
        "quantity": row["quantity"],
        "theirs": f"{row['published']:.2f}",
        "ours": f"{row['ours']:.2f}",
        "range": spread,
        "difference": f"{difference:+.0%}".replace("-", "−"),
        "agrees": "yes" if row["within_5_percent"] else "no",
    }
