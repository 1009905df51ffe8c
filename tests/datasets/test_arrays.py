"""Your own data: from arrays and from files."""

from __future__ import annotations

import io
import pickle
import zipfile

import h5py
import numpy as np
import pytest

from datasets import from_arrays, from_file, load
from metrics import bin_factors

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (6, 5, 4), np.uint8)
FACTORS = np.array([[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]])


def test_full_grid():
    data = from_arrays(IMAGES, FACTORS, factor_names=["a", "b"])
    assert data.is_full_grid
    assert data.factor_names == ("a", "b")
    assert data.factor_sizes == (2, 3)
    assert data.image_shape == (1, 5, 4)
    np.testing.assert_array_equal(data.images([4, 1])[:, 0], IMAGES[[4, 1]])
    np.testing.assert_array_equal(data.index(FACTORS), np.arange(6))
    assert data.packed_bits() is None


def test_any_order_and_incomplete():
    order = [4, 0, 5, 2]
    data = from_arrays(IMAGES[order], FACTORS[order])
    assert not data.is_full_grid
    assert len(data) == 4
    np.testing.assert_array_equal(data.index(FACTORS[order]), np.arange(4))
    with pytest.raises(ValueError, match=r"no image with the factors \[1, 0\]"):
        data.index([[0, 0], [1, 0]])
    assert not from_arrays(IMAGES[::-1], FACTORS[::-1]).is_full_grid


def test_repeated_combination_gives_the_first():
    data = from_arrays(IMAGES[:4], [[0], [1], [1], [0]])
    assert data.index([[1], [0]]).tolist() == [1, 0]
    assert not data.is_full_grid


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (IMAGES, IMAGES[:, None]),
        (IMAGES[:, None], IMAGES[:, None]),
        (np.stack([IMAGES] * 3, axis=3), np.stack([IMAGES] * 3, axis=1)),
        (IMAGES[..., None], IMAGES[:, None]),
        (IMAGES > 99, (IMAGES > 99)[:, None] * 255),
        ((IMAGES > 99).astype(np.uint8), (IMAGES > 99)[:, None] * 255),
        (IMAGES / 255, IMAGES[:, None]),
    ],
)
def test_kinds_of_images(images, expected):
    found = from_arrays(images, FACTORS).images(np.arange(6))
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, expected)


def test_values_become_classes():
    data = from_arrays(IMAGES, [[0.5, -3], [0.5, 7], [0.5, 9], [2.0, -3], [2.0, 7], [2.0, 9]])
    np.testing.assert_array_equal(data.factors(np.arange(6)), FACTORS)
    assert from_arrays(IMAGES, FACTORS + 1).factor_sizes == (3, 4)
    assert from_arrays(IMAGES, FACTORS, factor_sizes=[5, 3]).factor_sizes == (5, 3)


@pytest.mark.parametrize(
    ("column", "classes"),
    [
        ([True, False, True], [1, 0, 1]),
        ([-1, 1, -1], [0, 1, 0]),
        ([3, 1, 3], [3, 1, 3]),  # class indices are kept
        ([3.0, 1.0, 3.0], [3, 1, 3]),
        (np.float16([3, 1, 3]), [3, 1, 3]),
        (np.uint64([2**63 + 5, 7, 7]), [1, 0, 0]),  # numbers of something, no class indices
        ([1e300, 2.0, 2.0], [1, 0, 0]),
        ([0.5, 0.25, 0.5], [1, 0, 1]),
    ],
)
def test_what_a_factor_is(column, classes):
    alone = from_arrays(IMAGES[:3], column)  # an array of one dimension is one column
    beside = from_arrays(IMAGES[:3], np.array([[1, x] for x in column], object))
    for data, column_of_it in ((alone, 0), (beside, 1)):
        assert data.factors([0, 1, 2])[:, column_of_it].tolist() == classes


NOISE = np.random.default_rng(3).normal(size=(60, 2)).round(1)


@pytest.mark.parametrize("n_bins", [2, 5, 7, 60])
def test_bins_are_those_of_the_metrics(n_bins):
    many = np.column_stack([NOISE, np.arange(60) % 3, -(np.arange(60.0) ** 3)])
    data = from_arrays(np.zeros((60, 2, 2)), many, factor_bins=n_bins)
    np.testing.assert_array_equal(data.factors(np.arange(60)), bin_factors(many, n_bins))


