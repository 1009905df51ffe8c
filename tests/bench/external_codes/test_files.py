"""Files of codes: three formats, one content; what does not fit is refused with its name."""

import io
import os
import time
import zipfile

import h5py
import numpy as np
import pandas as pd
import pytest

from bench.errors import CodesError
from bench.external_codes import arrays as codes
from bench.external_codes.arrays import check_codes
from bench.external_codes.files import read_codes
from metrics import _validation

FACTORS = np.indices((3, 4)).reshape(2, -1).T
MEANS = np.linspace(-2, 2, 36).reshape(12, 3).astype(np.float32)
LOGVARS = np.linspace(-3, 0, 36).reshape(12, 3).astype(np.float32)
LATENTS, NAMES = ["u", "v", "w"], ["size", "hue"]
WHOLE = {
    "means": MEANS,
    "logvars": LOGVARS,
    "factors": FACTORS,
    "latent_names": LATENTS,
    "factor_names": NAMES,
}


def _npz(folder, **arrays):
    np.savez(folder / "codes.npz", **arrays)
    return folder / "codes.npz"


def _h5(folder, **arrays):
    with h5py.File(folder / "codes.h5", "w") as file:
        for name, values in arrays.items():
            file[name] = values
    return folder / "codes.h5"


def _csv(folder, **arrays):
    latents, factors = arrays["latent_names"], arrays["factor_names"]
    table = pd.concat(
        [
            # Log-variances in another order than the means: names tell which is whose.
            pd.DataFrame(arrays["logvars"], columns=[f"logvar_{n}" for n in latents]).iloc[:, ::-1],
            pd.DataFrame(arrays["factors"], columns=[f"factor_{n}" for n in factors]),
            pd.DataFrame(arrays["means"], columns=[f"mean_{n}" for n in latents]),
        ],
        axis=1,
    )
    table["a note"] = "of no matter"
    table.to_csv(folder / "codes.csv", index=False)
    return folder / "codes.csv"


@pytest.mark.parametrize("write", [_npz, _h5, _csv])
def test_every_format_gives_the_same_codes(write, tmp_path):
    found = read_codes(write(tmp_path, **WHOLE))
    np.testing.assert_array_equal(found.means, MEANS)
    np.testing.assert_array_equal(found.logvars, LOGVARS)
    np.testing.assert_array_equal(found.factors, FACTORS)
    assert (found.means.dtype, found.factors.dtype) == (np.float32, np.int64)
    assert (found.latent_names, found.factor_names) == (("u", "v", "w"), ("size", "hue"))
    assert found.factor_sizes == (3, 4)
    assert found.digest == check_codes("here", **WHOLE).digest


def test_logvars_factors_and_names_are_optional(tmp_path):
    found = read_codes(_npz(tmp_path, means=MEANS))
    assert found.logvars is None
    assert found.factors is None
    assert found.latent_names == ("z0", "z1", "z2")
    assert (found.factor_names, found.factor_sizes) == ((), ())


def test_the_digest_is_of_the_content():
    whole = check_codes("here", **WHOLE)
    assert check_codes("there", **WHOLE).digest == whole.digest
    for changed in (
        {"means": MEANS + np.float32(1e-6)},
        {"logvars": None},
        {"factors": FACTORS[::-1]},
        {"latent_names": ["v", "u", "w"]},
    ):
        assert check_codes("here", **{**WHOLE, **changed}).digest != whole.digest
    # What the images are does not depend on who encodes them.
    other = check_codes("here", **{**WHOLE, "means": MEANS + 1, "logvars": None})
    assert other.labels_digest == whole.labels_digest
    assert check_codes("here", MEANS).labels_digest != whole.labels_digest


