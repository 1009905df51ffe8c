"""The reader of the official file, on small files of the same form."""

from __future__ import annotations

import hashlib
import io
import pickle
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from datasets import _official, load, resolve
from datasets._compare import compare_bits, compare_file
from datasets._damaged import CorruptFileError

N = 50
IMAGES = np.random.default_rng(0).integers(0, 2, (N, 64, 64), np.uint8)
PACKED = np.packbits(IMAGES.reshape(N, -1), axis=1)


class Bomb:
    """Unpickling it fails the test."""

    def __reduce__(self):
        return (pytest.fail, ("a pickle was executed",))


def write_npz(path: Path, images=IMAGES, **members) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("metadata.npy", _pickled())
        for name, array in {"imgs": images, **members}.items():
            buffer = io.BytesIO()
            np.save(buffer, array)
            archive.writestr(f"{name}.npy", buffer.getvalue())


def _pickled() -> bytes:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|O", "fortran_order": False, "shape": ()}
    )
    return header.getvalue() + pickle.dumps(Bomb())


def write_hdf5(path: Path, images=IMAGES) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("imgs", data=images, chunks=(10, 32, 64), compression="gzip")


WRITERS = {".npz": write_npz, ".hdf5": write_hdf5}


@pytest.fixture(params=sorted(WRITERS))
def official(request, tmp_path, monkeypatch):
    """A small official file, of which the module believes that it is the real one."""
    monkeypatch.setenv("DISBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(_official, "N_IMAGES", N)
    _official.official_bits.cache_clear()
    path = tmp_path / f"{_official.STEM}{request.param}"
    WRITERS[request.param](path)
    _believe(monkeypatch, path)
    yield path
    _official.official_bits.cache_clear()


def _believe(monkeypatch, path: Path) -> None:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    known = {**_official.CHECKSUMS, path.suffix: ("sha256", digest)}
    monkeypatch.setattr(_official, "CHECKSUMS", known)


def into_cache(path: Path) -> Path:
    folder = path.parent / "cache"
    folder.mkdir(exist_ok=True)
    return path.rename(folder / path.name)


def test_read_by_path(official):
    data = load("dsprites", source="official", path=str(official))
    indices = [3, 49, 3, 0]
    np.testing.assert_array_equal(data.images(indices)[:, 0], IMAGES[indices] * 255)
    np.testing.assert_array_equal(data.packed_bits(), PACKED)
    assert data.fingerprint == "dsprites/official/fa310c66"
    assert data.options == {"source": "official", "path": str(official)}
    assert data.factors([33]).tolist() == [[0, 0, 0, 1, 1]]


def test_found_in_the_cache(official):
    into_cache(official)
    assert resolve("dsprites", {"source": "auto"}) == {"source": "official"}
    data = load("dsprites", source="auto")
    np.testing.assert_array_equal(data.packed_bits(), PACKED)


def test_conversion_outlives_the_file(official):
    place = into_cache(official)
    load("dsprites", source="official").packed_bits()
    place.unlink()
    _official.official_bits.cache_clear()
    np.testing.assert_array_equal(load("dsprites", source="official").packed_bits(), PACKED)


def test_auto_draws_without_a_sound_file(official):
    assert resolve("dsprites", {"source": "auto"}) == {}
    place = into_cache(official)
    place.write_bytes(place.read_bytes()[:-10])
    assert resolve("dsprites", {"source": "auto"}) == {}
    with pytest.raises(CorruptFileError, match=r"is not the official.*Remove it.*render"):
        load("dsprites", source="official").images([0])
    assert not list(place.parent.glob("*.npy"))


def test_no_file(official):
    official.unlink()
    message = r"no official dSprites file at .*put dsprites_ndarray.*into .*cache.*render"
    for name in ("dsprites", "color_dsprites", "noisy_dsprites", "dsprites_without_shape"):
        for options in ({}, {"path": str(official)}):  # before anything is trained
            with pytest.raises(FileNotFoundError, match=message):
                resolve(name, {"source": "official", **options})
    with pytest.raises(FileNotFoundError, match=message):
        load("dsprites", source="official").images([0])
    with pytest.raises(FileNotFoundError, match=message):
        load("dsprites", source="official", path=str(official)).images([0])


@pytest.mark.parametrize("damage", ["flip", "truncate"])
def test_wrong_checksum(official, damage):
    content = bytearray(official.read_bytes())
    content[len(content) // 2] ^= 1
    official.write_bytes(content if damage == "flip" else content[:-1])
    with pytest.raises(CorruptFileError, match=r"its SHA256 is .*, not"):
        load("dsprites", source="official", path=str(official)).images([0])
    assert not (official.parent / "cache").exists()


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (IMAGES[:-1], r"imgs is uint8 \(49, 64, 64\), expected uint8 \(50, 64, 64\)"),
        (IMAGES[:, :32], "expected uint8"),
        (IMAGES.astype(np.int16), "imgs is int16"),
        (IMAGES * 255, "values above 1"),
    ],
)
def test_wrong_content(official, monkeypatch, images, message):
    WRITERS[official.suffix](official, images)
    _believe(monkeypatch, official)
    with pytest.raises(CorruptFileError, match=message):
        load("dsprites", source="official", path=str(official)).images([0])
    assert not list((official.parent / "cache").glob("*.npy"))


