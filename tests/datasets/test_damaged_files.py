"""Files that are damaged or others: complaints name the file, what is wrong, and the remedy."""

from __future__ import annotations

import os
import re
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from datasets import _file, _known, load, mpi3d

from .official_files import cars_list, cars_meshes, matrix, smallnorb_arrays, write_h5
from .test_smallnorb import norb_folder

Damage = Callable[[Path], object]


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _zeros(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def _a_page(path: Path) -> None:
    path.write_text("<html>404: not found</html>\n" * 100)


def _flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _rewritten(change: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]) -> Damage:
    """Write the arrays of an npz or an HDF5 file again, changed."""

    def rewrite(path: Path) -> None:
        if path.suffix == ".h5":
            with h5py.File(path) as file:
                arrays = {key: np.asarray(file[key]) for key in file}
            write_h5(path, change(arrays))
        else:
            with np.load(path) as file:
                arrays = dict(file)
            np.savez(path, **change(arrays))

    return rewrite


CONTENT: dict[str, Damage] = {
    "empty": _empty,
    "truncated": _truncated,
    "zeros": _zeros,
    "a page": _a_page,
    "flipped": _flipped,
}
ARRAYS: dict[str, tuple[Damage, str]] = {
    "type": (
        _rewritten(lambda a: {**a, "images": a["images"].astype(float)}),
        r"array 'images' is float64 .*, but that of [SM]\w+3D.* is uint8 .*: it is another file",
    ),
    "shape": (
        _rewritten(lambda a: {**a, "images": a["images"][:-1]}),
        r"array 'images' is uint8 .* or an incomplete one",
    ),
    "another array": (
        _rewritten(lambda a: {"pictures": a.pop("images"), **a}),
        r"has no array 'images'; it has: .*pictures; [SM]\w+3D.* has one",
    ),
}
LABELS: dict[str, tuple[Damage, str]] = {
    "order": (
        _rewritten(lambda a: {**a, "labels": a["labels"][::-1]}),
        "array 'labels' has image 0 at value 2 of floor_hue, .* the images are in another order",
    ),
    "no labels": (
        _rewritten(lambda a: {"images": a["images"]}),
        "has no array 'labels'; it has: images; Shapes3D has one",
    ),
}
GET = r"get {} from https?://\S+ and name it by the option path, or put it into \S+cache"
REMEDIES = {
    "shapes3d": GET.format("3dshapes.h5")
    + ", or run 'disbench datasets download shapes3d' where there is a network",
    **{name: GET.format(re.escape(layout.source.place)) for name, layout in mpi3d.LAYOUTS.items()},
    "cars3d": GET.format("nips2015-analogy-data.tar.gz")
    + ", or run 'disbench datasets download cars3d' where there is a network",
    "smallnorb": r"get the six files smallnorb-….mat.gz from https://\S+ into one folder, and name "
    r"that folder by the option path, or make it \S+cache/smallnorb, or run 'disbench datasets "
    "download smallnorb' where there is a network",
    "dsprites": r"put dsprites_ndarray\S+.npz \(or .hdf5\) from https://\S+ into \S+cache, or give "
    "its place by the option path, or run 'disbench datasets download dsprites' where there is a "
    'network; or use source="render", which draws the same set',
    "scream_dsprites": r"get https://\S+The_Scream.jpg, or take any other picture, and name it by "
    "the option picture",
    "file": "write it again with numpy.savez or h5py, as in docs/datasets.md, Your own data",
}
READ = (
    r"(cannot be read as|is no tar archive|has no cars/list.txt|is not the official dSprites file)"
)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DISBENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def copied(small_official, own_file, picture, tmp_path):
    """Make a sound file of a dataset: its options, and the file that is to be damaged."""

    def copy(name: str) -> tuple[dict[str, Any], Path]:
        if name == "scream_dsprites":
            return {"picture": str(picture)}, picture
        if name in ("file", "dsprites"):
            options = {"source": "official"} if name == "dsprites" else {}
            np.savez(own_file, images=np.zeros((2, 64, 64)), factors=[0, 1])
            return {"path": str(own_file), **options}, own_file
        place = tmp_path / small_official[name].name
        if name == "smallnorb":
            shutil.copytree(small_official[name], place)
            return {"path": str(place)}, next(place.glob("*training-dat.mat.gz"))
        shutil.copy(small_official[name], place)
        return {"path": str(place)}, place

    return copy


