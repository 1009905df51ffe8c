"""Files of codes: three formats, one content; what does not fit is refused with its name."""

import io

import h5py
import numpy as np
import pandas as pd
import pytest

from bench.codes import check_codes
from bench.codes_file import read_codes
from bench.errors import CodesError

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
    "angles": ({"factors": FACTORS * 0.1}, "factors: must be class indices"),
    "negative": ({"factors": FACTORS - 1}, "factors: must be class indices"),
    "NaN factors": ({"factors": np.where(FACTORS > 2, np.nan, FACTORS)}, "factors: must be class"),
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


@pytest.mark.parametrize(
    ("name", "message"), [("codes.pkl", "must end in"), ("codes.npz", "is not there")]
)
def test_other_paths_are_refused(name, message, tmp_path):
    with pytest.raises(CodesError, match=message):
        read_codes(tmp_path / name)


def test_a_file_without_means_is_refused(tmp_path):
    with pytest.raises(CodesError, match="means: is missing"):
        read_codes(_npz(tmp_path, factors=FACTORS))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("z0,z1\n1,2\n", "no columns mean_<latent>"),
        ("mean_a,logvar_b\n1,2\n3,4\n", "must be one for each mean: logvar_a"),
        ("mean_a\n1\nhello\n", "column mean_a"),
        ('mean_a\n1\n""\n', "column mean_a"),
        ("mean_a\n1\nnan\n", "means: has NaN"),
    ],
)
def test_columns_that_do_not_fit_are_named(text, message, tmp_path):
    (tmp_path / "codes.csv").write_text(text)
    with pytest.raises(CodesError, match=message):
        read_codes(tmp_path / "codes.csv")
