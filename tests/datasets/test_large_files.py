"""Files larger than what a process may hold: the same images, in little memory, read once."""

from __future__ import annotations

import json
import os
import threading
import tracemalloc
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from datasets import _file, _known, from_arrays, from_file

from .test_arrays import FACTORS, IMAGES

KINDS = {
    "grey": IMAGES,
    "channels last": np.stack([IMAGES, IMAGES // 2, 255 - IMAGES], axis=3),
    "bool": IMAGES > 99,
    "zero and one": (IMAGES > 99).astype(np.uint8),
    "float": (IMAGES / 255).astype(">f4"),
    "half": (IMAGES / 255).astype(np.float16),
}


def _npz(path: Path, images: np.ndarray) -> None:
    np.savez(path, images=images, factors=FACTORS)


def _packed_npz(path: Path, images: np.ndarray) -> None:
    np.savez_compressed(path, images=images, factors=FACTORS)


def _h5(**storage):
    def write(path: Path, images: np.ndarray) -> None:
        with h5py.File(path, "w", userblock_size=512) as file:
            file.create_dataset("deep/images", data=images, **storage)
            file["images"], file["factors"] = file["deep/images"], FACTORS

    return write


WRITERS = {
    "stored.npz": _npz,
    "packed.npz": _packed_npz,
    "whole.h5": _h5(),
    "gzip.h5": _h5(compression="gzip"),
    "chunks.hdf5": _h5(chunks=True, fletcher32=True),
}
UNPACKED = ("packed.npz", "gzip.h5", "chunks.hdf5")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Take every file for a large one."""
    monkeypatch.setattr(_known, "LARGE", 1)
    monkeypatch.setattr(_file, "LARGE", 1)
    monkeypatch.setattr(_file, "PIECE_BYTES", 64)
    monkeypatch.setenv("DISBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def written(tmp_path: Path, name: str, images: np.ndarray = IMAGES) -> Path:
    path = tmp_path / name
    WRITERS[name](path, images)
    os.utime(path, (1, 1))  # long ago
    return path


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("kind", KINDS)
def test_images_are_those_of_the_array(cache, tmp_path, name, kind):
    data = from_file(written(tmp_path, name, KINDS[kind]))
    expected = from_arrays(KINDS[kind], FACTORS)
    assert data.image_shape == expected.image_shape
    for indices in ([0, 1, 2, 3, 4, 5], [5, 0, 1, 1, 4], [3], []):
        found = data.images(indices)
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, expected.images(indices))
    kept = [path for path in cache.iterdir() if path.suffix == ".raw"]
    assert len(kept) == (name in UNPACKED)


@pytest.mark.parametrize("name", WRITERS)
def test_memory_does_not_grow_with_the_file(cache, tmp_path, monkeypatch, name):
    monkeypatch.setattr(_file, "PIECE_BYTES", 2**16)
    images = np.zeros((1500, 48, 48), np.uint8)
    images[:, 0, 0] = np.arange(1500) % 256
    monkeypatch.setattr("tests.datasets.test_large_files.FACTORS", np.arange(1500))
    path = written(tmp_path, name, images)
    tracemalloc.start()
    data = from_file(path)
    assert data.fingerprint
    for start in range(0, 1500, 50):
        assert data.images(np.arange(start, start + 50))[:, 0, 0, 0].tolist() == [
            index % 256 for index in range(start, start + 50)
        ]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < images.nbytes / 3


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_is_looked_through_once(cache, tmp_path, monkeypatch, name):
    path = written(tmp_path, name)
    first = from_file(path)
    fingerprint, images = first.fingerprint, first.images([1, 4])
    for kept in cache.glob("*.raw"):
        os.utime(kept, (1, 1))
    from_file(path).images([0])

    def again(*arguments):
        raise AssertionError("read again")

    monkeypatch.setattr(_file, "_unpack", again)
    monkeypatch.setattr(_file, "extremes_of", again)
    monkeypatch.setattr(_known, "file_digest", again)
    later = from_file(path)
    assert later.fingerprint == fingerprint
    np.testing.assert_array_equal(later.images([1, 4]), images)


def test_another_content_of_equal_size_and_time_is_another_file(cache, tmp_path):
    path = written(tmp_path, "stored.npz")
    before = from_file(path).fingerprint
    os.unlink(path)
    written(tmp_path, "stored.npz", IMAGES[::-1])
    after = from_file(path)
    assert after.fingerprint != before
    np.testing.assert_array_equal(after.images([0])[0, 0], IMAGES[5])


@pytest.mark.parametrize("name", ["stored.npz", "whole.h5"])
@pytest.mark.parametrize("use", ["images", "fingerprint"])
def test_a_file_that_changes_in_use_is_refused(cache, tmp_path, name, use):
    path = written(tmp_path, name)
    data = from_file(path)
    if use == "images":
        data.images([0])
    os.truncate(path, 400)  # under a memory map this would end the process
    with pytest.raises(ValueError, match=rf"{name} was changed .*; load it again"):
        data.images([3]) if use == "images" else data.fingerprint


@pytest.mark.parametrize("name", ["stored.npz", "packed.npz", "chunks.hdf5"])
def test_damaged_images_are_refused(cache, tmp_path, name):
    path = written(tmp_path, name, np.random.default_rng(0).integers(0, 256, (6, 50, 50), np.uint8))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name} cannot be read as"):
        from_file(path).images([0])
    assert not list(cache.glob("*.raw"))


def _damaged(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [_damaged, lambda path: os.truncate(path, 20), os.unlink])
def test_a_damaged_copy_is_made_again(cache, tmp_path, damage):
    path = written(tmp_path, "packed.npz")
    from_file(path).images([0])
    (copy,) = cache.glob("*.raw")
    damage(copy)
    np.testing.assert_array_equal(from_file(path).images([2])[0, 0], IMAGES[2])


def _pipe(place: Path) -> None:
    os.mkfifo(place)


def _link(place: Path) -> None:
    (place.parent / "precious").write_text("somebody's")
    place.symlink_to(place.parent / "precious")


def _text(place: Path) -> None:
    place.write_text(json.dumps({"file": None, "known": [1]}))


def _folder(place: Path) -> None:
    place.mkdir()


@pytest.mark.parametrize("plant", [_pipe, _link, _text, _folder])
@pytest.mark.parametrize("suffix", [".json", ".raw", ".sha256", ".lock"])
def test_what_was_planted_in_the_cache_is_neither_waited_for_nor_followed(
    cache, tmp_path, plant, suffix
):
    path = written(tmp_path, "packed.npz")
    fingerprint = from_file(path).fingerprint
    from_file(path).images([0])
    for place in list(cache.iterdir()):
        if place.suffix == suffix:
            place.unlink()
            plant(place)
    data = from_file(path)
    assert data.fingerprint == fingerprint
    if plant is _folder and suffix in (".raw", ".sha256"):
        with pytest.raises(
            ValueError, match=r"cannot be unpacked into the cache folder .*directory"
        ):
            data.images([2])
    else:
        np.testing.assert_array_equal(data.images([2])[0, 0], IMAGES[2])
    assert (cache / "precious").read_text() == "somebody's" if plant is _link else True


@pytest.mark.parametrize("name", UNPACKED)
def test_a_full_disk_is_said_before_it_is_full(cache, tmp_path, monkeypatch, name):
    path = written(tmp_path, name)
    monkeypatch.setattr(_file.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 7}))
    with pytest.raises(ValueError, match=r"7 bytes are free\): it needs 120 bytes; set DISBENCH_C"):
        from_file(path).images([0])
    assert not list(cache.glob("*.raw"))


def test_what_declares_more_than_it_has_is_refused(cache, tmp_path, monkeypatch):
    empty = tmp_path / "empty.h5"
    for storage in ({}, {"chunks": (1, 64, 64), "compression": "gzip"}):
        with h5py.File(empty, "w") as file:
            images = file.create_dataset("images", (10**9, 64, 64), np.uint8, **storage)
            file.create_dataset(
                "factors", (10**9,), np.int64, **({"chunks": (1,)} if storage else {})
            )
            if storage:
                images[0] = 1
        with pytest.raises(
            ValueError, match=r"empty.h5: array 'images' .* never written as a whole"
        ):
            from_file(empty)
    monkeypatch.setattr(_file, "_TABLE_BYTES", 50)
    for name in WRITERS:
        with pytest.raises(
            ValueError, match=r"array 'factors' has 96 bytes; a table has at most 50"
        ):
            from_file(written(tmp_path, name))


def test_a_link_to_a_pipe_in_hdf5_is_not_followed(tmp_path):
    os.mkfifo(tmp_path / "pipe.h5")
    for name in ("images", "group/images"):
        path = tmp_path / "linked.h5"
        with h5py.File(path, "w") as file:
            file["factors"] = FACTORS
            file[name.split("/")[0]] = h5py.ExternalLink(str(tmp_path / "pipe.h5"), "/images")
        found: list[BaseException] = []

        def read(path=path, name=name, found=found):
            try:
                from_file(path, images=name)
            except ValueError as error:
                found.append(error)

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        thread.join(5)
        assert "is no array in the file itself" in str(found[0])


def test_columns_first_is_refused_where_it_is_large(cache, tmp_path):
    path = tmp_path / "turned.npz"
    np.savez(path, images=np.asfortranarray(IMAGES), factors=FACTORS)
    with pytest.raises(ValueError, match=r"save numpy\.ascontiguousarray\(images\)"):
        from_file(path).images([0])


def test_encrypted_and_foreign_members_are_refused(tmp_path):
    path = written(tmp_path, "stored.npz")
    content = bytearray(path.read_bytes())
    for place in (content.find(b"PK\x01\x02"), content.rfind(b"PK\x01\x02")):
        content[place + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="encrypted"):
        from_file(path)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("images", b"text")
    with pytest.raises(ValueError, match="no array 'images'; it has: none"):
        from_file(path)
