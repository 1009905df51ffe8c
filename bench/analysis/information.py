"""How much each latent knows of each factor, for the models that are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..store import Frames

if TYPE_CHECKING:
    from .study import Study

# A latent with at least so many nats of a factor is said to carry something of it.
CARRIED = 0.1
COLUMNS = (
    *("run_id", "latent", "kl", "factor"),
    *("information", "chance", "entropy", "share", "carriers"),
)


def shares(frames: Frames, information: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return information (D, n_factors) as a share of the factors' entropies.

    In [0, 1]; a factor that does not vary has no entropy to know a share of, and 0 here.
    """
    entropies = np.where(frames.entropies > 0, frames.entropies, np.inf)
    return np.clip(information / entropies, 0, 1)


def above_chance(frames: Frames) -> NDArray[np.float64]:
    """Return the information of latents about factors (D, n_factors), less that of chance.

    Nats, at least 0. Where chance was not measured, the information as it is.
    """
    if frames.chance is None:
        return frames.information
    return np.maximum(frames.information - frames.chance, 0)


def carriers(frames: Frames) -> NDArray[np.int64]:
    """Return (n_factors,) how many latents carry at least `CARRIED` nats of each, above chance."""
    counts: NDArray[np.int64] = (above_chance(frames) >= CARRIED).sum(0)
    return counts


def factor_names(frames: Frames) -> list[str]:
    """Return the names of the columns of a model's information."""
    names: list[str] = np.char.decode(frames.factors, "utf-8").tolist()
    return names


def information_table(study: Study) -> pd.DataFrame:
    """Return the information of latents about factors, of every model that is shown.

    Parameters
    ----------
    study : Study
        With frames of the models.

    Returns
    -------
    DataFrame
        Long: run_id, latent, its mean KL; factor, the information of the latent about it (nats),
        and about the same factor in a random order of the images (chance; NaN in older frames);
        the factor's entropy over the evaluation images (nats), what the information is above
        chance as a share of it, and how many latents of the run carry at least `CARRIED` nats of
        the factor above chance. What is known
        of the images beside the factors, as the channels of a random colour, is cut into 20
        quantile bins. Latents by descending KL. Empty where nothing is shown.
    """
    parts = [
        _of_run(run_id, study.latent_column(run_id, "latent"), study.frames[run_id])
        for run_id in study.tables.runs.get("run_id", ())
        if run_id in study.frames
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*COLUMNS])


def _of_run(run_id: str, latents: Sequence[str], frames: Frames) -> pd.DataFrame:
    n_latents, n_factors = frames.information.shape
    columns: tuple[Any, ...] = (
        run_id,
        np.repeat(np.array(latents, object), n_factors),
        np.repeat(frames.kl, n_factors),
        np.tile(factor_names(frames), n_latents),
        frames.information.ravel(),
        np.nan if frames.chance is None else frames.chance.ravel(),
        np.tile(frames.entropies, n_latents),
        shares(frames, above_chance(frames)).ravel(),
        np.tile(carriers(frames), n_latents),
    )
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))
