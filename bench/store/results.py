"""What a producer works with, and what it yields: a Result, or a Failure that says why not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..grid.specs import BaseSpec
from ..training.checkpoints import Checkpoints
from .snapshots import Snapshots


def _silent(steps: int, loss: float, stage: str = "") -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Context:
    """What a producer is given beside its pack and its images.

    Attributes
    ----------
    report : callable
        Takes (model-steps done, latest mean loss) after every step.
    checkpoints : Checkpoints
        Where a producer that takes long keeps its place.
    stage : callable
        Takes the same after the last step, and what is being done then and how far that is.
    """

    report: Callable[[int, float], None] = _silent
    checkpoints: Checkpoints = field(default_factory=Checkpoints)
    stage: Callable[[int, float, str], None] = _silent


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
    factors : ndarray or None
        (N, K) int64 factors of those images, for codes that bring their own; None where the
        dataset has them.
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


@dataclass(frozen=True)
class Failure:
    """A run that gave no result."""

    spec: BaseSpec
    reason: str
    traceback: str = ""
