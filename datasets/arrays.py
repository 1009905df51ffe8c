"""Your own images and factors as a dataset: from arrays, or from a file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._arrays import Form, as_factors, as_images
from ._base import FactorDataset, checked_indices
from ._damaged import remedied
from ._file import NO_FACTOR, open_images, read_content
from ._known import content_digest, identity, same_content
from ._options import Option
from ._paths import expanded, present, shown
from ._registry import DatasetInfo, Values
from ._stored import Rows


class TableDataset(FactorDataset):
    """Images with a table of their factors, in any order, of any part of the factor grid.

    `index` finds the image of a combination by search; where several images have the same
    combination it gives the first, and a combination without image is a ValueError.
    """

    def __init__(
        self,
        name: str,
        factors: NDArray[np.int64],
        factor_names: Sequence[str],
        factor_sizes: Sequence[int],
        image_shape: tuple[int, int, int],
        options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(name, options or {}, factor_names, factor_sizes, image_shape)
        self._factors = factors
        codes = self.ravel(factors)
        self._order = np.argsort(codes, kind="stable")
        self._codes = codes[self._order]
        n = prod(self.factor_sizes)
        self.is_full_grid = len(codes) == n and bool((codes == np.arange(n)).all())

    def __len__(self) -> int:
        return len(self._factors)

    def factors(self, indices: ArrayLike) -> NDArray[np.int64]:
        """Return the factors of some images; see `FactorDataset.factors`."""
        return self._factors[checked_indices(indices, len(self))]

    def index(self, factors: ArrayLike) -> NDArray[np.int64]:
        """Return the first image of each combination; see `FactorDataset.index`."""
        checked = self.checked_factors(factors)
        wanted = self.ravel(checked)
        places = np.minimum(np.searchsorted(self._codes, wanted), len(self) - 1)
        missing = self._codes[places] != wanted
        if missing.any():
            example = checked[int(np.argmax(missing))].tolist()
            raise ValueError(f"{self.name} has no image with the factors {example}")
        return np.asarray(self._order[places], np.int64)


class ArrayDataset(TableDataset):
    """Images that are in memory."""

    def __init__(
        self,
        name: str,
        images: NDArray[np.uint8],
        factors: NDArray[np.int64],
        factor_names: Sequence[str],
        factor_sizes: Sequence[int],
    ) -> None:
        shape = (images.shape[1], images.shape[2], images.shape[3])
        super().__init__(name, factors, factor_names, factor_sizes, shape)
        self._images = images

    @property
    def fingerprint(self) -> str:
        """Digest of the images and the factors."""
        digest = hashlib.sha256(repr((self.factor_names, self.factor_sizes)).encode())
        digest.update(repr(self._images.shape).encode())
        digest.update(np.ascontiguousarray(self._images).data)
        digest.update(np.ascontiguousarray(self._factors).data)
        return f"arrays/1/{digest.hexdigest()[:16]}"

    def images(self, indices: ArrayLike) -> NDArray[np.uint8]:
        """Return the images of some indices; see `FactorDataset.images`."""
        return self._images[checked_indices(indices, len(self))]


class FileDataset(TableDataset):
    """An `.npz` or `.h5` file: the factors are read at once, the images as they are asked for."""

    def __init__(self, path: Path, values: Values, options: Values) -> None:
        self._file = identity(path)
        key = None if values["without_factors"] else values["factors"]
        with remedied(_remedy):
            content = read_content(path, values["images"], key)
        table, sizes = as_factors(content.factors, str(path), n_bins=values["factor_bins"])
        names = _names(values["factor_names"] or content.factor_names, table.shape[1], str(path))
        super().__init__("file", table, names, sizes, content.image_shape, options)
        self.path = path
        self._key = values["images"]
        self._stored: tuple[Rows | NDArray[Any], Form] | None = None
        self._digest: str | None = None

    @property
    def fingerprint(self) -> str:
        """Digest of the file's whole content, and of the options that make other factors of it."""
        # What was so before there were such options keeps its name.
        own = {key: self.options[key] for key in _OF_FACTORS if key in self.options}
        suffix = hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()[:16]
        return f"file/1/{self._sha256()}/{self._key}" + (f"/{suffix}" if own else "")

    def images(self, indices: ArrayLike) -> NDArray[np.uint8]:
        """Return the images of some indices; see `FactorDataset.images`."""
        numbers = checked_indices(indices, len(self))
        if self._stored is None:
            self._check_unchanged()
            with remedied(_remedy):
                self._stored = open_images(self.path, self._key, self._sha256)
        rows, form = self._stored
        return form(rows[numbers])

    def _sha256(self) -> str:
        if self._digest is None:
            self._check_unchanged()
            self._digest = content_digest(self.path)
        return self._digest

    def _check_unchanged(self) -> None:
        if not same_content(identity(self.path), self._file):
            raise ValueError(f"{self.path} was changed since its factors were read; load it again")

    def __getstate__(self) -> Values:
        return {**self.__dict__, "_stored": None}  # a worker process opens the file itself


