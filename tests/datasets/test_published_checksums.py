"""Files that can be read but are not the published ones: one warning, with the remedy."""

from __future__ import annotations

import gzip
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from datasets import load

from .official_files import SIZES, pictures, shapes3d_arrays


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DISBENCH_CACHE", str(tmp_path / "cache"))


def _a_pixel(path: Path) -> Path:
    """Change a byte of the images, of which HDF5 has no checksum."""
    arrays = shapes3d_arrays()
    arrays["images"][0, 0, 0, 0] ^= 1
    with h5py.File(path, "w") as file:
        for key, array in arrays.items():
            file.create_dataset(key, data=array)
    return path


def _packed_again(path: Path) -> Path:
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), 9, mtime=1))
    return path


def _one_packed_again(folder: Path) -> Path:
    return _packed_again(next(folder.glob("*testing-cat.mat.gz")))


CHANGES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "shapes3d": (_a_pixel, "SHA256"),
    "cars3d": (_packed_again, "MD5"),
    "smallnorb": (_one_packed_again, "SHA256"),
}


# Images of Shapes3D that are read where they lie take no digest.
USES = [(name, "fingerprint") for name in CHANGES] + [("cars3d", "images"), ("smallnorb", "images")]


@pytest.mark.parametrize(("name", "use"), USES)
def test_another_content_is_warned_of_once(small_official, tmp_path, name, use):
    place = tmp_path / f"mine{small_official[name].suffix}"  # one file may have any name
    copy = shutil.copytree if small_official[name].is_dir() else shutil.copy
    copy(small_official[name], place)
    change, algorithm = CHANGES[name]
    changed = change(place)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            data = load(name, path=str(place))
            data.images([0]) if use == "images" else data.fingerprint
    (warning,) = caught
    said = str(warning.message)
    assert said.isprintable()
    assert f"{changed} is not the published file of " in said
    assert f": its {algorithm} is " in said
    assert "It is damaged or another version; get " in said
    assert said.endswith(f"or run 'disbench datasets download {name}' where there is a network")


@pytest.mark.parametrize("name", CHANGES)
def test_the_published_files_are_not_warned_of(small_official, tmp_path, name):
    assert load(name, path=str(small_official[name])).fingerprint.startswith(f"{name}/1/")


def test_another_format_is_not_compared(small_official, tmp_path):
    np.savez(tmp_path / "3dshapes.npz", **shapes3d_arrays())
    data = load("shapes3d", path=str(tmp_path / "3dshapes.npz"))
    assert data.fingerprint
    expected = np.moveaxis(pictures(SIZES["shapes3d"], 64)[[5]], 3, 1)
    np.testing.assert_array_equal(data.images([5]), expected)


def test_mpi3d_is_not_compared(small_official):
    for name in ("mpi3d_toy", "mpi3d_realistic", "mpi3d_real", "mpi3d_complex"):
        assert load(name, path=str(small_official[name])).fingerprint
