"""Cars3D from its archive and its folder, on small files of the same form."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from datasets import load

from .official_files import SIZES, cars_list, cars_meshes, pictures


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DISBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_cars_are_resized_as_in_the_literature(small_official):
    data = load("cars3d", path=str(small_official["cars3d"]))
    picture = Image.fromarray(pictures(SIZES["cars3d"], 128)[77])
    picture.thumbnail((64, 64), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(data.images([77])[0].transpose(1, 2, 0), picture)


def cars_folder(folder: Path) -> Path:
    folder.mkdir()
    for name, content in cars_meshes().items():
        (folder / name).write_bytes(content)
    (folder / "list.txt").write_text("\n".join(cars_list(2)))
    return folder


def test_cars_of_a_folder_are_those_of_the_archive(small_official, tmp_path):
    data = load("cars3d", path=str(cars_folder(tmp_path / "cars")))
    archive = load("cars3d", path=str(small_official["cars3d"]))
    every = np.arange(len(data))
    np.testing.assert_array_equal(data.images(every), archive.images(every))


def test_an_unpacked_archive_of_cars_is_read_too(small_official, tmp_path):
    path = tmp_path / "nips2015-analogy-data.tar"
    path.write_bytes(gzip.decompress(small_official["cars3d"].read_bytes()))
    data = load("cars3d", path=str(path))
    archive = load("cars3d", path=str(small_official["cars3d"]))
    every = np.arange(len(data))
    np.testing.assert_array_equal(data.images(every), archive.images(every))


def test_folders_of_cars_that_are_incomplete_are_refused(small_official, tmp_path):
    folder = cars_folder(tmp_path / "cars")
    (folder / "car_001_mesh.mat").unlink()
    with pytest.raises(ValueError, match=r"lacks 1 of the 2 cars, car_001_mesh.mat first"):
        load("cars3d", path=str(folder))
    (folder / "list.txt").write_text("car_002_mesh\n")
    with pytest.raises(ValueError, match=r"list.txt must name 2 different cars .* got 1 names"):
        load("cars3d", path=str(folder))
    (folder / "list.txt").write_text("../../x\ncar_002_mesh")
    with pytest.raises(ValueError, match=r"list.txt must name 2 different cars"):
        load("cars3d", path=str(folder))
    (folder / "list.txt").unlink()
    with pytest.raises(ValueError, match=r"has no list.txt; name the folder data/cars"):
        load("cars3d", path=str(folder))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no MATLAB", "car 1 of list.txt cannot be read as a MATLAB file"),
        ({"im": np.zeros((128, 128, 3, 4, 24), np.uint8)}, r"uint8 \(128, 128, 3, 4, 24\), expect"),
        ({"im": np.zeros((128, 128, 3, 24, 4))}, "im of float64"),
        ({"mask": np.zeros(3)}, "cannot be read as a MATLAB file"),
    ],
)
def test_files_of_cars_that_are_none_are_refused(small_official, tmp_path, cache, content, message):
    folder = cars_folder(tmp_path / "cars")
    place = folder / f"{cars_list(2)[0]}.mat"
    place.write_bytes(content) if isinstance(content, bytes) else savemat(place, content)
    with pytest.raises(ValueError, match=message):
        load("cars3d", path=str(folder)).images([0])
    assert not list(cache.glob("*.npy"))


@pytest.mark.filterwarnings("ignore:.* is not the published file")
def test_archives_that_are_not_the_cars_are_refused(small_official, tmp_path, cache):
    path = tmp_path / "cars.tar.gz"
    path.write_bytes(b"no archive at all")
    with pytest.raises(ValueError, match=r"is no tar archive .* get nips2015-analogy-data.tar.gz"):
        load("cars3d", path=str(path))
    whole = small_official["cars3d"].read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="incomplete or another file"):
        load("cars3d", path=str(path)).images([0])
    path.write_bytes(whole[:-8] + bytes(4) + whole[-4:])  # as if the content were damaged
    with pytest.raises(ValueError, match=r"CRC check failed .* another file; get nips2015"):
        load("cars3d", path=str(path)).images([0])
    with tarfile.open(path, "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("data/other.txt"), io.BytesIO())
    with pytest.raises(ValueError, match=r"has no cars/list.txt: it is not nips2015"):
        load("cars3d", path=str(path)).images([0])
    with tarfile.open(path, "w:gz") as archive:
        listed = "\n".join(cars_list(2)).encode()
        member = tarfile.TarInfo("data/cars/list.txt")
        member.size = len(listed)
        archive.addfile(member, io.BytesIO(listed))
    with pytest.raises(ValueError, match="has 0 of the 2 cars: it is incomplete"):
        load("cars3d", path=str(path)).images([0])
    assert not list(cache.glob("*.npy"))
