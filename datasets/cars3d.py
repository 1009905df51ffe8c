"""Cars3D (Reed et al. 2015): 183 cars from every side, rendered in colour."""

from __future__ import annotations

import gzip
import io
import re
import tarfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from ._base import FactorDataset
from ._cache import read_small
from ._converted import SIDE, ConvertedDataset
from ._damaged import CorruptFileError, remedied
from ._grid_file import PATH
from ._paths import present, shown
from ._registry import DatasetInfo, Values
from ._resize import resized
from ._sources import Remote, Source

_URL = "http://www.scottreed.info/files/nips2015-analogy-data.tar.gz"
SOURCE = Source(
    "cars3d",
    "Cars3D",
    "nips2015-analogy-data.tar.gz",
    _URL,
    (Remote(_URL, "md5:4e866a7919c1beedf53964e6f7a23686"),),
    kinds=("file", "folder"),
)
FACTOR_NAMES = ("elevation", "azimuth", "object")
FACTOR_SIZES = (4, 24, 183)
# Height, width, channels, azimuth, elevation of the array `im` of a car's file.
_MESH = (128, 128, 3, 24, 4)
_MESH_NAME = re.compile(r"car_\d+_mesh\.mat")
# A car's file is smaller: what is larger is none.
_MOST_BYTES = 2**26
_UNREADABLE = (tarfile.TarError, EOFError, OSError, zlib.error)


class Cars3D(ConvertedDataset):
    """The 17,568 images of Cars3D, resized from 128×128 to 64×64 as the literature does.

    From the official archive, or from its folder `data/cars`. Cars are numbered as its `list.txt`
    has them; disentanglement_lib numbers them as the system happens to list the folder.

    Notes
    -----
    Source: Reed, Zhang, Zhang and Lee, *Deep Visual Analogy-Making*, NeurIPS 2015. Resized by
    Lanczos, as in Locatello et al. 2019 (`PIL.Image.thumbnail` with ANTIALIAS).

    Examples
    --------
    >>> from datasets import restore
    >>> cars = restore("cars3d", {})  # `load` would ask for the files at once
    >>> len(cars), cars.factor_names, cars.image_shape
    (17568, ('elevation', 'azimuth', 'object'), (3, 64, 64))
    """

    def official_files(self, place: Path) -> list[Path]:
        """Return the archive, or the list and the cars' files."""
        if not place.is_dir():
            return [place]
        return [place / name for name in ("list.txt", *_in_folder(place))]

    def convert(self, place: Path, out: NDArray[np.uint8]) -> None:
        """Resize every image, a car at a time."""
        images = out.reshape(*self.factor_sizes, 3, SIDE, SIDE)
        n_found = 0
        for number, content in _meshes(place, self.factor_sizes[2]):
            mesh = _mesh(content, f"{shown(place)}: car {number + 1} of list.txt")
            images[:, :, number] = resized(mesh.transpose(4, 3, 2, 0, 1), SIDE)
            n_found += 1
        if n_found != self.factor_sizes[2]:
            raise CorruptFileError(
                f"{shown(place)} has {n_found} of the {self.factor_sizes[2]} cars: it is incomplete"
            )


def _meshes(place: Path, n_cars: int) -> Iterator[tuple[int, bytes]]:
    """Yield every car's number and the content of its file."""
    if place.is_dir():
        for file_name, number in _listed(place, n_cars).items():
            yield number, present(place / file_name, SOURCE.label).read_bytes()
        return
    try:
        # Streams: the archive is compressed as a whole, and has no place to jump to.
        with closing(_members(place)) as members:
            numbers = next(
                (
                    _numbered(_content(archive, member).decode(), place, n_cars)
                    for archive, member in members
                    if PurePosixPath(member.name).parts[-2:] == ("cars", "list.txt")
                ),
                None,
            )
        if numbers is None:
            raise CorruptFileError(f"{shown(place)} has no cars/list.txt: it is not {SOURCE.place}")
        for archive, member in _members(place):
            name = PurePosixPath(member.name)
            if name.parts[-2:-1] == ("cars",) and name.name in numbers:
                yield numbers[name.name], _content(archive, member)
    except (*_UNREADABLE, UnicodeDecodeError) as error:
        raise CorruptFileError(
            f"{shown(place)} cannot be read as {SOURCE.place}: {error}; it is incomplete or "
            "another file"
        ) from error


