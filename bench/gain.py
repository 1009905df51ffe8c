"""Gain: whether the KL of a model bought reconstruction, which tells a code from noise.

A code says something of the image. KL that buys nothing is noise, however well it follows C. A nat
that buys less than a nat of reconstruction is not worth having even for a VAE with β = 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .setting import CODE_KL, Setting

# Below so many nats a window of training, or a trained model, counts as one without a code.
NO_CODE = 0.1
# Of windows alike the best tenth counts, averaged: single windows are means over few images, and
# what training had not yet learnt lies above what it reached.
BEST = 0.1
# A window of so many nats shows what a model reconstructed with its first nat.
FIRST_NAT = (0.5, 1.5)
# Data that have the same reconstruction without a code, however a model of them was trained.
DATA = ("dataset", "dataset_options", "likelihood", "evaluation_images", "evaluation_seed")


@dataclass(frozen=True)
class Gain:
    """What a model's KL bought since a point at which it had less.

    Attributes
    ----------
    kl, reconstruction : float
        Of the trained model, nats per image.
    from_kl, from_reconstruction : float
        Of the point that is compared with: no code, or the first nat of the same training.
    """

    kl: float
    reconstruction: float
    from_kl: float
    from_reconstruction: float

    @property
    def spent(self) -> float:
        """Nats of KL."""
        return self.kl - self.from_kl

    @property
    def bought(self) -> float:
        """Nats of reconstruction."""
        return self.from_reconstruction - self.reconstruction

    @property
    def pays(self) -> bool:
        """Whether KL bought more than it cost, as a code does and noise does not."""
        return self.bought >= self.spent


def gain(kl: float, reconstruction: float, history: pd.DataFrame, no_code: float) -> Gain | None:
    """Return what the KL of a trained model bought, by the comparison that speaks most against it.

    It is compared with a model without a code, as far as its reconstruction is known, and with its
    own first nat, where it ends with at least twice as much: early windows without a code are of a
    decoder that has not settled, beside which noise looks like a code.

    Parameters
    ----------
    kl, reconstruction : float
        With the final weights, nats per image.
    history : DataFrame
        Its windows of training: `kl` and `reconstruction`.
    no_code : float
        What `without_code` returned; may be NaN.

    Returns
    -------
    Gain or None
        None where nothing is known to compare with.

    Examples
    --------
    >>> windows = pd.DataFrame({"kl": [0.01, 1.0, 6.0], "reconstruction": [900.0, 419.0, 417.0]})
    >>> found = gain(6.0, 417.0, windows, math.nan)
    >>> found.spent, found.bought, found.pays
    (5.0, 2.0, False)
    """
    points = [(0.0, no_code)]
    if kl >= 2 * CODE_KL and "reconstruction" in history:
        first = history[history["kl"].between(*FIRST_NAT)]
        points.append((float(first["kl"].mean()), float(first["reconstruction"].mean())))
    known = [Gain(kl, reconstruction, *point) for point in points]
    known = [one for one in known if math.isfinite(one.bought - one.spent)]
    return min(known, key=lambda one: one.bought - one.spent, default=None)


def without_code(setting: Setting) -> float:
    """Return the lowest reconstruction that is known of the data without a code, or NaN.

    That of models trained on the same data in whatever way that have none, and of windows of
    training of comparable runs. It is the entropy of the mean image as well as it is known.
    """
    runs = setting.tables.runs
    if "reconstruction" not in runs:
        return math.nan
    alike = same_data(setting)
    settled = alike.loc[alike["kl"] < NO_CODE, "reconstruction"]
    history = setting.tables.history
    known = history["run_id"].isin(setting.runs["run_id"]) & (history["kl"] < NO_CODE)
    seen = history[known]["reconstruction"] if "reconstruction" in history else ()
    return float(np.fmin(settled.min(), best(np.asarray(seen, np.float64))))


def same_data(setting: Setting) -> pd.DataFrame:
    """Return all runs of a setting's data, however they were trained."""
    alike: pd.DataFrame = setting.tables.runs
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
