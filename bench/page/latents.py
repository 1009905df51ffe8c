"""The page's sliders: pictures of each model, and its code of every position."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..analysis import Study
from ..store import CODE_KL, Frames
from ..tables import dataset_heading, minus, number
from .sprites import traversal_sheet

# Characters that the pictures and codes of one run may take on the page, and those of all runs.
# Models beyond that have no sliders, and the page says so.
RUN_BYTES = 150_000
ALL_BYTES = 4_000_000
# The share of the codes; where not all positions fit, every n-th is kept.
MAP_BYTES = 50_000
# Codes are whole numbers of 16 bits on the page; this one stands for a position without an image.
_NOTHING = -(2**15)


@dataclass(frozen=True)
class CodeMap:
    """The posterior mean at every position of the object, ready for the page.

    Attributes
    ----------
    data : str
        Base64 of little-endian int16 (D, height, width), latents as in `ShownModel.latents`.
    unit : float
        What one of these numbers is worth.
    width, height : int
        Positions.
    step : int
        Of how many positions along an axis of the dataset one is there.
    """

    data: str
    unit: float
    width: int
    height: int
    step: int


@dataclass(frozen=True)
class ShownModel:
    """What is shown of a run.

    Attributes
    ----------
    label : str
        Model, dataset and seed.
    sheet : str
        Traversals as a data URI, a row a latent.
    values : tuple of str
        What a latent is set to, column by column.
    latents : tuple of (int, str)
        Latents from high to low KL, with their KL.
    codes : CodeMap or None
        For datasets of which a position is all there is to know.
    has_code : bool
        Whether it is not collapsed.
    """

    label: str
    sheet: str
    values: tuple[str, ...]
    latents: tuple[tuple[int, str], ...]
    codes: CodeMap | None
    has_code: bool


def shown_models(study: Study) -> tuple[list[ShownModel], int]:
    """Return what the sliders need, in the order of the tables, and how many are left out."""
    models: list[ShownModel] = []
    used = 0
    rows = study.tables.runs.to_dict("records") if study.frames else []
    shown = [row for row in rows if row["run_id"] in study.frames]
    for row in shown:
        frames = study.frames[row["run_id"]]
        dataset = dataset_heading(row["dataset"], row["dataset_options"])
        codes = code_map(frames)
        taken = len(codes.data) if codes else 0
        sheet = traversal_sheet(frames, RUN_BYTES - taken)
        used += taken + len(sheet)
        if used > ALL_BYTES:
            break
        models.append(
            ShownModel(
                label=f"{row['label']}, {dataset}, seed {row['seed']}",
                sheet=sheet,
                values=tuple(minus(f"{value:.1f}") for value in frames.values),
                latents=tuple(
                    (int(latent), number(float(kl)))
                    for latent, kl in zip(frames.latents, frames.kl, strict=True)
                ),
                codes=codes,
                has_code=bool(frames.kl.sum() > CODE_KL),
            )
        )
    return models, len(shown) - len(models)


def code_map(frames: Frames) -> CodeMap | None:
    """Return the codes of the positions; None where an image has more factors than its position."""
    if {*frames.factors.tolist()} != {b"position_x", b"position_y"}:
        return None
    step = 1
    # Base64 makes eight characters of three numbers of two bytes.
    while frames.tuning_maps[:, ::step, ::step].size * 8 / 3 > MAP_BYTES:
        step += 1
    maps = frames.tuning_maps[:, ::step, ::step]
    known = np.isfinite(maps)
    largest = float(np.abs(maps[known]).max(initial=0.0)) or 1.0
    unit = largest / (2**15 - 1)
    whole: NDArray[np.int16] = np.where(known, np.nan_to_num(maps) / unit, _NOTHING).round()
    data = base64.b64encode(whole.astype("<i2").tobytes()).decode()
    return CodeMap(data, unit, width=maps.shape[2], height=maps.shape[1], step=step)
