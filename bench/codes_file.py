"""Codes from a file: .npz, .h5 or .csv. Nothing is unpickled, nothing is read from elsewhere.

An .npz or .h5 file has the arrays `means` and, where there are any, `logvars`, `factors`,
`latent_names` and `factor_names`. A .csv file has a row for each image and a column for each latent
and factor: `mean_<latent>`, `logvar_<latent>` and `factor_<factor>`.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from .codes import CodesArrays, check_codes
from .errors import CodesError
from .hdf5 import read_array

_ARRAYS = ("means", "logvars", "factors", "latent_names", "factor_names")
Arrays = dict[str, Any]


def read_codes(path: Path) -> CodesArrays:
    """Read a file of codes.

    Raises
    ------
    CodesError
        If it is no such file, or an array is missing or does not fit; the message names both.
    """
    source = str(path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise CodesError(source, "", f"must end in {', '.join(_READERS)}")
    if not path.is_file():
        raise CodesError(source, "", "is not there, or is no file")
    try:
        arrays = reader(path)
    except CodesError:
        raise
    except Exception as error:
        # The readers of anybody's file raise anything.
        raise CodesError(
            source, "", f"cannot be read as {path.suffix[1:]}: {str(error) or type(error).__name__}"
        ) from None
    if "means" not in arrays:
        raise CodesError(source, "means", "is missing: the codes, a row for each image")
    names = {key: _texts(source, key, arrays) for key in ("latent_names", "factor_names")}
    given = {key: arrays.get(key) for key in ("logvars", "factors")}
    return check_codes(source, arrays["means"], **given, **names)


def _read_npz(path: Path) -> Arrays:
    if not zipfile.is_zipfile(path):
        # numpy would take it for a pickle.
        raise CodesError(str(path), "", "is no .npz file: write it with numpy.savez")
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in _ARRAYS if name in archive}


def _read_hdf5(path: Path) -> Arrays:
    with h5py.File(path, "r") as file:
        return {name: read_array(file, name) for name in _ARRAYS if name in file}


def _read_csv(path: Path) -> Arrays:
    # As text first: some versions of pandas read numbers with the last digit off.
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    columns = {
        kind: [name for name in map(str, table) if name.startswith(f"{kind}_")]
        for kind in ("mean", "logvar", "factor")
    }
    latents, factors = (
        [name.removeprefix(f"{kind}_") for name in columns[kind]] for kind in ("mean", "factor")
    )
    if not latents:
        raise CodesError(str(path), "", "has no columns mean_<latent>, such as mean_z0")
    arrays: Arrays = {"latent_names": latents, "means": _floats(path, table, columns["mean"])}
    if columns["logvar"]:
        expected = [f"logvar_{name}" for name in latents]
        if sorted(columns["logvar"]) != sorted(expected):
            reason = f"must be one for each mean: {', '.join(expected)[:200]}"
            raise CodesError(str(path), "columns logvar_<latent>", reason)
        arrays["logvars"] = _floats(path, table, expected)
    if factors:
        arrays["factor_names"] = factors
        arrays["factors"] = _floats(path, table, columns["factor"])
    return arrays


_READERS: dict[str, Callable[[Path], Arrays]] = {
    ".npz": _read_npz,
    ".h5": _read_hdf5,
    ".hdf5": _read_hdf5,
    ".csv": _read_csv,
}


def _floats(path: Path, table: pd.DataFrame, names: list[str]) -> Any:
    columns = []
    for name in names:
        try:
            columns.append(table[name].to_numpy(np.str_).astype(np.float64))
        except ValueError as error:
            raise CodesError(str(path), f"column {name}", str(error)) from None
    return np.stack(columns, axis=1)


def _texts(source: str, key: str, arrays: Arrays) -> list[str] | None:
    if key not in arrays:
        return None
    values = np.asarray(arrays[key])
    found = [v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in values.flat]
    if values.ndim != 1 or not all(isinstance(name, str) for name in found):
        raise CodesError(source, key, "must be a list of texts")
    return found
