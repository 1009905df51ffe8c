"""Study: the data that all figures, claims and the report are derived from."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..grid import is_pinned
from ..store import (
    DamagedError,
    Frames,
    Snapshots,
    Source,
    StoredRun,
    stored_frames,
    trained_groups,
)
from ..tables import Tables, collect
from .claims import Verdict, judge
from .doctor import Diagnosis, diagnose
from .published import published_table
from .published_ball import ball_latents
from .published_channel import utilisation_table

log = logging.getLogger("disbench")

# Models whose decoders are read, the first ones in the order of the tables: each is half a megabyte
# of whatever shows them.
MOST_DECODERS = 12


@dataclass(frozen=True)
class Study:
    """The tables and pictures of an output folder, or of several.

    Attributes
    ----------
    tables : Tables
        Tidy tables of all runs.
    frames : mapping
        Run id to images, for the runs that are shown.
    snapshots : mapping
        Run id to images of training, for the lowest seed of every group that has them.
    decoders : mapping
        Run id to a decoder's weights by name, for at most `MOST_DECODERS` of the runs with frames.
    """

    tables: Tables
    frames: Mapping[str, Frames]
    snapshots: Mapping[str, Snapshots] = field(default_factory=dict)
    decoders: Mapping[str, Mapping[str, NDArray[np.float32]]] = field(default_factory=dict)

    @cached_property
    def claims(self) -> Sequence[Verdict]:
        """The verdicts on the paper's claims."""
        return judge(self.tables)

    @cached_property
    def diagnoses(self) -> Sequence[Diagnosis]:
        """What the doctor says of every capacity run."""
        return diagnose(self.tables)

    @cached_property
    def published(self) -> pd.DataFrame:
        """Ours beside published training logs: see `published_table`."""
        return published_table(self.tables)

    @cached_property
    def ball_latents(self) -> pd.DataFrame:
        """The ball's latents beside the published ones: see `ball_latents`."""
        return ball_latents(self.tables)

    @cached_property
    def utilisation(self) -> pd.DataFrame:
        """Which factors capacity is spent on, beside the paper: see `utilisation_table`."""
        return utilisation_table(self.tables)

    def latent_column(self, run_id: str, column: str) -> list[Any]:
        """Return what `tables.kl_per_dimension` has of the latents of a run, in its frames' order.

        Parameters
        ----------
        run_id : str
            A run that has frames.
        column : str
            `latent`, its name, or `sigma`, its mean posterior σ.

        Returns
        -------
        list
            (D,) NaN where nothing is known of a latent.
        """
        known = self.tables.kl_per_dimension
        values = dict(enumerate(known.loc[known["run_id"] == run_id, column]))
        return [values.get(int(latent), math.nan) for latent in self.frames[run_id].latents]


def load_study(
    store: Source, runs: Sequence[StoredRun] | None = None, tables: Tables | None = None
) -> Study:
    """Read everything that is derived from, out of a store; its runs and their tables, if known."""
    runs = store.runs() if runs is None else runs
    lowest = [members[0] for members in trained_groups(runs)]
    kept = {run.run_id: found for run in lowest if (found := run.snapshots()) is not None}
    tables = collect(store, runs) if tables is None else tables
    frames = dict(stored_frames(store, runs))
    in_order = tables.runs["run_id"] if frames else ()
    decoders = _decoders(runs, [name for name in in_order if name in frames])
    return Study(tables, frames, kept, decoders)


def _decoders(
    runs: Sequence[StoredRun], shown: Sequence[str]
) -> dict[str, Mapping[str, NDArray[np.float32]]]:
    """Return the weights of the decoders of the first of the runs that are shown and have any."""
    by_id = {run.run_id: run for run in runs}
    decoders: dict[str, Mapping[str, NDArray[np.float32]]] = {}
    for name in shown:
        if len(decoders) == MOST_DECODERS:
            break
        if is_pinned(getattr(by_id[name].spec, "architecture", "")):
            # Nobody can run a decoder by own code but its author.
            continue
        try:
            weights = by_id[name].weights()
        except DamagedError as error:
            # All else can be shown without.
            log.warning("%s; its pictures are those that are stored", error)
            continue
        if weights is not None:
            decoders[name] = {k: w for k, w in weights.items() if k.startswith("decoder_")}
    return decoders
