"""Compare with the paper's Fig. 3: which factors capacity is spent on, digitised and measured.

Source: Burgess et al. 2018, Fig. 3, as it is printed large on the authors' own poster (NIPS 2017
workshop), read off a photograph to about 0.1 nat of KL and 5 nats of log-likelihood.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ..store import window_means, windowed
from ..tables import Tables, by_dataset
from .claims.utilisation import STAYS, THEN, THRESHOLD, TOGETHER_FACTORS, onset
from .published import is_dsprites

# Nats per image: log-likelihood, then the KL of each position, scale, shape and orientation; NaN
# where the curve could not be read.
_UNREAD = math.nan
_READINGS = (
    (-541.0, 0.23, 0.0, 0.0, 0.0),
    (-400.0, 0.7, 0.0, 0.0, 0.0),
    (-300.0, 1.3, 0.0, 0.0, 0.0),
    (-222.0, 3.26, 0.0, 0.0, 0.0),
    (-179.0, 2.30, 2.27, 0.0, 0.0),
    (-154.0, 2.63, 2.75, 0.0, 0.0),
    (-145.0, _UNREAD, _UNREAD, 1.04, 0.0),
    (-125.0, _UNREAD, _UNREAD, 1.82, 0.0),
    (-120.0, 3.8, 4.05, 1.95, 0.0),
    (-105.0, _UNREAD, _UNREAD, 2.02, _UNREAD),
    (-92.0, 3.4, 3.6, 2.06, 2.9),
    (-71.0, 3.7, 3.7, 2.2, 3.7),
    (-42.0, 5.25, 5.2, 2.85, 5.2),
)
# The positions lie on one line in the paper.
PUBLISHED = pd.DataFrame(
    [(likelihood, x, x, *others) for likelihood, x, *others in _READINGS],
    columns=["likelihood", *TOGETHER_FACTORS, *THEN],
)
# Total KL at which a factor enters.
PUBLISHED_ONSETS: Mapping[str, float] = {"scale": 6.5, "shape": 8.0, "orientation": 13.6}
# What is said of the end is the mean over so many steps.
_LAST_STEPS = 1_000

COLUMNS = (
    "dataset",
    "label",
    "quantity",
    "published",
    "ours",
    "low",
    "high",
    "n_seeds",
    "n_without",
    "group_id",
    "precision",
)


def named_histories(tables: Tables, run_ids: Iterable[str]) -> dict[str, pd.DataFrame]:
    """Return the histories of channels, each factor's KL under the factor's name.

    Returns
    -------
    dict of str to DataFrame
        `step`, `c`, `kl`, `likelihood` (E[log p(x|z)]) and a column a factor, in nats per image.
        The names come with the scores: a run without scores, as one of a grid that still trains,
        is left out.
    """
    history, latents = tables.history, tables.kl_per_dimension
    found: dict[str, pd.DataFrame] = {}
    for run_id in run_ids:
        names = latents.loc[latents["run_id"] == run_id, "latent"]
        if names.empty:
            continue
        columns = {f"kl_{place}": name for place, name in enumerate(names)}
        curve = history[history["run_id"] == run_id].rename(columns=columns)
        curve = curve.assign(likelihood=-curve["reconstruction"])
        found[run_id] = curve[["step", "c", "kl", "likelihood", *columns.values()]]
    return found


def utilisation_table(tables: Tables) -> pd.DataFrame:
    """Return ours beside the paper's Fig. 3: onsets, and what there is at the end.

    Parameters
    ----------
    tables : Tables
        Everything that is known of a study.

    Returns
    -------
    DataFrame
        For each group of channels on a dataset that has the paper's factors, a row for each
        quantity, in nats per image: `ours` is the median over the seeds, `low` and `high` their
        range. An onset is the total KL at which a factor comes into use, as claim 3 has it;
        `n_without` counts the seeds in which it never does, which have an onset of infinity.
    """
    runs = tables.runs
    channels = runs[runs["kind"] == "factor_channel"] if len(runs) else runs
    rows: list[dict[str, object]] = []
    for dataset, part in by_dataset(channels):
        if not is_dsprites(part["dataset"].iloc[0], part["dataset_options"].iloc[0]):
            continue
        for (group, precision), members in part.groupby(["group_id", "precision"], sort=False):
            curves = named_histories(tables, members["run_id"]).values()
            known = [curve for curve in curves if {*PUBLISHED} <= {*curve}]
            found = [_measured(curve) for curve in known if len(windowed(curve)) >= STAYS]
            if not found:
                continue
            common = {
                "dataset": dataset,
                "label": members["label"].iloc[0],
                "group_id": group,
                "precision": precision,
            }
            measured = pd.DataFrame(found)
            rows += [
                {**common, "quantity": name, **_summary(measured[name]), "published": published}
                for name, published in _published().items()
            ]
    return pd.DataFrame(rows, columns=[*COLUMNS])


def _published() -> dict[str, float]:
    last = PUBLISHED.iloc[-1]
    return {
        **{f"onset of {name}": nats for name, nats in PUBLISHED_ONSETS.items()},
        **{f"KL of {name} at the end": float(last[name]) for name in PUBLISHED.columns[1:]},
        "log-likelihood at the end": float(last["likelihood"]),
    }


def _measured(curve: pd.DataFrame) -> dict[str, float]:
    """Return the quantities of one run."""
    onsets = onset(windowed(curve), THRESHOLD, along="kl")
    steps = curve["step"].iloc[-1]
    end = window_means(curve, [max(steps - _LAST_STEPS, 0), steps]).iloc[0]
    return {
        **{f"onset of {name}": onsets[name] for name in PUBLISHED_ONSETS},
        **{f"KL of {name} at the end": float(end[name]) for name in PUBLISHED.columns[1:]},
        "log-likelihood at the end": float(end["likelihood"]),
    }


def _summary(values: pd.Series[Any]) -> dict[str, object]:
    return {
        "ours": float(values.median()),
        "low": float(values.min()),
        "high": float(values.max()),
        "n_seeds": len(values),
        "n_without": int(np.isinf(values).sum()),
    }
