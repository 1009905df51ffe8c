"""Read codes from a .npz, .h5 or .csv file. Nothing is unpickled or read from elsewhere.

An .npz or .h5 file has the arrays `means` and, where there are any, `logvars`, `factors`,
`latent_names` and `factor_names`. A .csv file has a row for each image and a column for each latent
and factor: `mean_<latent>`, `logvar_<latent>` and `factor_<factor>`. Anything else in a file is
listed as unused; a misspelling of these names is refused. Files whose arrays unpack to more than
2 GiB in all are not read.
"""

from __future__ import annotations

import stat
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ..errors import CodesError
from ..store import find_array
from .arrays import MAX_COLUMNS, NUMBER_THEM, CodesArrays, check_codes, check_size
from .csv import read_csv
from .names import meant, warn_of_unused

_ARRAYS = ("means", "logvars", "factors", "latent_names", "factor_names")
# So many entries of an HDF5 file's groups are looked at for what it has.
_MAX_VISITS = 1_000
_NO_NAMES = f"must be a list of at most {MAX_COLUMNS} texts"
Arrays = dict[str, Any]


def read_codes(path: Path, factor_bins: int | None = None) -> CodesArrays:
    """Read a file of codes.

    Parameters
    ----------
    path : Path
        A regular file.
    factor_bins : int, optional
        Into how many quantile bins factors of more values are cut.

    Raises
    ------
    CodesError
        If it is no such file, or an array is missing or does not fit; the message names both.
    """
    source = str(path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise CodesError(source, "", f"must end in {', '.join(_READERS)}")
    _check_regular(path)
    try:
        arrays, unused = reader(path)
    except CodesError:
        raise
    except Exception as error:
        # Reading an untrusted file may raise anything.
        raise CodesError(
            source, "", f"cannot be read as {path.suffix[1:]}: {str(error) or type(error).__name__}"
        ) from None
    warn_of_unused(source, "columns" if reader is read_csv else "arrays", unused)
    names = {key: _texts(source, key, arrays) for key in ("latent_names", "factor_names")}
    given = {key: arrays.get(key) for key in ("logvars", "factors")}
    return check_codes(source, arrays["means"], **given, **names, factor_bins=factor_bins)


def _check_regular(path: Path) -> None:
    """Refuse what is no file, or one that has no end, such as a pipe."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise CodesError(str(path), "", "is not there") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CodesError(str(path), "", f"cannot be read: {reason}") from None
    if stat.S_ISDIR(mode):
        raise CodesError(str(path), "", "is a folder; name a file in it")
    if not stat.S_ISREG(mode):
        raise CodesError(str(path), "", "is a pipe or device, not a regular file; name a file")


def _read_npz(path: Path) -> tuple[Arrays, list[str]]:
    source = str(path)
    if not zipfile.is_zipfile(path):
        # numpy would take it for a pickle.
        raise CodesError(source, "", "is no .npz file: write it with numpy.savez")
    with np.load(path, allow_pickle=False) as archive:
        members = [(i.filename.removesuffix(".npy"), i.file_size) for i in archive.zip.infolist()]
        unused = _sort_names(source, [name for name, _ in members])
        check_size(source, "", sum(size for name, size in members if name in _ARRAYS))
        return {name: archive[name] for name in _ARRAYS if name in archive}, unused


def _read_hdf5(path: Path) -> tuple[Arrays, list[str]]:
    source = str(path)
    with h5py.File(path, "r") as file:
        names = _names(file)
        unused = _sort_names(source, names)
        arrays = {name: find_array(file, name) for name in _ARRAYS if name in names}
        check_size(source, "", sum(array.nbytes for array in arrays.values()))
        return {name: _content(source, name, array) for name, array in arrays.items()}, unused


def _content(source: str, name: str, array: h5py.Dataset) -> Any:
    """Read an array; one of texts one after another, as a file may hold a long one many times."""
    if array.dtype.kind != "O":
        return array[()]
    if not name.endswith("_names"):
        remedy = f"; {NUMBER_THEM}" if name == "factors" else ""
        raise CodesError(source, name, f"must be numbers, not texts{remedy}")
    if array.size > MAX_COLUMNS:
        raise CodesError(source, name, _NO_NAMES)
    texts, size = np.empty(array.shape, object), 0
    for place in np.ndindex(array.shape):
        texts[place] = array[place]
        size += len(texts[place])
        check_size(source, name, size)
    return texts


_READERS: dict[str, Callable[[Path], tuple[Arrays, list[str]]]] = {
    ".npz": _read_npz,
    ".h5": _read_hdf5,
    ".hdf5": _read_hdf5,
    ".csv": read_csv,
}


def _names(file: h5py.File) -> list[str]:
    """Return the names of a file's arrays, at whatever depth; no link out of it is followed."""
    names: list[str] = []
    left = _MAX_VISITS
    for name in file:
        hard = isinstance(file.get(name, getlink=True), h5py.HardLink)
        if not hard or not isinstance(file[name], h5py.Group):
            names.append(name)
            continue

        def note(inner: str, item: object, outer: str = name) -> bool | None:
            nonlocal left
            left -= 1
            if isinstance(item, h5py.Dataset):
                names.append(f"{outer}/{inner}")
            return True if left < 1 else None

        if left > 0:
            file[name].visititems(note)
    return names


def _sort_names(source: str, names: Iterable[str]) -> list[str]:
    """Return the names that are not read; refuse those that were probably meant to be."""
    listed = list(names)
    twice = [name for name, count in Counter(listed).items() if count > 1]
    if twice:
        raise CodesError(source, twice[0], "is there twice; write the file again")
    unused = [name for name in listed if name not in _ARRAYS]
    for name in unused:
        folder, _, last = name.rpartition("/")
        target = last if last in _ARRAYS else meant(last, _ARRAYS)
        # Another group may hold anything, once there is an array of that name.
        if target is None or (folder and target in listed):
            continue
        where = f"is in the group {folder!r}" if folder else f"looks like {target!r}"
        reason = f"{where}; name it {target!r}, or leave it out of the file"
        raise CodesError(source, name, reason)
    if "means" not in listed:
        shown = ", ".join(unused)[:200] or "nothing"
        reason = f"is missing: the codes, a row for each image; the file has {shown}"
        raise CodesError(source, "means", reason)
    return unused


def _texts(source: str, key: str, arrays: Arrays) -> list[str] | None:
    if key not in arrays:
        return None
    values = np.asarray(arrays[key])
    # Texts without a letter take no room in a file, however many it says there are.
    if values.ndim == 1 and len(values) <= MAX_COLUMNS:
        found = [v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in values.flat]
        if all(isinstance(name, str) for name in found):
            return found
    raise CodesError(source, key, _NO_NAMES)
