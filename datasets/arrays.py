"""Your own images and factors as a data set: from arrays, or from a file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._arrays import as_factors, as_images
from ._base import FactorDataset, checked_indices
from ._cache import file_digest
from ._file import FileContent, read_content, read_images
from ._options import Option
from ._registry import DatasetInfo, Values


class ArrayDataset(FactorDataset):
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
        self._images: NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return len(self._factors)

    def factors(self, indices: ArrayLike) -> NDArray[np.int64]:
        """Give the factors of some images; see `FactorDataset.factors`."""
        return self._factors[checked_indices(indices, len(self))]

    def index(self, factors: ArrayLike) -> NDArray[np.int64]:
        """Give the first image of each combination; see `FactorDataset.index`."""
        checked = self.checked_factors(factors)
        wanted = self.ravel(checked)
        places = np.minimum(np.searchsorted(self._codes, wanted), len(self) - 1)
        missing = self._codes[places] != wanted
        if missing.any():
            example = checked[int(np.argmax(missing))].tolist()
            raise ValueError(f"{self.name} has no image with the factors {example}")
        return np.asarray(self._order[places], np.int64)

    @property
    def fingerprint(self) -> str:
        """Digest of the images and the factors."""
        digest = hashlib.sha256(repr((self.factor_names, self.factor_sizes)).encode())
        digest.update(repr(self._all().shape).encode())
        digest.update(np.ascontiguousarray(self._all()).data)
        digest.update(np.ascontiguousarray(self._factors).data)
        return f"arrays/1/{digest.hexdigest()[:16]}"

    def images(self, indices: ArrayLike) -> NDArray[np.uint8]:
        """Give the images of some indices; see `FactorDataset.images`."""
        return self._all()[checked_indices(indices, len(self))]

    def _all(self) -> NDArray[np.uint8]:
        if self._images is None:
            self._images = self.read_all()
        return self._images

    def read_all(self) -> NDArray[np.uint8]:
        """Give all images; a subclass that reads them late does it here."""
        raise NotImplementedError


class FileDataset(ArrayDataset):
    """An `.npz` or `.h5` file: the factors are read at once, the images at their first use."""

    def __init__(self, path: Path, content: FileContent, images: str, options: Values) -> None:
        table, sizes = as_factors(content.factors, str(path))
        names = _names(content.factor_names, table.shape[1])
        super().__init__("file", table, names, sizes, content.image_shape, options)
        self.path = path
        self._key = images
        self._digest: str | None = None

    @property
    def fingerprint(self) -> str:
        """Digest of the file's whole content."""
        if self._digest is None:
            self._digest = file_digest(self.path)
        return f"file/1/{self._digest}/{self._key}"

    def read_all(self) -> NDArray[np.uint8]:
        """Read all images of the file."""
        return read_images(self.path, self._key)

    def __getstate__(self) -> Values:
        return {**self.__dict__, "_images": None}  # a worker process reads the file itself


def from_arrays(
    images: ArrayLike,
    factors: ArrayLike,
    *,
    factor_names: Sequence[str] | None = None,
    factor_sizes: Sequence[int] | None = None,
    name: str = "arrays",
) -> FactorDataset:
    """Make a data set of images and factors that are in memory.

    Parameters
    ----------
    images : array_like, shape (n, h, w), (n, c, h, w) or (n, h, w, c) with c = 1 or 3
        uint8 in 0..255 (values of only 0 and 1 are taken as black and white), bool, or float in
        [0, 1].
    factors : array_like, shape (n, n_factors) or (n,)
        Integers from 0 are class indices and are kept. Columns of an array of floats, or of
        negative integers, are numbered by their distinct values in rising order. Incomplete grids
        of factors are allowed.
    factor_names : sequence of str, optional
        By default factor_0, factor_1, …
    factor_sizes : sequence of int, optional
        Number of values of each factor; by default the highest class plus one.
    name : str
        Name of the data set.

    Returns
    -------
    FactorDataset

    Raises
    ------
    ValueError
        Shapes, types or ranges that do not fit, or numbers of images and factors that differ.

    Examples
    --------
    >>> import numpy as np
    >>> from datasets import from_arrays
    >>> data = from_arrays(np.zeros((3, 8, 8)), [[0, 0], [0, 1], [1, 0]], factor_names=["a", "b"])
    >>> data.factor_sizes, data.is_full_grid, data.index([[1, 0]]).tolist()
    ((2, 2), False, [2])
    """
    pictures = as_images(images, name)
    table, sizes = as_factors(factors, name, factor_sizes)
    if len(pictures) != len(table):
        raise ValueError(f"{name}: {len(pictures)} images but {len(table)} rows of factors")
    shape = (pictures.shape[1], pictures.shape[2], pictures.shape[3])
    data = ArrayDataset(name, table, _names(factor_names, table.shape[1]), sizes, shape)
    data._images = pictures
    return data


def from_file(
    path: str | Path, *, images: str = "images", factors: str = "factors"
) -> FactorDataset:
    """Make a data set of an `.npz` or `.h5` file with arrays of images and factors.

    Nothing is unpickled. Names of the factors may be given by a third array, `factor_names`.

    Parameters
    ----------
    path : str or Path
        Ends in .npz, .h5 or .hdf5.
    images, factors : str
        Names of the two arrays in the file; what they may hold says `from_arrays`.

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
    values = INFO.complete({"path": str(path), "images": images, "factors": factors})
    return _load(values, INFO.non_default(values))


def _names(names: Sequence[str] | None, n: int) -> tuple[str, ...]:
    if names is None:
        return tuple(f"factor_{k}" for k in range(n))
    if len(names) != n or len(set(names)) != n:
        raise ValueError(f"factor_names must be {n} different names, got {list(names)}")
    return tuple(names)


def _settle(values: Values) -> Values:
    if values["path"] is None:
        raise ValueError("data set 'file' needs the option 'path': an .npz or .h5 file")
    path = Path(values["path"]).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"data set 'file': there is no file {path}")
    return values


def _load(values: Values, options: Values) -> FactorDataset:
    path = Path(values["path"]).expanduser().absolute()
    content = read_content(path, values["images"], values["factors"])
    return FileDataset(path, content, values["images"], options)


INFO = DatasetInfo(
    "file",
    "your own images and factors from an .npz or .h5 file",
    {
        "path": Option(None, str, "the .npz, .h5 or .hdf5 file"),
        "images": Option("images", str, "name of the array of images in the file"),
        "factors": Option("factors", str, "name of the array of factors in the file"),
    },
    _load,
    _settle,
)
