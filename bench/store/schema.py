"""Schemas of stored JSON: manifests and failures are checked when they are read.

A checksum shows that a file is what was written, not that this software wrote it. What does not fit
its schema counts as damaged, like a file whose checksum does not fit, so readers need no checks of
their own. Unknown fields are allowed.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from ..grid import Precision, RunSpec
from .files import MAX_BYTES, DamagedError

if TYPE_CHECKING:
    from .._siblings import datasets

_CHECKED = ConfigDict(frozen=True, strict=True, extra="allow", allow_inf_nan=False)
_Identity = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
# A name in the run's own folder, and no way out of it.
_FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
# As many values as a factor may have, and more than anything else is counted here: an integer of
# JSON may have thousands of digits.
_Count = Annotated[int, Field(ge=1, le=2**53)]
# Far above any image that a model is made for.
MAX_PIXELS = 2**26
_Parsed = TypeVar("_Parsed")
Number = Annotated[float, Field(allow_inf_nan=False)] | None


class Checked(BaseModel):
    """A part of stored JSON; what it holds beside the fields that are named is let be."""

    model_config = _CHECKED


class FileEntry(Checked):
    """What vouches for a file of a run."""

    sha256: str
    bytes: Annotated[int, Field(ge=0, le=MAX_BYTES)]


class DatasetEntry(Checked):
    """What a manifest says of a dataset."""

    fingerprint: str
    n_images: _Count
    # Of codes that were made elsewhere, the images may be unknown.
    image_shape: Annotated[list[_Count], Field(min_length=3, max_length=3)] | None
    factor_names: list[str]
    factor_sizes: list[_Count]

    @model_validator(mode="after")
    def _can_be(self) -> Self:
        if self.image_shape is not None and prod(self.image_shape) > MAX_PIXELS:
            raise ValueError(f"has images of more than {MAX_PIXELS:,} values")
        if len(self.factor_names) != len(self.factor_sizes):
            raise ValueError("does not have as many factor names as sizes")
        return self


class ExecutionEntry(Checked):
    """How a run was executed."""

    device: str
    device_name: str
    precision: Precision
    # 0 where it is unknown.
    threads: Annotated[int, Field(ge=0, le=10**6)]
    pack: list[str]


class Versions(Checked):
    """The versions that a number may depend on, by name; Torch's is "none" where it made none."""

    __pydantic_extra__: dict[str, str]
    torch: str


class Shared(Checked):
    """What a copy that was passed on has lost: significant bits of codes and weights, rows."""

    code_bits: Annotated[int, Field(ge=1, le=24)] | None = None
    history_rows: Annotated[int, Field(ge=1, le=10**9)] | None = None
    weight_bits: Annotated[int, Field(ge=1, le=24)] | None = None


class Manifest(Checked):
    """The manifest of a run folder."""

    format: int
    run_id: _Identity
    group_id: _Identity
    spec: dict[str, Any]
    dataset: DatasetEntry
    execution: ExecutionEntry
    versions: Versions
    git_commit: str | None
    latent_names: Annotated[list[str], Field(min_length=1, max_length=4096)]
    reconstruction: Number
    files: dict[_FileName, FileEntry]
    shared: Shared = Field(default_factory=Shared)

    @model_validator(mode="after")
    def _models_have_images(self) -> Self:
        if self.dataset.image_shape is None and self.spec.get("kind") != "codes":
            raise ValueError("has images of no shape")
        return self


class Failed(Checked):
    """The record of a run that gave no result."""

    spec: RunSpec
    reason: str
    traceback: str


class _Grid(Checked):
    name: Annotated[str, Field(max_length=100)]
    figures: list[str] = Field(default_factory=list)


class GridRecord(Checked):
    """What `grid.json` holds: the grid of the last start, of which name and figures are read."""

    grid: _Grid


_MANIFEST: TypeAdapter[Manifest] = TypeAdapter(Manifest)
_FAILED = TypeAdapter(Failed)
_GRID = TypeAdapter(GridRecord)


def parse_manifest(body: dict[str, Any]) -> Manifest:
    """Return a manifest, refuse what is none.

    Raises
    ------
    DamagedError
        With the first field that does not fit.
    """
    return parse(_MANIFEST, body)


def describe(dataset: datasets.FactorDataset) -> dict[str, Any]:
    """Return what a manifest says of a dataset."""
    return {
        "fingerprint": dataset.fingerprint,
        "n_images": len(dataset),
        "image_shape": list(dataset.image_shape),
        "factor_names": list(dataset.factor_names),
        "factor_sizes": list(dataset.factor_sizes),
    }


def check_failed(body: dict[str, Any]) -> None:
    """Refuse a record of a failure that is none; `DamagedError` as for manifests."""
    parse(_FAILED, body)


def check_grid(body: dict[str, Any]) -> None:
    """Refuse a record of a grid that is none; `DamagedError` as for manifests."""
    parse(_GRID, body)


def parse(form: TypeAdapter[_Parsed], body: object) -> _Parsed:
    """Return what stored JSON says; `DamagedError` with the first field that does not fit."""
    try:
        return form.validate_python(body)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise DamagedError(f"{where}: {first['msg']}") from None
