"""Small files in the layouts of the official ones, and the sizes that the code takes them for.

Every image has a bar for each factor, whose length is the factor's value.
"""

from __future__ import annotations

import dataclasses
import gzip
import io
import math
import struct
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import h5py
import numpy as np
from scipy.io import savemat

from datasets import cars3d, mpi3d, shapes3d, smallnorb
from datasets._cache import file_digest
from datasets._sources import Source

SIZES = {
    "shapes3d": (3, 2, 2, 2, 2, 3),
    "mpi3d_toy": (2, 2, 2, 2, 2, 3, 2),
    "mpi3d_realistic": (2, 2, 2, 2, 2, 3, 2),
    "mpi3d_real": (2, 2, 2, 2, 2, 3, 2),
    "mpi3d_complex": (3, 2, 2, 1, 2, 3, 2),
    "cars3d": (4, 24, 2),
    "smallnorb": (2, 10, 2, 2, 2),
}


def pictures(sizes: tuple[int, ...], side: int, channels: int = 3) -> np.ndarray:
    """Return an image for every combination, uint8 (n, side, side, channels)."""
    factors = np.stack(np.unravel_index(np.arange(math.prod(sizes)), sizes), axis=1)
    images = np.zeros((len(factors), side, side, channels), np.uint8)
    height = side // len(sizes)
    for k, size in enumerate(sizes):
        lengths = (factors[:, k] + 1) * side // (size + 1)
        bar = np.arange(side) < lengths[:, None]
        rows = slice(k * height, k * height + height - 2)
        images[:, rows, :, k % channels] = np.where(bar, 255, 0)[:, None]
        images[:, rows, :, (k + 1) % channels] |= np.where(bar, 40 * k, 0)[:, None].astype(np.uint8)
    return images


def shapes3d_arrays(sizes: tuple[int, ...] = SIZES["shapes3d"]) -> dict[str, np.ndarray]:
    factors = np.stack(np.unravel_index(np.arange(math.prod(sizes)), sizes), axis=1)
    # As in the official file values rise with the index, and are no indices.
    labels = factors * [0.1, 0.1, 0.1, 0.07, 1, 4.3] + [0, 0, 0, 0.75, 0, -30]
    return {"images": pictures(sizes, 64), "labels": labels}


def write_h5(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array, chunks=True, compression="gzip")
    return path


def write_shapes3d(folder: Path) -> Path:
    return write_h5(folder / "3dshapes.h5", shapes3d_arrays())


def write_mpi3d(name: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / mpi3d.LAYOUTS[name].source.place
        np.savez(path, images=pictures(SIZES[name], 64))
        return path

    return write


def cars_list(n_cars: int) -> list[str]:
    return [f"car_{number:03d}_mesh" for number in range(n_cars, 0, -1)]  # in no order of names


def cars_meshes(n_cars: int = SIZES["cars3d"][2]) -> dict[str, bytes]:
    """Return the content of each car's file by its name."""
    images = pictures((4, 24, n_cars), 128).reshape(4, 24, n_cars, 128, 128, 3)
    meshes = {}
    for number, name in enumerate(cars_list(n_cars)):
        stream = io.BytesIO()
        mesh = images[:, :, number].transpose(2, 3, 4, 1, 0)
        savemat(stream, {"im": mesh, "mask": np.ones((2, 2), np.uint8)}, do_compression=True)
        meshes[f"{name}.mat"] = stream.getvalue()
    return meshes


def write_cars3d(folder: Path) -> Path:
    path = folder / "nips2015-analogy-data.tar.gz"
    listed = "".join(f"{name}\n" for name in cars_list(SIZES["cars3d"][2])).encode()
    members = {**cars_meshes(), "list.txt": listed}  # the list after the cars, as may be
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name, content in {"data/sprites/note.txt": b"no car", **members}.items():
            member = tarfile.TarInfo(name if "/" in name else f"data/cars/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def matrix(array: np.ndarray) -> bytes:
    """Return an array as a file of NORB: type, number of sizes, three sizes at least, content."""
    magic = 0x1E3D4C55 if array.dtype == np.uint8 else 0x1E3D4C54
    sizes = [*array.shape, *[1] * (3 - array.ndim)]
    return struct.pack(f"<ii{len(sizes)}i", magic, array.ndim, *sizes) + array.tobytes()


def smallnorb_arrays(sizes: tuple[int, ...] = SIZES["smallnorb"]) -> dict[str, np.ndarray]:
    """Return the arrays by the ends of their files' names, in an order that is not the grid's."""
    factors = np.stack(np.unravel_index(np.arange(math.prod(sizes)), sizes), axis=1)
    images = pictures(sizes, 96, 1)[..., 0]
    arrays = {}
    for half, instances in smallnorb._HALVES.items():
        rows = np.flatnonzero(np.isin(factors[:, 1], instances))
        rows = np.random.default_rng(3).permutation(rows)
        table = factors[rows].astype("<i4")
        table[:, 3] *= 2
        arrays[f"{half}-dat"] = np.stack([images[rows], 255 - images[rows]], axis=1)
        arrays[f"{half}-cat"] = table[:, 0].copy()
        arrays[f"{half}-info"] = table[:, 1:].copy()
    return arrays


def write_smallnorb(folder: Path) -> Path:
    place = folder / "smallnorb"
    place.mkdir()
    for name, array in smallnorb_arrays().items():
        with gzip.open(place / f"{name}.mat.gz", "wb", compresslevel=1) as stream:
            stream.write(matrix(array))
    return place


WRITERS: dict[str, Callable[[Path], Path]] = {
    "shapes3d": write_shapes3d,
    **{name: write_mpi3d(name) for name in mpi3d.LAYOUTS},
    "cars3d": write_cars3d,
    "smallnorb": write_smallnorb,
}


def shrink(
    set_attribute: Callable[[object, str, object], None] = setattr,
    paths: Mapping[str, Path] | None = None,
) -> None:
    """Let the code take the small files for the official ones; at `paths` are the published."""
    small = dataclasses.replace(shapes3d.LAYOUT, factor_sizes=SIZES["shapes3d"])
    if paths is not None:
        small = dataclasses.replace(small, source=_published(small.source, paths))
        for module in (cars3d, smallnorb):
            set_attribute(module, "SOURCE", _published(module.SOURCE, paths))
    set_attribute(shapes3d, "LAYOUT", small)
    layouts = {
        name: dataclasses.replace(layout, factor_sizes=SIZES[name])
        for name, layout in mpi3d.LAYOUTS.items()
    }
    set_attribute(mpi3d, "LAYOUTS", layouts)
    set_attribute(cars3d, "FACTOR_SIZES", SIZES["cars3d"])
    set_attribute(smallnorb, "FACTOR_SIZES", SIZES["smallnorb"])


def _published(source: Source, paths: Mapping[str, Path]) -> Source:
    """Return the source whose published checksums are those of these files."""
    place = paths[source.name]
    remotes = []
    for remote in source.remotes:
        algorithm = remote.checksum.split(":")[0]
        digest = file_digest(place / remote.file_name if place.is_dir() else place, algorithm)
        remotes.append(dataclasses.replace(remote, checksum=f"{algorithm}:{digest}"))
    return dataclasses.replace(source, remotes=tuple(remotes))