def complaint(name: str, options: dict[str, Any]) -> str:
    """Return the error of reading an image, which is said on one line; warnings are no error."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".* is not the published file")
        with pytest.raises((ValueError, FileNotFoundError)) as refused:
            load(name, **options).images([0])
    said = str(refused.value)
    assert said.isprintable()
    return said


def check(said: str, place: str, wrong: str, name: str) -> None:
    found = re.search(rf"{re.escape(place)}.*{wrong}.*(; |Remove it and ){REMEDIES[name]}$", said)
    assert found, said
    assert len(re.findall(REMEDIES[name], said)) == 1


@pytest.mark.parametrize("damage", CONTENT)
@pytest.mark.parametrize("name", REMEDIES)
def test_content(copied, name, damage):
    options, path = copied(name)
    CONTENT[damage](path)
    check(complaint(name, options), path.name, READ, name)


@pytest.mark.parametrize(
    ("name", "damage"),
    [(name, damage) for name in ("shapes3d", *mpi3d.LAYOUTS) for damage in ARRAYS]
    + [("shapes3d", damage) for damage in LABELS],
)
def test_arrays(copied, name, damage):
    options, path = copied(name)
    change, wrong = {**ARRAYS, **LABELS}[damage]
    change(path)
    check(complaint(name, options), path.name, wrong, name)


@pytest.mark.parametrize("name", ["shapes3d", *mpi3d.LAYOUTS, "file", "dsprites"])
def test_another_ending(copied, name):
    options, path = copied(name)
    renamed = path.rename(path.with_suffix(".zip"))
    said = complaint(name, {**options, "path": str(renamed)})
    check(said, renamed.name, r"(must )?ends? in .npz", name)


@pytest.mark.parametrize("damage", CONTENT)
@pytest.mark.parametrize("name", ["shapes3d", "mpi3d_toy", "file"])
def test_content_of_large_files(copied, name, damage, monkeypatch):
    monkeypatch.setattr(_known, "LARGE", 1)
    monkeypatch.setattr(_file, "LARGE", 1)
    test_content(copied, name, damage)


MESH = f"{cars_list(2)[0]}.mat"
CARS: dict[str, tuple[Damage, str]] = {
    "a mesh of text": (lambda cars: _a_page(cars / MESH), "cannot be read as a MATLAB file"),
    "another mesh": (
        lambda cars: savemat(cars / MESH, {"im": np.zeros((2, 2))}),
        r"car 1 of list.txt has im of float64 \(2, 2\), expected uint8",
    ),
    "no mesh": (lambda cars: (cars / MESH).unlink(), f"lacks 1 of the 2 cars, {MESH} first"),
    "no list": (lambda cars: (cars / "list.txt").unlink(), "has no list.txt"),
    "an empty list": (
        lambda cars: _empty(cars / "list.txt"),
        "list.txt must name 2 different cars",
    ),
    "a list of bytes": (
        lambda cars: (cars / "list.txt").write_bytes(b"\xff\xfe"),
        "list.txt cannot be read: 'utf-8' codec",
    ),
}


@pytest.mark.parametrize("damage", CARS)
def test_folder_of_cars(small_official, tmp_path, damage):
    folder = tmp_path / "cars"
    folder.mkdir()
    for file_name, content in cars_meshes().items():
        (folder / file_name).write_bytes(content)
    (folder / "list.txt").write_text("\n".join(cars_list(2)))
    change, wrong = CARS[damage]
    change(folder)
    check(complaint("cars3d", {"path": str(folder)}), "cars", wrong, "cars3d")


TABLE = smallnorb_arrays()
CAT = next(table for name, table in TABLE.items() if name.endswith("training-cat"))
NORB = {
    "type": (CAT.astype(np.uint8), r"it is uint8 \(80,\), expected int32"),
    "shape": (CAT[:-1], r"it is int32 \(79,\), expected int32"),
    "labels": (CAT + 7, "labels are not those of SmallNORB"),
    "order": (CAT[::-1].copy(), "combinations of the labels have no image"),
}


@pytest.mark.parametrize("damage", NORB)
def test_labels_of_norb(small_official, tmp_path, damage):
    table, wrong = NORB[damage]
    folder = norb_folder(tmp_path / "norb", training_cat=matrix(table))
    check(complaint("smallnorb", {"path": str(folder)}), "norb", wrong, "smallnorb")


def test_a_missing_file_of_norb(copied):
    options, path = copied("smallnorb")
    path.unlink()
    check(complaint("smallnorb", options), path.name, "", "smallnorb")