BAD = {
    "a NaN": ({"means": np.where(MEANS > 1.9, np.nan, MEANS)}, "means: has NaN"),
    "infinite in float32": ({"means": MEANS.astype(float) * 1e300}, "means: has NaN, infinite"),
    "infinite logvars": ({"logvars": np.where(LOGVARS > -0.1, np.inf, LOGVARS)}, "logvars: has"),
    "one dimension": ({"means": MEANS[:, 0]}, "means: must be numbers of shape"),
    "one image": (
        {"means": MEANS[:1], "logvars": None, "factors": None, "factor_names": None},
        "means: must have a row for each of 2",
    ),
    "texts": ({"means": MEANS.astype(str)}, "means: must be numbers"),
    "complex": ({"means": MEANS + 1j}, "means: must be numbers"),
    "other logvars": ({"logvars": LOGVARS[:, :2]}, "logvars: has shape"),
    "fewer factors": ({"factors": FACTORS[:-1]}, "factors: must have a row for each of the 12"),
    "transposed factors": ({"factors": FACTORS.T}, "factors: must have a row"),
    "angles": ({"factors": FACTORS * 0.1}, "factors: column 'size' must be labels"),
    "NaN factors": ({"factors": np.where(FACTORS > 2, np.nan, FACTORS)}, "factors: column 'hue'"),
    "text factors": ({"factors": FACTORS.astype(str)}, "factors: column 'size' must be labels"),
    "masked": ({"means": np.ma.masked_greater(MEANS, 1.9)}, "means: has masked values"),
    "too few names": ({"factor_names": ["size"]}, "factor_names: must be 2 different"),
    "one name twice": ({"latent_names": ["u", "u", "w"]}, "latent_names: must be 3 different"),
    "a name with a line": ({"latent_names": ["u\n", "v", "w"]}, "latent_names: must be 3"),
    "names of nothing": ({"factors": None}, "factor_names: there are no factors"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_does_not_fit_is_refused(case):
    changed, message = BAD[case]
    with pytest.raises(CodesError) as caught:
        check_codes("mine.npz", **{**WHOLE, **changed})
    assert str(caught.value).startswith(f"mine.npz: {message}")
    assert "\n" not in str(caught.value)


def test_nothing_is_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("was unpickled",))

    path = tmp_path / "codes.npz"
    np.savez(path, means=np.array([Trap()], dtype=object))
    with pytest.raises(CodesError, match="cannot be read as npz"):
        read_codes(path)
    buffer = io.BytesIO()
    np.save(buffer, np.array([Trap()], dtype=object))
    path.write_bytes(buffer.getvalue())
    with pytest.raises(CodesError, match=r"is no \.npz file"):
        read_codes(path)


def test_hdf5_reads_nothing_outside_of_the_file(tmp_path):
    _h5(tmp_path, means=MEANS)
    (tmp_path / "codes.h5").rename(tmp_path / "other.h5")
    with h5py.File(tmp_path / "codes.h5", "w") as file:
        file["means"] = h5py.ExternalLink("other.h5", "means")
    with pytest.raises(CodesError, match="no array 'means' in the file itself"):
        read_codes(tmp_path / "codes.h5")


@pytest.mark.parametrize("name", ["codes.npz", "codes.h5", "codes.csv"])
@pytest.mark.parametrize("content", [b"", b"nothing of the kind", b"PK\x03\x04 cut off"])
def test_damaged_files_are_refused_in_a_line(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CodesError) as caught:
        read_codes(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


@pytest.mark.parametrize("suffix", [".npz", ".h5", ".csv"])
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "is not there"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: os.mkfifo(path), "is a pipe or device"),
        (lambda path: path.symlink_to("/dev/zero"), "is a pipe or device"),
        (lambda path: path.symlink_to(path), "cannot be read"),
    ],
)
def test_only_regular_files_are_opened(suffix, make, message, tmp_path):
    path = tmp_path / f"codes{suffix}"
    make(path)
    with pytest.raises(CodesError, match=message):
        read_codes(path)


@pytest.mark.parametrize(
    ("name", "message"),
    [("codes.pkl", "must end in"), ("x" * 300 + ".npz", "name too long"), ("a\0.h5", "null byte")],
)
def test_other_paths_are_refused(name, message, tmp_path):
    with pytest.raises(CodesError, match=f"(?i){message}"):
        read_codes(tmp_path / name)


def _npz_of_zeros(path):
    with zipfile.ZipFile(path, "w") as archive:
        content = io.BytesIO()
        form = {"descr": "<f8", "fortran_order": False, "shape": (2**26, 8)}
        np.lib.format.write_array_header_1_0(content, form)
        archive.writestr("means.npy", content.getvalue())
    # What the file says of itself is all that is read of it.
    raw = bytearray(path.read_bytes())
    size = raw.index(b"PK\x01\x02") + 24
    raw[size : size + 4] = (2**32 - 2).to_bytes(4, "little")
    path.write_bytes(raw)