def test_real_checksums_and_other_files(tmp_path):
    for suffix, length in ((".npz", 40), (".hdf5", 64)):
        assert len(_official.CHECKSUMS[suffix][1]) == length
    path = tmp_path / "dsprites.npz"
    write_npz(path)
    with pytest.raises(CorruptFileError, match="SHA1"):
        load("dsprites", source="official", path=str(path)).images([0])
    with pytest.raises(CorruptFileError, match=r"ends in \.npz or \.hdf5"):
        _official.verified(path.rename(tmp_path / "dsprites.zip"))


def test_truncated_member(tmp_path):
    # A sound zip whose image array ends early.
    buffer = io.BytesIO()
    np.save(buffer, IMAGES)
    path = tmp_path / "short.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("imgs.npy", buffer.getvalue()[:-5000])
    with pytest.raises(CorruptFileError, match="ends before"):
        _official.read_packed(path, np.zeros(PACKED.shape, np.uint8))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other.npy", buffer.getvalue())
    with pytest.raises(CorruptFileError, match="imgs"):
        _official.read_packed(path, np.zeros(PACKED.shape, np.uint8))


def test_download_without_network(tmp_path, monkeypatch):
    monkeypatch.setenv("DISBENCH_CACHE", str(tmp_path))

    def offline(*args, **kwargs):
        raise ConnectionError("no route to host")

    monkeypatch.setattr("pooch.retrieve", offline)
    with pytest.raises(OSError, match=rf"no route.*npz.*{tmp_path.name}.*render"):
        _official.download()


def test_download_asks_for_the_pinned_file(tmp_path, monkeypatch):
    monkeypatch.setenv("DISBENCH_CACHE", str(tmp_path))
    asked = {}

    def retrieve(url, **options):
        asked.update(options, url=url)
        return str(tmp_path / "there.npz")

    monkeypatch.setattr("pooch.retrieve", retrieve)
    assert _official.download() == tmp_path / "there.npz"
    assert _official.COMMIT in asked["url"]
    assert asked["known_hash"] == "sha1:3e0a46a9238e425f46a6ef9e9bdfd7cedb35d50f"


def test_compare(official):
    assert compare_file(official, PACKED).different_pixels == 0
    drawn = PACKED.copy()
    drawn[7, 0] ^= 0b101
    drawn[9, 5] ^= 0b1
    result = compare_file(official, drawn)
    assert (result.images, result.pixels) == (N, N * 4096)
    assert (result.different_images, result.different_pixels) == (2, 3)
    assert str(result) == "2 of 50 images differ, 3 of 204,800 pixels; the first: 7, 9"
    assert "0 of 50" in str(compare_bits(PACKED, PACKED))
