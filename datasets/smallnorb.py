"""SmallNORB (LeCun et al. 2004): 50 toys of five categories, photographed in grey."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from math import prod
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._base import FactorDataset, checked_indices
from ._converted import SIDE, ConvertedDataset
from ._damaged import CorruptFileError, remedied
from ._grid_file import PATH
from ._options import Option
from ._paths import is_regular, present, shown
from ._registry import DatasetInfo, Values
from ._resize import resized
from ._sources import Remote, Source

_URL = "https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/"
# The halves, by what their names begin with, and the instances that each has.
_HALVES = {
    "smallnorb-5x46789x9x18x6x2x96x96-training": (4, 6, 7, 8, 9),
    "smallnorb-5x01235x9x18x6x2x96x96-testing": (0, 1, 2, 3, 5),
}
_PARTS = ("dat", "cat", "info")
# Of the compressed files, in the order of halves and parts.
_SHA256 = (
    "5ffd6272a07d32695ee1082a26a41a93a37aab8c28da047f8c34ed348d214873",
    "2784e542c1922060691090952b6cd6278879a216c90f81476f0f00256d42cdaa",
    "de7eb932ebe7a4ee16217fead60660d0eb3d23632c2f4d1c51f88c501c17bf32",
    "cf7104eed3e51174d2f65b66d1e5878b9da233b886f161b0d88f4510ba2c7474",
    "ecaf6d5bb8c3bc5eab9cf0258f6d2198dd474e016e374836fc097f2e5ff509ff",
    "16adf314226327ee006d1a44db8cfef52773c06c829951d5653a9f6f310248a2",
)
SOURCE = Source(
    "smallnorb",
    "SmallNORB",
    "smallnorb",
    _URL,
    tuple(
        Remote(f"{_URL}{half}-{part}.mat.gz", f"sha256:{digest}")
        for (half, part), digest in zip(product(_HALVES, _PARTS), _SHA256, strict=True)
    ),
    kinds=("folder",),
    files="the six files smallnorb-….mat.gz",
)
FACTOR_NAMES = ("category", "instance", "elevation", "azimuth", "lighting")
FACTOR_SIZES = (5, 10, 9, 18, 6)
_INSTANCE = 1
_PIXELS = 96
_TYPES = {0x1E3D4C55: np.dtype(np.uint8), 0x1E3D4C54: np.dtype("<i4")}
_PIECE = 256


class SmallNORB(ConvertedDataset):
    """The 48,600 images of both halves, of the left camera, resized from 96×96 to 64×64.

    With `instance="factor"` the five labels are the factors. Which toy is the third animal says
    nothing of the third car, so the literature's factors are the other four: `instance="extra"`
    trains on the same images, several for each combination, and has the toy in `extra_factors`.

    Notes
    -----
    Source: LeCun, Huang and Bottou, *Learning Methods for Generic Object Recognition with
    Invariance to Pose and Lighting*, CVPR 2004. Both halves, the left camera and Lanczos as in
    Locatello et al. 2019, whose four factors are those of `instance="extra"`.

    Examples
    --------
    >>> from datasets import restore
    >>> toys = restore("smallnorb", {"instance": "extra"})  # `load` would ask for the files at once
    >>> len(toys), toys.factor_names, toys.image_shape
    (48600, ('category', 'elevation', 'azimuth', 'lighting'), (1, 64, 64))
    """

    def __init__(self, values: Values, options: Values) -> None:
        self._extra = values["instance"] == "extra"
        kept = [k for k in range(len(FACTOR_SIZES)) if not (self._extra and k == _INSTANCE)]
        names, sizes = [FACTOR_NAMES[k] for k in kept], [FACTOR_SIZES[k] for k in kept]
        super().__init__(SOURCE, values, options, names, sizes, 1)
        self.is_full_grid = not self._extra
        self._all_sizes = FACTOR_SIZES

    @property
    def fingerprint(self) -> str:
        """Digest of the whole content of the files, and whether the toy is a factor."""
        return super().fingerprint + ("/extra" if self._extra else "")

    def __len__(self) -> int:
        return prod(self._all_sizes)

    def factors(self, indices: ArrayLike) -> NDArray[np.int64]:
        """Return the factors of some images; see `FactorDataset.factors`."""
        table = self._labels(indices)
        return np.delete(table, _INSTANCE, axis=1) if self._extra else table

    def extra_factors(self, indices: ArrayLike) -> dict[str, NDArray[np.int64]]:
        """Return the toy's number in its category, where it is no factor."""
        table = self._labels(indices)
        return {"instance": table[:, _INSTANCE]} if self._extra else {}

    def index(self, factors: ArrayLike) -> NDArray[np.int64]:
        """Return the image of each combination, without `instance` that of the first toy."""
        table = self.checked_factors(factors)
        if self._extra:
            table = np.insert(table, _INSTANCE, 0, axis=1)
        return np.asarray(np.ravel_multi_index(tuple(table.T), self._all_sizes), np.int64)

    def _labels(self, indices: ArrayLike) -> NDArray[np.int64]:
        numbers = checked_indices(indices, len(self))
        return np.stack(np.unravel_index(numbers, self._all_sizes), axis=1).astype(np.int64)

    def official_files(self, place: Path) -> list[Path]:
        """Return the six files."""
        return [_file(place, half, part) for half in _HALVES for part in _PARTS]

    def convert(self, place: Path, out: NDArray[np.uint8]) -> None:
        """Resize the left images, each to the place that its labels say."""
        filled = np.zeros(len(out), bool)
        for half, instances in _HALVES.items():
            n = len(out) // len(_HALVES)
            cat = _matrix(_file(place, half, "cat"), (n,), np.int32)
            info = _matrix(_file(place, half, "info"), (n, 4), np.int32)
            numbers = self._numbers(cat, info, instances, _file(place, half, "info"))
            filled[numbers] = True
            done = 0
            for pairs in _images(_file(place, half, "dat"), n):
                images = resized(pairs[:, 0], SIDE)
                out[numbers[done : done + len(pairs)]] = images.reshape(len(pairs), -1)
                done += len(pairs)
        if not filled.all():
            raise CorruptFileError(
                f"{shown(place)}: {np.count_nonzero(~filled):,} combinations of the labels have no "
                "image, and others several: the files do not belong together"
            )

    def _numbers(
        self,
        cat: NDArray[np.int64],
        info: NDArray[np.int64],
        instances: tuple[int, ...],
        path: Path,
    ) -> NDArray[np.int64]:
        """Return the index of each image, of its labels: azimuths are 0, 2, …, 34."""
        odd = (info[:, 2] % 2 != 0).any()
        table = np.column_stack([cat, info[:, 0], info[:, 1], info[:, 2] // 2, info[:, 3]])
        outside = (table < 0) | (table >= np.asarray(self._all_sizes))
        if odd or outside.any() or not np.isin(info[:, 0], instances).all():
            raise CorruptFileError(
                f"{shown(path)}: labels are not those of SmallNORB: categories 0..4, instances "
                f"{instances}, elevations 0..8, azimuths 0, 2, …, 34, lightings 0..5"
            )
        return np.asarray(np.ravel_multi_index(tuple(table.T), self._all_sizes), np.int64)


def _file(place: Path, half: str, part: str) -> Path:
    """Return a file of the folder, compressed as it is published or unpacked."""
    packed = place / f"{half}-{part}.mat.gz"
    unpacked = packed.with_suffix("")
    return unpacked if is_regular(unpacked) else packed


@contextmanager
def _opened(path: Path, shape: tuple[int, ...], dtype: type) -> Iterator[IO[bytes]]:
    """Open a file behind its header, which must announce an array of this shape and type."""
    present(path, SOURCE.label)
    try:
        with _plain(path) as stream:
            magic, n_dims = np.frombuffer(stream.read(8), "<i4", 2).tolist()
            found: tuple[int, ...] = ()
            if 0 <= n_dims <= 8:  # at least three sizes are written, whatever their number
                found = tuple(np.frombuffer(stream.read(4 * max(3, n_dims)), "<i4").tolist())
            announced = (_TYPES.get(magic), found[:n_dims])
            if announced != (np.dtype(dtype), shape):
                said = f"{announced[0] or f'of type {magic:#x}'} {announced[1]}"
                raise ValueError(f"it is {said}, expected {np.dtype(dtype)} {shape}")
            yield stream
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise CorruptFileError(
            f"{shown(path)} cannot be read as {SOURCE.title}: {error}"
        ) from error


def _plain(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _read(stream: IO[bytes], n_bytes: int) -> bytes:
    content = stream.read(n_bytes)
    if len(content) < n_bytes:
        raise EOFError("it ends before its array does")
    return content


def _check_end(stream: IO[bytes]) -> None:
    # Also for what is right: gzip compares its checksum when it comes to the end.
    if stream.read(1):
        raise ValueError("it goes on behind its array")


def _matrix(path: Path, shape: tuple[int, ...], dtype: type) -> NDArray[np.int64]:
    with _opened(path, shape, dtype) as stream:
        content = _read(stream, prod(shape) * np.dtype(dtype).itemsize)
        _check_end(stream)
    return np.frombuffer(content, dtype).reshape(shape).astype(np.int64)


def _images(path: Path, n: int) -> Iterator[NDArray[np.uint8]]:
    """Yield all pairs of images, some at a time, (n, 2, 96, 96)."""
    pair = (2, _PIXELS, _PIXELS)
    with _opened(path, (n, *pair), np.uint8) as stream:
        for start in range(0, n, _PIECE):
            count = min(_PIECE, n - start)
            yield np.frombuffer(_read(stream, count * prod(pair)), np.uint8).reshape(count, *pair)
        _check_end(stream)


def _check(values: Values) -> None:
    """Refuse files that are not there, or whose headers announce something else."""
    place = SOURCE.at(values["path"])
    n = prod(FACTOR_SIZES) // len(_HALVES)
    shapes = {"dat": (n, 2, _PIXELS, _PIXELS), "cat": (n,), "info": (n, 4)}
    for half in _HALVES:
        for part, shape in shapes.items():
            path = _file(place, half, part)
            if not path.exists():
                raise FileNotFoundError(
                    f"{SOURCE.label}: there is no {path.name} in {shown(place)}; {SOURCE.remedy()}"
                )
            dtype = np.uint8 if part == "dat" else np.int32
            with remedied(SOURCE.remedy), _opened(path, shape, dtype):
                pass


def _load(values: Values, options: Values) -> FactorDataset:
    return SmallNORB(values, options)


INFO = DatasetInfo(
    "smallnorb",
    "50 toys of 5 categories, 9 elevations, 18 azimuths, 6 lightings; official files, to 64×64",
    {
        "instance": Option(
            "factor",
            str,
            "whether the toy of a category is a factor, or extra as in the literature",
            choices=("factor", "extra"),
        ),
        "path": PATH,
    },
    _load,
    check=_check,
    download=SOURCE.download,
)