def from_arrays(
    images: ArrayLike,
    factors: ArrayLike | None = None,
    *,
    factor_names: Sequence[str] | None = None,
    factor_sizes: Sequence[int] | None = None,
    factor_bins: int | None = None,
    name: str = "arrays",
) -> FactorDataset:
    """Make a dataset of images and factors that are in memory.

    Parameters
    ----------
    images : array_like, shape (n, h, w), (n, c, h, w) or (n, h, w, c) with c = 1 or 3
        uint8 in 0..255 (values of only 0 and 1 are taken as black and white), bool, or float in
        [0, 1].
    factors : array_like, shape (n, n_factors) or (n,)
        Whole numbers from 0, of any type, are class indices and are kept. Columns with other
        numbers (negative ones, fractions) are numbered by their distinct values in rising order.
        Incomplete grids of factors are allowed. Without factors there is one that never varies:
        models can be trained, and what needs factors says that none varies.
    factor_names : sequence of str, optional
        By default factor_0, factor_1, …
    factor_sizes : sequence of int, optional
        Number of values of each factor; by default the highest class plus one.
    factor_bins : int, optional
        For continuous factors: each column of more distinct values is cut into so many classes of
        about equally many images, at its quantiles; the other columns are numbered by their values.
    name : str
        Name of the dataset.

    Returns
    -------
    FactorDataset

    Raises
    ------
    ValueError
        Shapes, types or ranges that do not fit, numbers of images and factors that differ, or a
        continuous factor without `factor_bins`.

    Examples
    --------
    >>> import numpy as np
    >>> from datasets import from_arrays
    >>> data = from_arrays(np.zeros((3, 8, 8)), [[0, 0], [0, 1], [1, 0]], factor_names=["a", "b"])
    >>> data.factor_sizes, data.is_full_grid, data.index([[1, 0]]).tolist()
    ((2, 2), False, [2])
    """
    pictures = as_images(images, name)
    n_bins = INFO.options["factor_bins"].canonical(f"{name}: factor_bins", factor_bins)
    if factors is None:
        factors = np.zeros((len(pictures), 1), np.int64)
        factor_names = [NO_FACTOR] if factor_names is None else factor_names
    table, sizes = as_factors(factors, name, factor_sizes, n_bins)
    if len(pictures) != len(table):
        raise ValueError(f"{name}: {len(pictures)} images but {len(table)} rows of factors")
    names = _names(factor_names, table.shape[1], name)
    return ArrayDataset(name, pictures, table, names, sizes)


def from_file(
    path: str | Path,
    *,
    images: str = "images",
    factors: str = "factors",
    factor_names: Sequence[str] | None = None,
    factor_bins: int | None = None,
    without_factors: bool = False,
) -> FactorDataset:
    """Make a dataset of an `.npz` or `.h5` file with arrays of images and factors.

    Nothing is unpickled, and images are read as they are asked for: a file may be larger than the
    memory.

    Parameters
    ----------
    path : str or Path
        Ends in .npz, .h5 or .hdf5.
    images, factors : str
        Names of the two arrays in the file; what they may hold says `from_arrays`.
    factor_names : sequence of str, optional
        By default what the file's array `factor_names` says, else factor_0, factor_1, …
    factor_bins : int, optional
        Classes that continuous factors are cut into; see `from_arrays`.
    without_factors : bool
        The file has images alone; see `from_arrays`.

    Returns
    -------
    FactorDataset

    Raises
    ------
    FileNotFoundError
        No such file.
    ValueError
        Not a readable file of these kinds, no such array, or arrays that do not fit.

    Examples
    --------
    >>> import numpy as np, tempfile, pathlib
    >>> from datasets import from_file
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name) / "mine.npz"
    >>> np.savez(path, images=np.zeros((4, 8, 8), np.uint8), factors=[[0], [1], [2], [3]])
    >>> from_file(path).factor_sizes
    (4,)
    >>> folder.cleanup()
    """
    names = None if factor_names is None else list(factor_names)
    arrays = {"images": images, "factors": factors}
    options = {"path": str(path), **arrays, "factor_names": names, "factor_bins": factor_bins}
    options["without_factors"] = without_factors
    values = INFO.complete(options)
    return _load(values, INFO.non_default(values))


def _remedy() -> str:
    return "write it again with numpy.savez or h5py, as in docs/datasets.md, Your own data"


def _names(names: Sequence[str] | None, n: int, label: str) -> tuple[str, ...]:
    if names is None:
        return tuple(f"factor_{k}" for k in range(n))
    if isinstance(names, str) or len(names) != n or len(set(names)) != n:
        said = shown(repr(names if isinstance(names, str) else list(names)))
        raise ValueError(f"{label}: factor_names must be {n} different names, got {said}")
    return tuple(names)


def _settle(values: Values) -> Values:
    if values["path"] is None:
        raise ValueError("dataset 'file' needs the option 'path': an .npz or .h5 file")
    for key in ("factors", "factor_names", "factor_bins"):
        if values["without_factors"] and values[key] != INFO.options[key].default:
            raise ValueError(
                f"dataset 'file': option {key!r} says something of factors, and without_factors "
                "that there are none; leave one of them out"
            )
    _place(values)
    return values


def _place(values: Values) -> Path:
    label = "dataset 'file': option 'path'"
    return present(expanded(values["path"], label), label)


def _load(values: Values, options: Values) -> FactorDataset:
    return FileDataset(_place(values), values, options)


# Options that change the factors, not the images.
_OF_FACTORS = ("factors", "factor_names", "factor_bins", "without_factors")
INFO = DatasetInfo(
    "file",
    "your own images and factors from an .npz or .h5 file",
    {
        "path": Option(None, Path, "the .npz, .h5 or .hdf5 file"),
        "images": Option("images", str, "name of the array of images in the file"),
        "factors": Option("factors", str, "name of the array of factors in the file"),
        "factor_names": Option(None, list, "names of the factors, instead of the file's own"),
        "factor_bins": Option(
            None, int, "classes that continuous factors are cut into", minimum=2, maximum=1000
        ),
        "without_factors": Option(
            False, bool, "the file has images alone: trained on, with no score that needs factors"
        ),
    },
    _load,
    _settle,
)
