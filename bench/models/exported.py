"""An exported model: a folder as the Hugging Face Hub has them, with weights that execute nothing.

    model.safetensors    the weights of a `PlainModel`
    config.json          what it is built with, and where it comes from
    README.md            the card: `model_card`

`disbench export` writes such folders. They may come from anybody: nothing is believed
unchecked.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..errors import optional, said
from ..grid import arguments as given
from ..store import UNREADABLE, DamagedError, read_bytes
from .plain import PlainModel
from .vae import ARCHITECTURES

CONFIG = "config.json"
TENSORS = "model.safetensors"
_MOST_CONFIG = 2**20
_Side = Annotated[int, Field(ge=16, le=4096, multiple_of=16)]


class Config(BaseModel):
    """What `config.json` has to say; whatever else it says is let be."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow")

    library_name: Literal["disbench"]
    format: Literal[1]
    image_shape: tuple[Annotated[int, Field(ge=1, le=4096)], _Side, _Side]
    n_latents: Annotated[int, Field(ge=1, le=4096)]
    architecture: str
    encodes: bool
    # Left out by those who have trained on: there is no other checksum of the weights.
    weights_sha256: str | None = None

    @model_validator(mode="after")
    def _can_be_built(self) -> Self:
        if self.architecture not in ARCHITECTURES:
            known = ", ".join(ARCHITECTURES)
            raise ValueError(f"there is no architecture {self.architecture!r}; known are: {known}")
        if self.image_shape[1] != self.image_shape[2]:
            raise ValueError("its images are not square")
        return self

    def build(self) -> PlainModel:
        """Return the model without numbers, which takes no memory."""
        with torch.device("meta"):
            return PlainModel(
                self.image_shape, self.n_latents, self.architecture, encodes=self.encodes
            )


def load_exported(folder: str | Path) -> PlainModel:
    """Load a model that `disbench export` wrote.

    Parameters
    ----------
    folder : str or Path
        With `config.json` and `model.safetensors`: an exported folder, or a download of one.

    Returns
    -------
    PlainModel
        What `load_run(...).to_torch()` gives of the run that was exported.

    Raises
    ------
    DamagedError
        If a file is missing, is not what was written, or does not belong to the other.
    MissingPackageError
        If safetensors is not installed.

    Examples
    --------
    >>> model = load_exported("exported/beta-vae")  # doctest: +SKIP
    >>> means, logvars = model.encode(images)       # doctest: +SKIP
    """
    place = given.path(folder)
    if os.path.lexists(place / "manifest.json") and not os.path.lexists(place / CONFIG):
        raise DamagedError(f"{place}: is a run, not an exported model: load_run reads it")
    safetensors = _safetensors()
    config = _config(place / CONFIG)
    path = place / TENSORS
    content = _content(path, "exported weights")
    if config.weights_sha256 not in (None, hashlib.sha256(content).hexdigest()):
        raise DamagedError(f"{path}: does not match its checksum in {CONFIG}")
    try:
        state = safetensors.torch.load(content)
    except (*UNREADABLE, safetensors.SafetensorError) as error:
        raise DamagedError(f"{path}: holds no weights that can be read: {said(error)}") from None
    model = config.build()
    wrong = _difference(state, model.state_dict())
    if wrong:
        raise DamagedError(f"{path}: holds no weights of the model in {CONFIG}: {wrong}")
    model.load_state_dict(state, assign=True)
    return model.eval()


def write_exported(folder: Path, model: PlainModel, about: dict[str, Any]) -> None:
    """Write a model's weights and configuration into an empty folder.

    Parameters
    ----------
    folder : Path
        The folder.
    model : PlainModel
        The model.
    about : dict
        What else is to be in `config.json`, with `architecture`; plain JSON values.

    Raises
    ------
    MissingPackageError
        If safetensors is not installed.
    """
    content = _safetensors().torch.save(model.state_dict(), {"format": "pt"})
    config = Config(
        library_name="disbench",
        format=1,
        image_shape=model.image_shape,
        n_latents=model.n_latents,
        encodes=model.encoder is not None,
        weights_sha256=hashlib.sha256(content).hexdigest(),
        **about,
    )
    (folder / CONFIG).write_text(f"{config.model_dump_json(indent=2)}\n", encoding="utf-8")
    (folder / TENSORS).write_bytes(content)


def _safetensors() -> Any:
    """Return the package, with its part for PyTorch."""
    needs = ("exported models need safetensors", "export")
    optional("safetensors.torch", *needs)
    return optional("safetensors", *needs)


def _config(path: Path) -> Config:
    try:
        return Config.model_validate_json(_content(path, "exported model", _MOST_CONFIG))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        # What our own checks raise has a heading by pydantic.
        told = first["msg"].removeprefix("Value error, ")
        reason = f"{where}: {told}" if where else told
        raise DamagedError(f"{path}: describes no exported model: {reason}") from None


def _content(path: Path, what: str, *limit: int) -> bytes:
    try:
        # The Hub's own cache has links in place of files: what counts is where they lead.
        return read_bytes(path.resolve(strict=True), *limit)
    except DamagedError as error:
        raise DamagedError(f"{path}: is no {what}: {error}") from None
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DamagedError(f"{path}: has no {what}: {reason}") from None


def _difference(state: dict[str, Any], expected: dict[str, Any]) -> str | None:
    """Return in what tensors are not those that are expected."""
    for name in (*expected, *sorted(state)):
        if name not in state:
            return f"{name} is missing"
        if name not in expected:
            return f"there is no {name}"
        found, wanted = state[name], expected[name]
        if found.shape != wanted.shape or found.dtype != wanted.dtype:
            return (
                f"{name} is {found.dtype} of shape {tuple(found.shape)}, "
                f"not {wanted.dtype} of shape {tuple(wanted.shape)}"
            )
    return None
