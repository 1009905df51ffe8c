"""Compare with the trained models of YannDubs/disentangling-vae, scored by this suite.

Their scores are in `data/published_models.csv`, whose first lines say how they were made:
`benchmarks/published_models.py` makes them from a clone of that repository.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd

from ..tables import Tables
from .published import is_dsprites
from .training_length import SHORT_STEPS

SOURCE = "YannDubs/disentangling-vae"
ADDRESS = f"https://github.com/{SOURCE}, commit f045219"
DATASET = "dsprites"
# What says how a model was trained.
TRAINING = ("steps", "batch_size")
MEASURED = (
    "reconstruction",
    "kl",
    "active_units",
    "beta_vae_score",
    "factor_vae_score",
    "mig_histogram",
    "mig_posterior",
    "sap_score",
    "modularity",
    "infomec_infom",
    "infomec_infoe",
    "infomec_infoc",
)
# Columns of `Tables.summary` that a model of ours has to have, whatever its objective.
_SHARED: Mapping[str, object] = {
    "dataset": DATASET,
    "architecture": "burgess",
    "likelihood": "bernoulli",
    "n_latents": 10,
}
# Theirs by name, and ours of the same objective, whatever the warm-up, γ and learning rate.
_ALIKE: Mapping[str, tuple[Mapping[str, object], ...]] = {
    "VAE": (
        {"kind": "vae"},
        {"kind": "beta_vae", "beta": 1.0},
        {"kind": "annealed_beta_vae", "beta_start": 0.0, "beta_end": 1.0},
    ),
    "β-VAE β=4": (
        {"kind": "beta_vae", "beta": 4.0},
        {"kind": "annealed_beta_vae", "beta_start": 0.0, "beta_end": 4.0},
    ),
    "capacity γ=100 C=25": ({"kind": "capacity_vae", "capacity": 25.0},),
    "β-TCVAE β=6.4": ({"kind": "beta_tcvae", "beta": 6.4},),
    "FactorVAE γ=6.4": ({"kind": "factor_vae", "gamma": 6.4},),
}


def published_models() -> pd.DataFrame:
    """Return the published models: where each is, how it was trained, and its scores.

    Returns
    -------
    DataFrame
        One row per model: `model`, `file` in the repository and its `sha256`; `steps`,
        `batch_size`, `learning_rate`, `seed`; the means of the last training epoch by its log,
        `reconstruction_in_training` and `kl_in_training`; then what this suite measures, in
        columns called as in `Tables.runs`. Reconstruction and KL in nats per image.

    Examples
    --------
    >>> published_models()["model"].to_list()
    ['VAE', 'β-VAE β=4', 'capacity γ=100 C=25', 'β-TCVAE β=6.4', 'FactorVAE γ=6.4']
    """
    text = files(__package__).joinpath("data", "published_models.csv")
    with text.open(encoding="utf-8") as lines:
        return pd.read_csv(lines, comment="#")


def beside_published(tables: Tables) -> list[tuple[dict[Hashable, Any], pd.DataFrame]]:
    """Return the published models, each with what there is of ours of the same objective.

    Parameters
    ----------
    tables : Tables
        Everything that is known of a study.

    Returns
    -------
    list of (dict, DataFrame)
        A row of `published_models`, and rows of `Tables.summary`: of groups with at least
        `SHORT_STEPS` steps whose annealing has ended. Empty where nothing was trained on dSprites.
    """
    runs = tables.runs
    if runs.empty or not ((runs["dataset"] == DATASET) & runs["steps"].notna()).any():
        return []
    return [
        (model, tables.summary[_matching(tables.summary, _ALIKE.get(model["model"], ()))])
        for model in published_models().to_dict("records")
    ]


def _matching(
    summary: pd.DataFrame, alike: tuple[Mapping[str, object], ...]
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return which rows are of one of the objectives, trained long enough to be compared."""
    annealing = summary["anneal_steps"].fillna(0)
    ended = (summary["steps"] >= SHORT_STEPS) & (annealing <= summary["steps"])
    found = np.zeros(len(summary), bool)
    for settings in alike:
        wanted = {**_SHARED, **settings}.items()
        found |= np.logical_and.reduce([summary[name] == value for name, value in wanted])
    pairs = zip(summary["dataset"], summary["dataset_options"], strict=True)
    return found & ended.to_numpy() & [is_dsprites(*pair) for pair in pairs]
