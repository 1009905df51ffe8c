"""Gain: whether the KL of a model bought reconstruction, which separates a code from noise.

A code carries information about the image. KL that buys no reconstruction is noise, however well
it follows C. A nat of KL that buys less than a nat of reconstruction is not worth its price, even
for a VAE with β = 1.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .comparable import Setting

# Below so many nats a window of training, or a trained model, counts as one without a code.
NO_CODE = 0.1
# Of windows alike the best tenth counts, averaged: single windows are means over few images, and
# what training had not yet learnt lies above what it reached.
BEST = 0.1
# Data that have the same reconstruction without a code, however a model of them was trained.
DATA = ("dataset", "dataset_options", "likelihood", "evaluation_images", "evaluation_seed")


def pays(kl: float, reconstruction: float, no_code: float) -> bool | None:
    """Return whether KL bought at least what it cost, as a code does and noise does not.

    Parameters
    ----------
    kl, reconstruction : float
        Of the trained model, nats per image.
    no_code : float
        Reconstruction without a code, nats per image.

    Returns
    -------
    bool or None
        None where one of them is not known (NaN).

    Examples
    --------
    >>> pays(6.0, 172.0, 417.0), pays(6.0, 416.0, 417.0), pays(6.0, 172.0, math.nan)
    (True, False, None)
    """
    left = no_code - reconstruction - kl
    return None if math.isnan(left) else left >= 0


def without_code(setting: Setting) -> float:
    """Return the lowest reconstruction that is known of the data without a code, or NaN.

    That of models of the same data that have none, however they were trained: their KL is next to
    nothing, or the mean of no latent varies with the image. Beside it that of windows of training
    of comparable runs, early ones, of decoders that may not have settled. It is the entropy of the
    mean image as well as that is known.
    """
    if "reconstruction" not in setting.tables.runs:
        return math.nan
    alike = same_data(setting)
    constant = alike["active_units"] == 0 if "active_units" in alike else False
    settled = alike.loc[(alike["kl"] < NO_CODE) | constant, "reconstruction"]
    history = setting.tables.history
    known = history["run_id"].isin(setting.runs["run_id"]) & (history["kl"] < NO_CODE)
    seen = history[known]["reconstruction"] if "reconstruction" in history else ()
    return float(np.fmin(settled.min(), best(np.asarray(seen, np.float64))))


def same_data(setting: Setting) -> pd.DataFrame:
    """Return all runs of a setting's data that were trained, however they were."""
    runs = setting.tables.runs
    # An untrained decoder does not know the mean image either.
    alike: pd.DataFrame = runs[runs["steps"].notna()]
    for name in DATA:
        if name in alike:
            alike = alike[alike[name] == setting.runs[name].iloc[0]]
    return alike


def best(reconstructions: NDArray[np.float64]) -> float:
    """Return the mean of the lowest tenth, at least one; NaN without any.

    Examples
    --------
    >>> best(np.arange(20.0)), best(np.array([]))
    (0.5, nan)
    """
    known = np.sort(reconstructions[np.isfinite(reconstructions)])
    return float(known[: max(1, round(BEST * len(known)))].mean()) if len(known) else math.nan
