"""Result and Failure: what a run gave, or why it gave nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..grid import BaseSpec
from .snapshots import Snapshots


@dataclass(frozen=True)
class Result:
    """Everything that later stages see of a run, whatever produced it.

    Attributes
    ----------
    spec : BaseSpec
        The run.
    indices : ndarray
        (N,) int64, the evaluation images.
    means : ndarray
        (N, D) float32 codes of those images.
    logvars : ndarray or None
        (N, D) float32 log-variances; None where the codes are points.
    latent_names : tuple of str
        D names.
    reconstruction : float or None
        −E_q[log p(x|z)] over a fixed sample of the evaluation images, nats per image.
    history : DataFrame or None
        Training curves, at most 600 rows.
    state : bytes or None
        The model's weights as `torch.save` wrote them.
    snapshots : Snapshots or None
        What the model made of fixed images during training.
    scores : DataFrame or None
        What it scored on the way through training: `step`, `metric`, `value`.
    factors : ndarray or None
        (N, K) int64 factors of those images, for codes that bring their own and for own datasets;
        None where a dataset of the suite has them.
    """

    spec: BaseSpec
    indices: NDArray[np.int64]
    means: NDArray[np.float32]
    logvars: NDArray[np.float32] | None
    latent_names: tuple[str, ...]
    reconstruction: float | None = None
    history: pd.DataFrame | None = None
    state: bytes | None = None
    snapshots: Snapshots | None = None
    factors: NDArray[np.int64] | None = None
    scores: pd.DataFrame | None = None


@dataclass(frozen=True)
class Failure:
    """A run that gave no result."""

    spec: BaseSpec
    reason: str
    traceback: str = ""