@pytest.mark.parametrize(
    ("images", "factors", "options", "message"),
    [
        (IMAGES[0], FACTORS, {}, "shape"),
        (np.zeros((6, 5, 4, 2)), FACTORS, {}, "shape"),
        (IMAGES[:5], FACTORS, {}, "5 images but 6 rows"),
        (IMAGES.astype(int), FACTORS, {}, "uint8, bool, or float"),
        (IMAGES * 1.0, FACTORS, {}, r"in \[0, 1\]"),
        (np.full((6, 5, 4), np.nan), FACTORS, {}, r"in \[0, 1\]"),
        (IMAGES, FACTORS * np.nan, {}, "finite"),
        (IMAGES, np.ma.masked_equal(FACTORS, 1), {}, "masked"),
        (np.zeros((30, 2, 2)), NOISE[:30, 0] / 3, {}, "column 0 .*continuous.*factor_bins=10"),
        (IMAGES, [[0], [0, 1], [2], [3], [4], [5]], {}, "factors are no array"),
        (IMAGES, FACTORS * 1j, {}, "column 0 must be numbers"),
        (IMAGES, FACTORS, {"factor_bins": 1}, "factor_bins must be in 2"),
        (IMAGES, FACTORS, {"factor_sizes": [2**40, 2**40]}, "too many combinations"),
        (IMAGES, FACTORS.astype(str), {}, "must be numbers, .*numpy.unique"),
        (IMAGES, FACTORS[:, :, None], {}, "n_factors"),
        (IMAGES, FACTORS, {"factor_names": ["a"]}, "2 different names"),
        (IMAGES, FACTORS, {"factor_names": ["a", "a"]}, "2 different names"),
        (IMAGES, FACTORS, {"factor_sizes": [2, 2]}, "do not hold"),
        (IMAGES[:0], FACTORS[:0], {}, "no images"),
    ],
)
def test_refused_arrays(images, factors, options, message):
    with pytest.raises(ValueError, match=message):
        from_arrays(images, factors, **options)


def write(path, **arrays):
    if path.suffix == ".npz":
        np.savez(path, **arrays)
        return
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            kind = h5py.string_dtype() if array.dtype.kind == "U" else None
            file.create_dataset(name, data=array.astype(kind) if kind else array)


@pytest.mark.parametrize("suffix", [".npz", ".h5", ".hdf5"])
def test_file(tmp_path, suffix):
    path = tmp_path / f"own{suffix}"
    write(path, images=IMAGES, factors=FACTORS, factor_names=np.array(["size", "hue"]))
    data = from_file(path)
    assert data.factor_names == ("size", "hue")
    assert data.is_full_grid
    np.testing.assert_array_equal(data.images([2])[0, 0], IMAGES[2])
    again = pickle.loads(pickle.dumps(load("file", path=str(path))))
    np.testing.assert_array_equal(again.images([2]), data.images([2]))
    before = data.fingerprint
    write(path, images=IMAGES[::-1], factors=FACTORS)
    assert from_file(path).fingerprint != before


def test_equal_arrays_have_equal_fingerprints():
    first, same = from_arrays(IMAGES, FACTORS), from_arrays(IMAGES.copy(), FACTORS)
    assert first.fingerprint == same.fingerprint
    changed = IMAGES.copy()
    changed[3, 2, 1] ^= 1
    assert from_arrays(changed, FACTORS).fingerprint != first.fingerprint
    assert from_arrays(IMAGES, FACTORS[:, ::-1]).fingerprint != first.fingerprint


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_images_without_factors(tmp_path, suffix):
    path = tmp_path / f"alone{suffix}"
    write(path, images=IMAGES)
    with pytest.raises(ValueError, match=r"no array 'factors'.* set without_factors: true"):
        from_file(path)
    for other in ({"factors": "others"}, {"factor_names": ["none"]}, {"factor_bins": 3}):
        with pytest.raises(ValueError, match=r"without_factors that there are none; leave one"):
            from_file(path, without_factors=True, **other)
    for data in (from_file(path, without_factors=True), from_arrays(IMAGES)):
        assert (data.factor_names, data.factor_sizes) == (("none",), (1,))
        assert (len(data), data.is_full_grid) == (6, False)
        np.testing.assert_array_equal(data.images([4, 1])[:, 0], IMAGES[[4, 1]])
        assert data.factors([4, 1]).tolist() == [[0], [0]]


def test_refused_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"missing\.npz"):
        from_file(tmp_path / "missing.npz")
    for name in ("text.npz", "text.h5"):
        (tmp_path / name).write_text("no archive")
        with pytest.raises(ValueError, match=f"{name} cannot be read"):
            from_file(tmp_path / name)
    (tmp_path / "a.csv").write_text("1")
    with pytest.raises(ValueError, match=r"\.npz, \.h5 or \.hdf5"):
        from_file(tmp_path / "a.csv")
    for suffix in (".npz", ".h5"):
        path = tmp_path / f"b{suffix}"
        write(path, pictures=IMAGES, factors=FACTORS[:5])
        with pytest.raises(ValueError, match=r"no array 'images'; it has: .*pictures"):
            from_file(path)
        with pytest.raises(ValueError, match="6 images but 5 rows"):
            from_file(path, images="pictures")


@pytest.mark.parametrize(("right", "wrong"), [(b"}", b"{"), (b"|u1", b"|,1"), (b"(6", b"{6")])
def test_a_damaged_header_of_npz_is_refused(tmp_path, right, wrong):
    stream = io.BytesIO()
    np.save(stream, IMAGES)
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.npy", stream.getvalue().replace(right, wrong, 1))
    with pytest.raises(ValueError, match=r"a\.npz: array 'images' cannot be read"):
        from_file(path, without_factors=True)


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was executed",))


def test_no_pickle_is_executed(tmp_path):
    path = tmp_path / "bomb.npz"
    np.savez(path, images=IMAGES, factors=np.array([[Bomb()]] * 6, dtype=object))
    with pytest.raises(ValueError, match=r"bomb\.npz: array 'factors' cannot be read"):
        from_file(path)
    (tmp_path / "plain.npz").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ValueError, match="cannot be read"):
        from_file(tmp_path / "plain.npz")
