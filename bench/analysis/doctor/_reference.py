"""Reference: the β = 1 runs beside which a capacity run is read, and what they say of C."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...store import CODE_KL
from ...tables import counted, in_words
from ..comparable import SHARED, Setting


@dataclass(frozen=True)
class Reference:
    """The β = 1 runs of the same data and settings.

    Attributes
    ----------
    n_runs, n_coded : int
        How many there are, and how many have a code (KL of at least 1 nat).
    kl : float
        Mean KL of those with a code, nats; NaN without one.
    latents : ndarray
        (D,) mean over them of the KL of the largest, second largest … latent; empty without one.
    elsewhere : str
        Where there are none: which β = 1 runs of the same data are nearest, and in what they
        differ; empty without any.
    """

    n_runs: int
    n_coded: int
    kl: float
    latents: NDArray[np.float64]
    elsewhere: str = ""

    @property
    def advice(self) -> str:
        """What these runs say of C, or what is missing for that."""
        if math.isfinite(self.kl):
            return f"Suggested C: {self.kl:.0f}, the KL of the β = 1 runs."
        if self.n_runs:
            return "No C suggested: the β = 1 runs of these settings have no code."
        missing = self.elsewhere or "there are no β = 1 runs of these data."
        return f"No C suggested: {missing} Add `{{kind: vae}}` of these settings."


def reference(
    setting: Setting, every: Sequence[Setting], codes: Mapping[str, NDArray[np.float64]]
) -> Reference:
    """Return the β = 1 runs of a setting.

    Parameters
    ----------
    setting : Setting
        Runs that may be compared.
    every : sequence of Setting
        All there are, to look for the nearest where this one has none.
    codes : mapping
        Run id to the KL of its latents, (D,), descending.
    """
    runs = _plain(setting)
    coded = runs[(runs["kl"] >= CODE_KL) & runs["run_id"].isin(list(codes))]
    latents = [codes[run_id] for run_id in coded["run_id"]]
    return Reference(
        n_runs=len(runs),
        n_coded=len(coded),
        kl=float(coded["kl"].mean()),
        latents=np.mean(latents, axis=0) if latents else np.zeros(0),
        elsewhere="" if len(runs) else _elsewhere(setting, every),
    )


def _plain(setting: Setting) -> pd.DataFrame:
    runs: pd.DataFrame = setting.by_beta().get(1.0, setting.runs.iloc[:0])
    return runs


def _elsewhere(setting: Setting, every: Sequence[Setting]) -> str:
    """Return in words the β = 1 runs of the same data that differ in the fewest settings."""
    data = (setting.dataset, setting.dataset_options)
    others = [(one, _plain(one)) for one in every if (one.dataset, one.dataset_options) == data]
    near = [(_differing(setting, one), runs) for one, runs in others if len(runs)]
    if not near:
        return ""
    names, runs = min(near, key=lambda found: len(found[0]))
    theirs, ours = (
        ", ".join(in_words(name, part.iloc[0][name]) for name in names)
        for part in (runs, setting.runs)
    )
    have = (
        f"{counted(len(runs), 'β = 1 run')} of the same data {'has' if len(runs) == 1 else 'have'}"
    )
    return f"{have} {theirs} instead of {ours}."


def _differing(one: Setting, other: Setting) -> list[str]:
    """Return the names of the settings in which runs of the same data differ."""
    known = [name for name in SHARED if name in one.runs]
    first, second = one.runs.iloc[0], other.runs.iloc[0]
    return [name for name in known if not _equal(first[name], second[name])]


def _equal(one: Any, other: Any) -> bool:
    # Empty cells are a value like others.
    return one == other or bool(pd.isna(one) and pd.isna(other))
