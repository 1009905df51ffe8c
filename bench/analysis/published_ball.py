"""Compare the ball's latents with the published ones: Fig. 2 of the paper in numbers.

Source: the authors' poster "Understanding disentangling in β-VAE" (NIPS 2017 workshop), read off a
photograph of it; one seed each. KL in nats and mean posterior σ of every latent that is shown.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd

from ..grid import DatasetSpec
from ..tables import Tables

# As printed, by KL from high to low.
_PRINTED = {
    1.0: "3.3 σ 0.08, 2.57 σ 0.20, 2.32 σ 0.20, 1.43 σ 0.43",
    150.0: "0.92 σ 0.43, 0.91 σ 0.44, 0.00 σ 1.00, 0.00 σ 1.00",
}
# β to (KL in nats, mean posterior σ) of its latents.
PUBLISHED = {
    beta: [tuple(map(float, pair.split(" σ "))) for pair in text.split(", ")]
    for beta, text in _PRINTED.items()
}
# What has to be said beside the latents of a β.
NOTES = {1.0: "The σ of their second latent may also be 0.29: the print is not clear there."}
COLUMNS = (
    "beta",
    "rank",
    "published_kl",
    "published_sigma",
    *("kl", "kl_low", "kl_high"),
    *("sigma", "sigma_low", "sigma_high"),
    *("n_seeds", "label", "steps", "group_id", "precision"),
)


def is_papers_ball(dataset: str, options: str) -> bool:
    """Return whether a dataset with its options (JSON) is the one that the poster shows.

    Examples
    --------
    >>> is_papers_ball("ball", '{"radius": 7.5, "margin": 0.0}'), is_papers_ball("ball", "{}")
    (True, False)
    """
    return dataset == "ball" and not DatasetSpec(name="ball", options=json.loads(options)).spelling


def published_note() -> str:
    """Return the published latents in words.

    Examples
    --------
    >>> published_note().partition(";")[2]
    ' β = 150: 0.92 σ 0.43, 0.91 σ 0.44, 0.00 σ 1.00, 0.00 σ 1.00.'
    """
    codes = "; ".join(f"β = {beta:g}: {text}" for beta, text in _PRINTED.items())
    return f"Published (KL in nats, mean posterior σ), {codes}."


def ball_latents(tables: Tables) -> pd.DataFrame:
    """Return KL and mean posterior σ of the ball's latents, ours beside the published.

    Parameters
    ----------
    tables : Tables
        Everything that is known of a study.

    Returns
    -------
    DataFrame
        A row for each group of runs of the paper's ball at a published β, and rank of a latent
        by its KL, from 1, within each seed: median, lowest and highest over seeds of KL (nats) and
        σ, and what is published, NaN where the poster shows no such latent. Empty without any.
    """
    runs = tables.runs
    known = runs[runs["kind"].isin(["vae", "beta_vae"])] if len(runs) else runs
    if len(known):
        # Under a Gaussian likelihood the same β weighs the KL otherwise.
        known = known[known["beta"].isin([*PUBLISHED]) & (known["likelihood"] == "bernoulli")]
    rows: list[dict[str, object]] = []
    for _, group in known.groupby(["group_id", "precision"], sort=False) if len(known) else ():
        first = group.iloc[0]
        if not is_papers_ball(first["dataset"], first["dataset_options"]):
            continue
        latents = tables.kl_per_dimension
        latents = latents[latents["run_id"].isin(group["run_id"])]
        latents = latents.sort_values("kl", ascending=False, kind="stable")
        places = latents.groupby("run_id").cumcount()
        published = PUBLISHED[float(first["beta"])]
        for place, seeds in latents.groupby(places):
            rank = int(str(place))
            shown = published[rank] if rank < len(published) else (np.nan, np.nan)
            rows.append(
                {
                    "beta": first["beta"],
                    "rank": rank + 1,
                    "published_kl": shown[0],
                    "published_sigma": shown[1],
                    **_spread(seeds["kl"], "kl"),
                    **_spread(seeds["sigma"], "sigma"),
                    "n_seeds": len(seeds),
                    **{name: first[name] for name in ("label", "steps", "group_id", "precision")},
                }
            )
    return pd.DataFrame(rows, columns=[*COLUMNS])


def _spread(values: pd.Series[Any], name: str) -> dict[str, float]:
    return {
        name: float(values.dropna().median()),
        f"{name}_low": float(values.min()),
        f"{name}_high": float(values.max()),
    }
