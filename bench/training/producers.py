"""PRODUCERS: which function makes the result of which kind of run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from ..grid.packs import Pack
from ..store.results import Context, Failure, Result
from . import baselines
from .factor_channel import ChannelTraining
from .objectives import OBJECTIVES
from .train import Training, train

if TYPE_CHECKING:
    from .._siblings import datasets

Producer = Callable[[Pack, "datasets.FactorDataset", Context], Iterator[Result | Failure]]

# Which family of models a trained kind is of.
TRAININGS: dict[str, type[Training]] = {
    **dict.fromkeys(OBJECTIVES, Training),
    "factor_channel": ChannelTraining,
}
PRODUCERS: dict[str, Producer] = {
    **{kind: partial(train, family=family) for kind, family in TRAININGS.items()},
    "baseline_untrained": baselines.untrained,
    "baseline_random": baselines.random_codes,
    "baseline_pca": baselines.pca,
    "baseline_truth": baselines.truth,
}
