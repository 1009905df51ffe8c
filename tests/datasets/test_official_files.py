"""Official files: what is read of them, what is refused, and where they are said to come from."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets import DATASETS, _file, _known, load, mpi3d, resolve, restore, smallnorb
from datasets._resize import resized

from .official_files import (
    SIZES,
    WRITERS,
    pictures,
    shapes3d_arrays,
    smallnorb_arrays,
    write_h5,
)

PUBLISHED = {
    "shapes3d": {
        "floor_hue": 10,
        "wall_hue": 10,
        "object_hue": 10,
        "scale": 8,
        "shape": 4,
        "orientation": 15,
    },
    **{
        f"mpi3d_{kind}": {
            "object_color": n,
            "object_shape": n,
            "object_size": 2,
            "camera_height": 3,
            "background_color": 3,
            "horizontal_axis": 40,
            "vertical_axis": 40,
        }
        for kind, n in {"toy": 6, "realistic": 6, "real": 6, "complex": 4}.items()
    },
    "cars3d": {"elevation": 4, "azimuth": 24, "object": 183},
    "smallnorb": {"category": 5, "instance": 10, "elevation": 9, "azimuth": 18, "lighting": 6},
}
N_IMAGES = {
    "shapes3d": 480_000,
    "mpi3d_toy": 1_036_800,
    "mpi3d_realistic": 1_036_800,
    "mpi3d_real": 1_036_800,
    "mpi3d_complex": 460_800,
    "cars3d": 17_568,
    "smallnorb": 48_600,
}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DISBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize("name", PUBLISHED)
def test_factors_are_the_published_ones_and_need_no_file(name):
    data = restore(name, {})
    assert dict(zip(data.factor_names, data.factor_sizes, strict=True)) == PUBLISHED[name]
    assert list(data.factor_names) == list(PUBLISHED[name])
    assert len(data) == N_IMAGES[name]
    assert data.image_shape == (1 if name == "smallnorb" else 3, 64, 64)
    last = data.factors([len(data) - 1])
    assert last[0].tolist() == [size - 1 for size in data.factor_sizes]
    assert data.index(last).tolist() == [len(data) - 1]


@pytest.mark.parametrize("name", WRITERS)
def test_images_are_those_of_the_file(small_official, name):
    data = load(name, path=str(small_official[name]))
    channels, side, _ = data.image_shape
    stored = {"cars3d": 128, "smallnorb": 96}.get(name, side)
    images = np.moveaxis(pictures(SIZES[name], stored, channels), 3, 1)
    np.testing.assert_array_equal(data.images(np.arange(len(data))), resized(images, side))


@pytest.mark.parametrize("size", [16, 50, 64, 96, 128, 200])
@pytest.mark.parametrize("side", [16, 48, 64])
def test_resizing_is_pillows(size, side):
    rng = np.random.default_rng(size)
    images = rng.integers(0, 256, (4, size, size), np.uint8)
    images[0] = np.where(images[0] > 127, 255, 0)
    resize = Image.Resampling.LANCZOS
    expected = [Image.fromarray(image).resize((side, side), resize) for image in images]
    np.testing.assert_array_equal(resized(images, side), np.stack(expected))


@pytest.mark.parametrize("name", WRITERS)
def test_a_path_that_is_not_there_is_refused_at_once(name, tmp_path, cache):
    source = tmp_path / "nowhere" / "file"
    for read in (load, lambda name, **options: resolve(name, options)):
        with pytest.raises(FileNotFoundError, match=r"nowhere/file; get .* option path") as refused:
            read(name, path=str(source))
        assert str(refused.value).isprintable()
        with pytest.raises(FileNotFoundError, match=rf"{cache.name}.*; get .* by the option path"):
            read(name)
    with pytest.raises(FileNotFoundError, match=f"{name}: option 'path'"):
        restore(name, {}).images([0])


@pytest.mark.parametrize("name", WRITERS)
def test_files_in_the_cache_need_no_path(small_official, name, cache):
    path = small_official[name]
    cache.mkdir()
    (cache / path.name).symlink_to(path)
    data = load(name)
    assert data.options == resolve(name, {}) == {}
    assert data.fingerprint == load(name, path=str(path)).fingerprint
    np.testing.assert_array_equal(data.images([3]), load(name, path=str(path)).images([3]))


ARRAYS = shapes3d_arrays()
SHAPES_WRONG = {
    "too few": ({k: v[:-1] for k, v in ARRAYS.items()}, r"uint8 \(143, 64, 64, 3\).*incomplete"),
    "smaller": ({**ARRAYS, "images": ARRAYS["images"][:, ::2, ::2]}, r"uint8 \(144, 32, 32, 3\)"),
    "channels first": (
        {**ARRAYS, "images": np.moveaxis(ARRAYS["images"], 3, 1)},
        r"uint8 \(144, 3, 64, 64\), but that of Shapes3D is uint8 \(144, 64, 64, 3\)",
    ),
    "floats": ({**ARRAYS, "images": ARRAYS["images"] / np.float32(255)}, "'images' is float32"),
    "no labels": ({"images": ARRAYS["images"]}, "no array 'labels'; it has: images; Shapes3D"),
    "other labels": (
        {**ARRAYS, "labels": ARRAYS["labels"][:, 1:]},
        r"'labels' is float64 \(144, 5",
    ),
}


@pytest.mark.parametrize("wrong", SHAPES_WRONG)
def test_another_layout_is_refused_at_once(small_official, tmp_path, wrong):
    arrays, message = SHAPES_WRONG[wrong]
    path = write_h5(tmp_path / "3dshapes.h5", arrays)
    for read in (load, lambda name, **options: resolve(name, options)):
        with pytest.raises(ValueError, match=message):
            read("shapes3d", path=str(path))


@pytest.mark.parametrize("order", ["turned", "two swapped"])
def test_another_order_of_factors_is_refused(small_official, tmp_path, order):
    labels = ARRAYS["labels"][::-1] if order == "turned" else ARRAYS["labels"].copy()
    if order == "two swapped":
        labels[[7, 8]] = labels[[8, 7]]
    path = write_h5(tmp_path / "3dshapes.h5", {**ARRAYS, "labels": labels})
    data = load("shapes3d", path=str(path))
    with pytest.raises(ValueError, match=r"3dshapes.h5: array 'labels' .* in another order"):
        data.images([0])


@pytest.mark.parametrize("name", ["shapes3d", *mpi3d.LAYOUTS])
def test_a_truncated_file_is_refused(small_official, tmp_path, name):
    path = shutil.copy(small_official[name], tmp_path)
    os.truncate(path, os.path.getsize(path) - 1000)
    with pytest.raises(ValueError, match="cannot be read as"):
        load(name, path=str(path))


def test_mpi3d_of_other_arrays_is_refused(small_official, tmp_path):
    images = pictures(SIZES["mpi3d_toy"], 64)
    path = tmp_path / "mpi3d_toy.npz"
    for wrong, message in (
        ({"images": images.astype(np.int16)}, "'images' is int16"),
        ({"images": images.reshape(2, -1, 64, 64, 3)}, r"uint8 \(2, 96, 64, 64, 3\)"),
        ({"imgs": images}, "no array 'images'; it has: imgs"),
    ):
        np.savez(path, **wrong)
        with pytest.raises(ValueError, match=message):
            load("mpi3d_toy", path=str(path))
    # The competition's sets have 4 colours and 4 shapes.
    np.savez(path, images=pictures(SIZES["mpi3d_complex"], 64))
    with pytest.raises(ValueError, match=r"but that of MPI3D real is uint8 \(192, "):
        load("mpi3d_real", path=str(path))


@pytest.mark.parametrize("name", ["shapes3d", "mpi3d_real"])
@pytest.mark.parametrize("packed", [False, True])
def test_large_files_are_read_where_they_lie_or_unpacked_once(
    small_official, tmp_path, cache, monkeypatch, name, packed
):
    monkeypatch.setattr(_known, "LARGE", 1)
    monkeypatch.setattr(_file, "LARGE", 1)
    path = tmp_path / small_official[name].name
    if name == "shapes3d":
        storage = {"chunks": True, "compression": "gzip"} if packed else {}
        import h5py

        with h5py.File(path, "w") as file:
            for key, array in ARRAYS.items():
                file.create_dataset(key, data=array, **storage)
    else:
        save = np.savez_compressed if packed else np.savez
        save(path, images=pictures(SIZES[name], 64))
    os.utime(path, (1, 1))
    expected = np.moveaxis(pictures(SIZES[name], 64), 3, 1)
    data = load(name, path=str(path))
    for indices in ([5, 0, 1, 1, 90], [3], []):
        np.testing.assert_array_equal(data.images(indices), expected[indices])
    assert len(list(cache.glob("*.raw"))) == packed
    for kept in cache.glob("*.raw"):
        os.utime(kept, (1, 1))
    load(name, path=str(path)).images([0])
    monkeypatch.setattr(_file, "_unpack", None)
    monkeypatch.setattr(_known, "file_digest", None)  # not read through again
    np.testing.assert_array_equal(load(name, path=str(path)).images([7]), expected[[7]])
    os.utime(path, (2, 2))
    with pytest.raises(ValueError, match="was changed while it was in use; load it again"):
        data.images([0]) if not packed else data._unchanged()


def test_a_flipped_bit_of_a_large_npz_is_found(small_official, tmp_path, monkeypatch):
    monkeypatch.setattr(_known, "LARGE", 1)
    monkeypatch.setattr(_file, "LARGE", 1)
    content = bytearray(small_official["mpi3d_toy"].read_bytes())
    content[len(content) // 2] ^= 1
    path = tmp_path / "mpi3d_toy.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="Bad CRC-32"):
        load("mpi3d_toy", path=str(path)).images([0])


@pytest.mark.parametrize("name", ["cars3d", "smallnorb"])
def test_files_are_converted_once(small_official, cache, name, monkeypatch):
    path = str(small_official[name])
    images = load(name, path=path).images([5, 0])
    assert len(list(cache.glob("*.npy"))) == 1
    monkeypatch.setattr(f"datasets.{name}.resized", None)
    np.testing.assert_array_equal(load(name, path=path).images([5, 0]), images)


def test_downloads_are_verified_and_named(monkeypatch, cache):
    asked: dict[str, str] = {}

    def retrieve(url, known_hash, fname, path):
        asked[url] = known_hash
        assert Path(path) in (cache, cache / "smallnorb")
        return str(Path(path) / fname)

    monkeypatch.setattr("pooch.retrieve", retrieve)
    assert DATASETS["shapes3d"].download() == cache / "3dshapes.h5"
    assert DATASETS["cars3d"].download() == cache / "nips2015-analogy-data.tar.gz"
    assert DATASETS["smallnorb"].download() == cache / "smallnorb"
    assert len(asked) == 8
    for url, checksum in asked.items():
        algorithm, digest = checksum.split(":")
        assert len(digest) == {"sha256": 64, "md5": 32}[algorithm]
        assert url.startswith("http")
    halves = [url.rsplit("/", 1)[1] for url in asked if "smallnorb" in url]
    assert sorted(halves) == sorted(f"{name}.mat.gz" for name in smallnorb_arrays())
    assert asked[f"{smallnorb._URL}{halves[3]}"].startswith("sha256:cf7104ee")


@pytest.mark.parametrize("name", list(mpi3d.LAYOUTS))
def test_what_has_no_certain_checksum_is_not_downloaded(name, monkeypatch):
    monkeypatch.setattr("pooch.retrieve", None)
    with pytest.raises(ValueError, match=r"is not downloaded: .*checksum.*; get .*https://.*path"):
        DATASETS[name].download()


def test_a_download_without_network_says_what_to_do(monkeypatch):
    def offline(*args, **kwargs):
        raise ConnectionError("no route to host")

    monkeypatch.setattr("pooch.retrieve", offline)
    with pytest.raises(OSError, match=r"cannot download SmallNORB \(no route.*get .*option path"):
        DATASETS["smallnorb"].download()
