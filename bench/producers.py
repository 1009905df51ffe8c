"""PRODUCERS: which function makes the result of which kind of run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from . import baselines
from .objectives import OBJECTIVES
from .outcome import Context, Failure, Result
from .packs import Pack
from .train import train

if TYPE_CHECKING:
    from ._siblings import datasets

Producer = Callable[[Pack, "datasets.FactorDataset", Context], Iterator[Result | Failure]]

PRODUCERS: dict[str, Producer] = {
    **dict.fromkeys(OBJECTIVES, train),
    "baseline_untrained": baselines.untrained,
    "baseline_random": baselines.random_codes,
    "baseline_pca": baselines.pca,
    "baseline_truth": baselines.truth,
}
