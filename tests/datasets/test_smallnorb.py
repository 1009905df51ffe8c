"""SmallNORB from its six files, on small ones of the same form."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import numpy as np
import pytest

from datasets import load

from .official_files import matrix, smallnorb_arrays


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DISBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def norb_folder(folder: Path, **changed: bytes) -> Path:
    """Write the six files unpacked, some of them with another content."""
    folder.mkdir()
    contents = {name: matrix(array) for name, array in smallnorb_arrays().items()}
    for name in contents:
        for end, content in changed.items():
            if name.endswith(end.replace("_", "-")):
                contents[name] = content
        (folder / f"{name}.mat").write_bytes(contents[name])
    return folder


def test_unpacked_files_of_norb_are_read_too(small_official, tmp_path):
    data = load("smallnorb", path=str(norb_folder(tmp_path / "norb")))
    packed = load("smallnorb", path=str(small_official["smallnorb"]))
    every = np.arange(len(data))
    np.testing.assert_array_equal(data.images(every), packed.images(every))


def test_the_toy_is_extra_where_it_is_no_factor(small_official):
    path = str(small_official["smallnorb"])
    whole, data = load("smallnorb", path=path), load("smallnorb", path=path, instance="extra")
    every = np.arange(len(data))
    np.testing.assert_array_equal(data.images(every), whole.images(every))
    labels = whole.factors(every)
    np.testing.assert_array_equal(data.factors(every), labels[:, [0, 2, 3, 4]])
    np.testing.assert_array_equal(data.extra_factors(every)["instance"], labels[:, 1])
    assert whole.extra_factors(every) == {}
    assert not data.is_full_grid
    # The first of the ten with the combination.
    first = data.index(data.factors(every))
    np.testing.assert_array_equal(data.factors(first), data.factors(every))
    assert (labels[first, 1] == 0).all()


NORB = smallnorb_arrays()
CAT, INFO_TABLE, DAT = (
    next(array for name, array in NORB.items() if name.endswith(f"training-{part}"))
    for part in ("cat", "info", "dat")
)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"training_dat": matrix(DAT[:-1])}, r"it is uint8 \(79, 2, 96, 96\), expected uint8"),
        ({"training_dat": matrix(DAT[:, :, ::2, ::2])}, r"\(80, 2, 48, 48\)"),
        ({"testing_cat": matrix(CAT.astype(np.uint8))}, r"it is uint8 \(80,\), expected int32"),
        ({"testing_info": struct.pack("<ii3i", 0x1E3D4C51, 2, 80, 4, 1)}, "of type 0x1e3d4c51"),
        ({"testing_info": b"short"}, "cannot be read as SmallNORB"),
    ],
)
def test_other_headers_of_norb_are_refused_at_once(small_official, tmp_path, changed, message):
    with pytest.raises(ValueError, match=message):
        load("smallnorb", path=str(norb_folder(tmp_path / "norb", **changed)))


WRONG_INSTANCE = INFO_TABLE.copy()
WRONG_INSTANCE[0, 0] = 3  # of the other half
ODD = INFO_TABLE.copy()
ODD[5, 2] += 1


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"training_dat": matrix(DAT)[:-100]}, "it ends before its array does"),
        ({"training_dat": matrix(DAT) + b"1"}, "it goes on behind its array"),
        ({"training_info": matrix(INFO_TABLE) + b"1"}, "it goes on behind its array"),
        ({"training_info": matrix(WRONG_INSTANCE)}, "labels are not those of SmallNORB"),
        ({"training_info": matrix(ODD)}, "labels are not those of SmallNORB"),
        ({"training_cat": matrix(CAT + 1)}, "labels are not those of SmallNORB"),
        ({"training_cat": matrix(CAT[::-1].copy())}, "combinations of the labels have no image"),
    ],
)
def test_other_contents_of_norb_are_refused(small_official, tmp_path, cache, changed, message):
    data = load("smallnorb", path=str(norb_folder(tmp_path / "norb", **changed)))
    with pytest.raises(ValueError, match=message):
        data.images([0])
    assert not list(cache.glob("*.npy"))


@pytest.mark.filterwarnings("ignore:.* is not the published file")
def test_a_missing_or_damaged_file_of_norb_is_named(small_official, tmp_path):
    folder = tmp_path / "norb"
    shutil.copytree(small_official["smallnorb"], folder)
    place = next(folder.glob("*testing-dat*"))
    whole = place.read_bytes()
    place.write_bytes(whole[: len(whole) // 2])
    data = load("smallnorb", path=str(folder))
    with pytest.raises(ValueError, match=r"testing-dat.mat.gz cannot be read as SmallNORB"):
        data.images([0])
    place.write_bytes(whole[:-8] + bytes(4) + whole[-4:])  # as if the content were damaged
    with pytest.raises(ValueError, match=r"testing-dat.mat.gz cannot .* CRC check failed"):
        load("smallnorb", path=str(folder)).images([0])
    place.unlink()
    with pytest.raises(FileNotFoundError, match=r"no smallnorb-\S*testing-dat.mat.gz in .*; get"):
        load("smallnorb", path=str(folder))