def _h5_of_zeros(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("means", shape=(2**26, 8), dtype="f8", chunks=(1000, 8))


def _csv_of_nothing(path):
    with path.open("wb") as file:
        file.truncate(2**32)


@pytest.mark.parametrize(
    ("name", "write"),
    [("a.npz", _npz_of_zeros), ("a.h5", _h5_of_zeros), ("a.csv", _csv_of_nothing)],
)
def test_what_takes_gigabytes_is_refused_before_it_is_read(name, write, tmp_path):
    write(tmp_path / name)
    assert (tmp_path / name).stat().st_blocks < 1000
    started = time.monotonic()
    with pytest.raises(CodesError, match=r"takes? 4,294,967,\d+ bytes[,;] .* most"):
        read_codes(tmp_path / name)
    assert time.monotonic() - started < 5


def test_a_table_of_a_hundred_thousand_columns_is_refused_at_once(tmp_path):
    path = tmp_path / "wide.csv"
    path.write_text(",".join(f"mean_{j}" for j in range(100_000)) + "\n1\n")
    with pytest.raises(CodesError, match="has 100,000 columns; the most that is read is 16,384"):
        read_codes(path)


def test_a_line_without_an_end_is_not_read(tmp_path):
    (tmp_path / "codes.csv").write_text("mean_a\n1\n" + "2" * 5_000_000)
    with pytest.raises(CodesError, match="line 3: has more than 4,194,304 letters"):
        read_codes(tmp_path / "codes.csv")


def test_long_texts_are_not_read_one_after_another(tmp_path, monkeypatch):
    # In an HDF5 file they are references: a text that is there once may be named a million times.
    monkeypatch.setattr("bench.external_codes.arrays.MAX_BYTES", 1_000)
    path = _h5(tmp_path, means=MEANS, latent_names=["x" * 400] * 3)
    with pytest.raises(CodesError, match="latent_names: takes 1,200 bytes"):
        read_codes(path)


def test_a_file_without_means_is_refused(tmp_path):
    with pytest.raises(CodesError, match="means: is missing"):
        read_codes(_npz(tmp_path, factors=FACTORS))


@pytest.mark.parametrize("write", [_npz, _h5])
@pytest.mark.parametrize(
    "name", ["logvar", "Logvars", "log_vars", "mu", "mean", "factor", "factors_names", "x/logvars"]
)
def test_an_array_that_is_nearly_one_that_is_read_is_refused(write, name, tmp_path):
    with pytest.raises(CodesError, match=f": {name}: .*name it '|: {name}: .*leave it out"):
        read_codes(write(tmp_path, means=MEANS, **{name: LOGVARS}))


@pytest.mark.parametrize("write", [_npz, _h5])
def test_arrays_that_are_not_read_are_named(write, tmp_path, caplog):
    path = write(tmp_path, means=MEANS, std=MEANS, **{"train/means": MEANS})
    np.testing.assert_array_equal(read_codes(path).means, MEANS)
    assert caplog.messages == [f"warning: {path}: does not use the arrays std, train/means"]


def test_an_array_that_is_there_twice_is_refused(tmp_path):
    path = _npz(tmp_path, means=MEANS)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("means.npy", archive.read("means.npy"))
    with pytest.raises(CodesError, match="means: is there twice"):
        read_codes(path)


TURNED = {
    "all": {"means": MEANS.T, "logvars": LOGVARS.T, "factors": FACTORS.T},
    "as many factors as latents": {
        "means": MEANS.T,
        "factors": np.vstack([FACTORS.T, FACTORS.T[0]]),
    },
    "means": {"means": MEANS.T, "factors": FACTORS},
    "means of one factor": {"means": MEANS.T, "factors": FACTORS[:, 0]},
    "means of unknown factors": {"means": np.zeros((3, 480))},
    "one latent": {"means": MEANS[:, :1].T},
    "logvars": {"means": MEANS, "logvars": LOGVARS.T},
    "factors": {"means": MEANS, "factors": FACTORS.T},
    "one factor": {"means": MEANS, "factors": FACTORS[:, :1].T},
}


@pytest.mark.parametrize("case", TURNED)
@pytest.mark.parametrize("write", [_npz, _h5, lambda folder, **arrays: None])
def test_arrays_on_their_side_are_asked_about(case, write, tmp_path):
    path = write(tmp_path, **TURNED[case])
    with pytest.raises(CodesError, match="is it transposed"):
        check_codes("mine", **TURNED[case]) if path is None else read_codes(path)


def test_few_images_of_many_latents_are_codes_where_something_says_so():
    # Factors of these images, or names, tell rows from columns.
    assert check_codes("mine", np.zeros((12, 480)), factors=FACTORS).means.shape == (12, 480)
    names = [f"unit {j}" for j in range(480)]
    assert check_codes("mine", np.zeros((12, 480)), latent_names=names).means.shape == (12, 480)
    few = check_codes("mine", MEANS[:2], factors=FACTORS[:2].repeat(2, 1), factor_names="abcd")
    assert few.factors.shape == (2, 4)


@pytest.mark.parametrize("write", [_npz, _h5, lambda folder, **arrays: None])
@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (FACTORS[:, 1] * 7, FACTORS[:, 1] * 7),
        (FACTORS[:, 1].astype(np.float16), FACTORS[:, 1]),
        (FACTORS[:, 1] > 1, FACTORS[:, 1] > 1),
        (np.where(FACTORS[:, 1] > 1, 1, -1).astype(np.int8), FACTORS[:, 1] > 1),
        (FACTORS[:, 1] - 2.0, FACTORS[:, 1]),
        (FACTORS[:, 1].astype(np.uint64) + np.uint64(2**63), FACTORS[:, 1]),
    ],
)
def test_labels_are_whole_numbers_of_any_sign_and_type(write, column, expected, tmp_path):
    path = write(tmp_path, means=MEANS, factors=column)
    found = check_codes("mine", MEANS, factors=column) if path is None else read_codes(path)
    np.testing.assert_array_equal(found.factors[:, 0], expected)
    assert found.factors.dtype == np.int64


