"""What the page shows of a model that can be touched: pictures, codes and, to draw more, a decoder.

`templates/explorer.html` lays it out; `explorer.js` lets latents move.
"""

from __future__ import annotations

import base64
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..analysis import Study
from ..plots import MAP_COLOURS
from ..store import ACTIVE_KL, CODE_KL, Frames
from ..tables import dataset_heading
from .decoder import decoder_payload
from .sprites import picture_sheet

# Characters that the pictures and codes of one run may take on the page, and those of all runs.
# Models beyond that have no sliders, and the page says so. Decoders have a limit of their own.
RUN_BYTES = 150_000
ALL_BYTES = 4_000_000
# The share of the codes; where not all positions fit, every n-th is kept.
MAP_BYTES = 50_000
# The share of the images to start from.
IMAGES_BYTES = 20_000
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
class Latent:
    """A latent as its slider shows it.

    Attributes
    ----------
    name : str
        As in the tables of the run.
    kl : str
        Its mean KL, nats.
    active : bool
        Whether that is enough to be in use.
    start : float
        Its value at the start.
    """

    name: str
    kl: str
    active: bool
    start: float


@dataclass(frozen=True)
class ShownModel:
    """What is shown of a run.

    Attributes
    ----------
    run : str
        Its id.
    label : str
        Model, dataset and seed.
    sheet : str
        Traversals as a data URI, a row a latent.
    picture : str
        The picture at the start as a data URI: the reconstruction of the first original.
    size : int
        Pixels along an axis of a picture.
    values : tuple of float
        What a latent is set to in the sheet, column by column.
    latents : tuple of Latent
        From high to low KL.
    codes : CodeMap or None
        For datasets of which a position is all there is to know.
    images : str
        Originals as a data URI, side by side; empty where their codes are not known.
    image_codes : tuple of tuple of float
        A code for each of these.
    decoder : str or None
        JSON that `decoder.js` reads; without one, pictures are those of the sheet.
    has_code : bool
        Whether it is not collapsed.
    """

    run: str
    label: str
    sheet: str
    picture: str
    size: int
    values: tuple[float, ...]
    latents: tuple[Latent, ...]
    codes: CodeMap | None
    images: str
    image_codes: tuple[tuple[float, ...], ...]
    decoder: str | None
    has_code: bool

    @property
    def step(self) -> float:
        """How far a slider goes at a press of a key."""
        apart = (self.values[-1] - self.values[0]) / max(1, len(self.values) - 1)
        return 0.05 if self.decoder else apart

    @property
    def data(self) -> dict[str, Any]:
        """What `explorer.js` reads of a model beside its decoder."""
        return {
            "names": [latent.name for latent in self.latents],
            "start": [latent.start for latent in self.latents],
            "values": self.values,
            "map": self.codes and {**asdict(self.codes), "colours": MAP_COLOURS},
            "images": self.images,
            "codes": self.image_codes,
        }


def shown_models(study: Study) -> tuple[list[ShownModel], int]:
    """Return what the explorers need, in the order of the tables, and how many are left out."""
    models: list[ShownModel] = []
    used = 0
    rows = study.tables.runs.to_dict("records") if study.frames else []
    shown = [row for row in rows if row["run_id"] in study.frames]
    for row in shown:
        dataset = dataset_heading(row["dataset"], row["dataset_options"])
        label = f"{row['label']}, {dataset}, seed {row['seed']}"
        model = _shown(study, row["run_id"], label)
        taken = len(model.codes.data) if model.codes else 0
        used += taken + len(model.sheet) + len(model.images)
        if used > ALL_BYTES:
            break
        models.append(model)
    return models, len(shown) - len(models)


def _shown(study: Study, run: str, label: str) -> ShownModel:
    frames = study.frames[run]
    codes = code_map(frames)
    weights = study.decoders.get(run)
    image_shape = frames.originals.shape[1:]
    decoder = decoder_payload(weights, frames.latents, image_shape) if weights else None
    # Without a decoder there is no picture of them but that of the start.
    known = frames.codes if decoder and frames.codes is not None else np.zeros((0, 0), np.float32)
    images = picture_sheet(frames.originals[None], IMAGES_BYTES) if len(known) else ""
    room = RUN_BYTES - len(images) - (len(codes.data) if codes else 0)
    return ShownModel(
        run=run,
        label=label,
        sheet=picture_sheet(frames.traversals, room),
        picture=picture_sheet(frames.reconstructions[None, :1], IMAGES_BYTES),
        size=image_shape[-1],
        values=tuple(round(float(value), 4) for value in frames.values),
        latents=tuple(
            Latent(f"z{latent}", f"{kl:.2f}", bool(kl >= ACTIVE_KL), start)
            for latent, kl, start in zip(frames.latents, frames.kl, _start(frames), strict=True)
        ),
        codes=codes,
        images=images,
        image_codes=tuple(map(_rounded, known)),
        decoder=decoder,
        has_code=bool(frames.kl.sum() > CODE_KL),
    )


def _start(frames: Frames) -> tuple[float, ...]:
    """Return the code of the first original, at the centre of the factors' grid, or zeros.

    Frames that are older than the codes of originals still have it where a position is all there
    is to know of an image.
    """
    code = np.zeros(len(frames.latents), np.float32)
    if frames.codes is not None:
        code = frames.codes[0]
    elif _is_position(frames):
        height, width = frames.tuning_maps.shape[1:]
        code = frames.tuning_maps[:, height // 2, width // 2]
    return _rounded(code) if np.isfinite(code).all() else (0.0,) * len(code)


def _rounded(code: NDArray[np.float32]) -> tuple[float, ...]:
    return tuple(round(float(value), 4) for value in code)


def code_map(frames: Frames) -> CodeMap | None:
    """Return the codes of the positions; None where an image has more factors than its position."""
    if not _is_position(frames):
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


def _is_position(frames: Frames) -> bool:
    """Return whether an image is known by the position of its object."""
    return {*frames.factors.tolist()} == {b"position_x", b"position_y"}
