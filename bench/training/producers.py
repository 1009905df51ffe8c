"""PRODUCERS: which function makes the result of each kind of run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from ..grid import Pack
from ..store import Failure, Result
from . import baselines
from .batches import Images
from .context import Context
from .factor_channel import ChannelFamily
from .family import Family, VAEFamily
from .objectives import OBJECTIVES
from .train import train

if TYPE_CHECKING:
    from .._siblings import datasets

Producer = Callable[[Pack, "datasets.FactorDataset", Context], Iterator[Result | Failure]]

# Which family of models a trained kind is of.
FAMILIES: dict[str, Callable[[Pack, Images], Family]] = {
    **dict.fromkeys((*OBJECTIVES, "own"), VAEFamily),
    "factor_channel": ChannelFamily,
}
PRODUCERS: dict[str, Producer] = {
    **{kind: partial(train, family=family) for kind, family in FAMILIES.items()},
    "baseline_untrained": baselines.untrained,
    "baseline_random": baselines.random_codes,
    "baseline_pca": baselines.pca,
    "baseline_truth": baselines.truth,
}
