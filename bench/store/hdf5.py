"""Write dataclasses of arrays to HDF5 files, and read them from untrusted ones.

Nothing is read from outside the file. A few bytes of HDF5 can claim an array of exabytes, so sizes
are checked before anything is read.
"""

from __future__ import annotations

import io
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

import h5py
import numpy as np

from .files import MAX_BYTES

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

# What HDF5 and pandas raise of content that is not what they expect.
UNREADABLE = (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError, MemoryError)
# Deflate, which compresses whatever is stored here, leaves a 1032nd of zeros: what claims to be
# larger than that was never written.
_MOST_DEFLATED = 1100
# What `form` says of a field: an array's type, a letter for each of its axes, and whether it may be
# absent.
_Form = tuple[type[np.generic], str, bool]
_Record = TypeVar("_Record", bound="DataclassInstance")


def form(kind: type[np.generic], axes: str) -> dict[str, _Form]:
    """Return the metadata of a dataclass's field that is an array in a file.

    Parameters
    ----------
    kind : type
        The array's type; texts are of any fixed length.
    axes : str
        A letter for each axis: equal letters of one record stand for equal lengths. With a question
        mark behind them the array may be absent, and the field None.
    """
    return {"form": (kind, axes.removesuffix("?"), axes.endswith("?"))}


def dump(
    record: DataclassInstance,
    *,
    version: int | None = None,
    block: int | None = None,
    **options: Any,
) -> bytes:
    """Return an HDF5 file of the arrays that are a dataclass's fields, but for those of None.

    Parameters
    ----------
    record : dataclass instance
        The arrays.
    version : int, optional
        The format's, which becomes an attribute of the file.
    block : int, optional
        So many bytes at the beginning that HDF5 leaves alone.
    **options
        How arrays are packed, but for those without a value.
    """
    # In memory: HDF5 answers a full disk with a segmentation fault, a plain file does not.
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", userblock_size=block) as file:
        if version is not None:
            file.attrs["format"] = version
        for field in fields(record):
            values = getattr(record, field.name)
            if values is not None:
                packed = options if values.size else {}
                file.create_dataset(field.name, data=values, track_times=False, **packed)
    return buffer.getvalue()


def load(content: bytes, cls: type[_Record], **lengths: int) -> _Record:
    """Return what `dump` made a file of; no array is read unless all have the form they should.

    Parameters
    ----------
    content : bytes
        The file.
    cls : type
        The dataclass, all of whose fields have a `form`.
    **lengths : int
        What is known of the letters' lengths.

    Raises
    ------
    KeyError, ValueError, OSError
        If an array is missing, is of another form, or is none as in `find_array`, or if all
        together take more than `MAX_BYTES`.

    Examples
    --------
    >>> from dataclasses import dataclass, field
    >>> @dataclass
    ... class Use:
    ...     kl: np.ndarray = field(metadata=form(np.float64, "D"))
    ...     c: np.ndarray | None = field(metadata=form(np.float64, "S?"))
    >>> load(dump(Use(np.zeros(3), None)), Use, D=3)
    Use(kl=array([0., 0., 0.]), c=None)
    """
    with h5py.File(io.BytesIO(content), "r") as file:
        found: dict[str, h5py.Dataset] = {}
        for field in fields(cls):
            kind, axes, optional = field.metadata["form"]
            if not optional or field.name in file:
                found[field.name] = find_array(file, field.name)
                _check_form(field.name, found[field.name], kind, axes, lengths)
        size = sum(array.nbytes for array in found.values())
        if size > MAX_BYTES:
            raise ValueError(f"its arrays take {size:,} bytes; the most is {MAX_BYTES:,}")
        arrays = {name: array[()] for name, array in found.items()}
    return cls(**dict.fromkeys(field.name for field in fields(cls)) | arrays)


def find_array(file: h5py.File, name: str) -> h5py.Dataset:
    """Return an array of an HDF5 file that lies in this very file, not yet read.

    Raises
    ------
    KeyError, ValueError
        If there is none; links and storage that lead into another file count as none, and so does
        what takes more memory than the file can hold.
    """
    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        raise KeyError(f"no array {name!r} in the file itself")
    array = file[name]
    if not isinstance(array, h5py.Dataset) or array.external or array.is_virtual:
        raise ValueError(f"{name!r} is no array in the file itself")
    if array.shape is None:
        raise ValueError(f"{name!r} is empty")
    most = min(_MOST_DEFLATED * file.id.get_filesize(), MAX_BYTES)
    if array.nbytes > most:
        raise ValueError(f"{name!r} would take {array.nbytes:,} bytes; the most here is {most:,}")
    return array


def _check_form(
    name: str, array: h5py.Dataset, kind: type[np.generic], axes: str, lengths: dict[str, int]
) -> None:
    fits = array.dtype.kind == "S" if kind is np.bytes_ else array.dtype == kind
    fits = fits and len(array.shape) == len(axes)
    if not fits or any(
        lengths.setdefault(axis, length) != length
        for axis, length in zip(axes, array.shape, strict=True)
    ):
        expected = ", ".join(str(lengths.get(axis, axis)) for axis in axes)
        raise ValueError(
            f"{name!r} is {array.dtype} of shape {array.shape}, not {kind.__name__} ({expected})"
        )