def _members(place: Path) -> Generator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """Yield the members of the archive, and read on to the end, where gzip has its checksum.

    The streams of tarfile itself never compare it.
    """
    with place.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        with (
            cast("IO[bytes]", gzip.open(file)) if packed else file as stream,
            tarfile.open(fileobj=stream, mode="r|*") as archive,
        ):
            for member in archive:
                yield archive, member
            while stream.read(_MOST_BYTES):
                pass


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = archive.extractfile(member) if member.isreg() else None
    if stream is None or member.size > _MOST_BYTES:
        raise tarfile.TarError(f"{shown(member.name)} is no small file")
    return stream.read()


def _listed(place: Path, n_cars: int) -> dict[str, int]:
    """Return the number of each car's file in a folder of them."""
    try:
        return _numbered(read_small(place / "list.txt"), place, n_cars)
    except (OSError, UnicodeDecodeError) as error:
        raise CorruptFileError(f"{shown(place / 'list.txt')} cannot be read: {error}") from error


def _numbered(listed: str, place: Path, n_cars: int) -> dict[str, int]:
    """Return the number of each car's file, which `list.txt` names without its ending."""
    names = [f"{line.strip()}.mat" for line in listed.splitlines() if line.strip()]
    if len(set(names)) != n_cars or not all(map(_MESH_NAME.fullmatch, names)):
        raise CorruptFileError(
            f"{shown(place)}: list.txt must name {n_cars} different cars as car_001_mesh, got "
            f"{len(set(names))} names, the first {shown(names[0]) if names else 'none'}"
        )
    return {name: number for number, name in enumerate(names)}


def _in_folder(place: Path) -> list[str]:
    return sorted(path.name for path in place.iterdir() if _MESH_NAME.fullmatch(path.name))


def _mesh(content: bytes, label: str) -> NDArray[np.uint8]:
    """Return the array `im` of a car's file."""
    from scipy.io import loadmat

    try:
        # scipy's stubs know no stream without a name.
        mesh = loadmat(cast("str", io.BytesIO(content)), variable_names=["im"])["im"]
    except Exception as error:  # scipy raises whatever the bytes make it stumble over
        raise CorruptFileError(f"{label} cannot be read as a MATLAB file: {error}") from error
    if (mesh.dtype, mesh.shape) != (np.uint8, _MESH):
        found = f"{mesh.dtype} {mesh.shape}"
        raise CorruptFileError(f"{label} has im of {found}, expected uint8 {_MESH}")
    return np.asarray(mesh)


def _check(values: Values) -> None:
    """Refuse what is not there or cannot be the archive or its folder, reading little of it."""
    place = SOURCE.at(values["path"])
    with remedied(SOURCE.remedy):
        _check_folder(place) if place.is_dir() else _check_archive(place)


def _check_folder(place: Path) -> None:
    if not (place / "list.txt").is_file():
        raise CorruptFileError(
            f"{SOURCE.label}: {shown(place)} has no list.txt; name the folder data/cars of "
            f"{SOURCE.place}, or the archive itself"
        )
    missing = sorted(_listed(place, FACTOR_SIZES[2]).keys() - set(_in_folder(place)))
    if missing:
        raise CorruptFileError(
            f"{SOURCE.label}: {shown(place)} lacks {len(missing)} of the {FACTOR_SIZES[2]} "
            f"cars, {missing[0]} first"
        )


def _check_archive(place: Path) -> None:
    try:
        with closing(_members(place)) as members:
            next(members, None)
    except _UNREADABLE as error:
        raise CorruptFileError(
            f"{SOURCE.label}: {shown(place)} is no tar archive ({error})"
        ) from error


def _load(values: Values, options: Values) -> FactorDataset:
    return Cars3D(SOURCE, values, options, FACTOR_NAMES, FACTOR_SIZES, 3)


INFO = DatasetInfo(
    "cars3d",
    "183 cars at 24 azimuths and 4 elevations, rendered; official files, resized to 64×64",
    {"path": PATH},
    _load,
    check=_check,
    download=SOURCE.download,
)
