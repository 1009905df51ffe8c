"""Arrays of HDF5 files that may be anybody's: nothing is read from outside of the file."""

from __future__ import annotations

from typing import Any

import h5py
from numpy.typing import NDArray

# What HDF5 and pandas raise of content that is not what they expect.
UNREADABLE = (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError, MemoryError)


def read_array(file: h5py.File, name: str) -> NDArray[Any]:
    """Return an array of an HDF5 file that lies in this very file.

    Raises
    ------
    KeyError, ValueError
        If there is none; links and storage that lead into another file count as none.
    """
    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        raise KeyError(f"no array {name!r} in the file itself")
    array = file[name]
    if not isinstance(array, h5py.Dataset) or array.external or array.is_virtual:
        raise ValueError(f"{name!r} is no array in the file itself")
    values: NDArray[Any] = array[()]
    return values
