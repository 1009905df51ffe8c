"""Arrays of HDF5 files that may be anybody's: nothing from outside of the file, nothing too large.

A few bytes of HDF5 can say that an array has exabytes, so its size is judged before it is read.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np

from .files import MAX_BYTES

# What HDF5 and pandas raise of content that is not what they expect.
UNREADABLE = (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError, MemoryError)
# Deflate, which compresses whatever is stored here, leaves a 1032nd of zeros: what claims to be
# larger than that was never written.
_MOST_DEFLATED = 1100
# An array's type, and a letter for each of its axes: equal letters stand for equal lengths.
Form = tuple[type[np.generic], str]


def read_arrays(content: bytes, forms: Mapping[str, Form], **lengths: int) -> dict[str, Any]:
    """Return the arrays of an HDF5 file that has a given form; none is read unless all fit.

    Parameters
    ----------
    content : bytes
        The file.
    forms : mapping
        Name to form. A name that ends in a question mark is of an array that may be absent.
    **lengths : int
        What is known of the letters' lengths.

    Returns
    -------
    dict
        Name, without its question mark, to array, or None where it is absent.

    Raises
    ------
    KeyError, ValueError, OSError
        If an array is missing, is of another form, or is none as in `find_array`, or if all
        together take more than `MAX_BYTES`.

    Examples
    --------
    >>> buffer = io.BytesIO()
    >>> with h5py.File(buffer, "w") as file:
    ...     file["kl"] = np.zeros(3)
    >>> read_arrays(buffer.getvalue(), {"kl": (np.float64, "D"), "c?": (np.float64, "S")}, D=3)
    {'kl': array([0., 0., 0.]), 'c': None}
    """
    with h5py.File(io.BytesIO(content), "r") as file:
        arrays: dict[str, Any] = {}
        for entry, (kind, axes) in forms.items():
            name = entry.removesuffix("?")
            arrays[name] = None
            if name == entry or name in file:
                arrays[name] = find_array(file, name)
                _check_form(name, arrays[name], kind, axes, lengths)
        size = sum(array.nbytes for array in arrays.values() if array is not None)
        if size > MAX_BYTES:
            raise ValueError(f"its arrays take {size:,} bytes; the most is {MAX_BYTES:,}")
        return {name: None if array is None else array[()] for name, array in arrays.items()}


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
    # Texts are of any fixed length.
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