def test_what_is_continuous_is_so_for_metrics_too():
    assert codes._MANY_VALUES == _validation.MANY_VALUES
    assert codes._FEW_IMAGES == _validation.FEW_SAMPLES


def test_the_remedy_for_other_numbers_depends_on_how_many_there_are():
    means = np.zeros((480, 1))
    for column, remedy in (
        (np.arange(480) % 5 / 2, "not 0.5; number the values of the column first: numpy.unique"),
        # Few values, however few images there are of each.
        (np.arange(480) % 2 + 0.5, "not 0.5; number the values of the column first: numpy.unique"),
        (np.arange(480) / 480, r"cut it into bins by factor_bins=20 \(--factor-bins 20\)"),
        ((np.arange(480) % 5).astype(str), "number the values of the column first: numpy.unique"),
    ):
        with pytest.raises(CodesError, match=f"factors: column 'factor_0' .*{remedy}"):
            check_codes("mine", means, factors=column)


@pytest.mark.parametrize("name", ["means", "logvars"])
@pytest.mark.parametrize(("scale", "offset"), [(1, 1.6e9), (1e-50, 0), (1, -1e7)])
def test_what_single_precision_would_round_off_is_refused(name, scale, offset):
    sound = np.random.default_rng(0).normal(size=(50, 2))
    arrays = {"means": sound, "logvars": sound}
    check_codes("mine", **{**arrays, name: 1e-30 * sound + 1e-28})
    check_codes("mine", **{**arrays, name: np.full((50, 2), 1.6e9 + 1)})
    arrays[name] = np.stack([sound[:, 0], scale * sound[:, 1] + offset], axis=1)
    with pytest.raises(CodesError, match=rf"{name}: column 1 .* single precision, .* subtract its"):
        check_codes("mine", **arrays)


def test_texts_in_hdf5_are_no_labels(tmp_path):
    path = _h5(tmp_path, means=MEANS, factors=["red", "blue"] * 6)
    with pytest.raises(CodesError, match="factors: must be numbers, not texts; number the values"):
        read_codes(path)
    path = _h5(tmp_path, means=MEANS, latent_names=["z"] * 5000)
    with pytest.raises(CodesError, match="latent_names: must be a list of at most 4096 texts"):
        read_codes(path)


@pytest.mark.parametrize("write", [_npz, _h5, None])
def test_continuous_factors_are_cut_into_bins_where_that_is_asked_for(write, tmp_path):
    values = np.stack([np.linspace(-1, 1, 12) ** 3, FACTORS[:, 1]], 1)
    if write is None:
        path = tmp_path / "codes.csv"
        rows = "".join(f"{j},{x!r},{y!r}\n" for j, (x, y) in enumerate(values.tolist()))
        path.write_text("mean_a,factor_x,factor_y\n" + rows)
    else:
        path = write(tmp_path, means=MEANS, factors=values)
    found = read_codes(path, factor_bins=4).factors
    np.testing.assert_array_equal(found, np.stack([np.arange(12) // 3, FACTORS[:, 1]], 1))
    with pytest.raises(CodesError, match="factor_bins"):
        read_codes(path, factor_bins=1)
