"""Context: what a producer is given besides its pack and its images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .checkpoints import Checkpoints


def _ignore(steps: int, loss: float, stage: str = "") -> None:
    """Do nothing."""


@dataclass(frozen=True)
class Scoring:
    """How a model is scored while it is trained.

    Attributes
    ----------
    count : int
        At how many steps.
    score : callable
        Takes the arrays means, logvars and factors by name, and the factors' names; returns column
        to value. It is given from outside: training knows no metrics.
    """

    count: int
    score: Callable[[Mapping[str, Any], Sequence[str]], dict[str, float]]


@dataclass(frozen=True)
class Context:
    """What a producer is given beside its pack and its images.

    Attributes
    ----------
    report : callable
        Takes (model-steps done, latest mean loss) after every step; after the last step also, as a
        third argument, what is being done then and how far that is.
    checkpoints : Checkpoints
        Where a producer that takes long keeps its place.
    scoring : Scoring or None
        How what is trained is scored on the way; None scores nothing.
    """

    report: Callable[..., None] = _ignore
    checkpoints: Checkpoints = field(default_factory=Checkpoints)
    scoring: Scoring | None = None
