"""Context: what a producer is given besides its pack and its images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .checkpoints import Checkpoints


def _ignore(steps: int, loss: float, stage: str = "") -> None:
    """Do nothing."""


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
    """

    report: Callable[..., None] = _ignore
    checkpoints: Checkpoints = field(default_factory=Checkpoints)
