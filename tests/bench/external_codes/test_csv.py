"""Codes from tables of text: however they are written, read strictly."""

import numpy as np
import pytest

from bench.errors import CodesError
from bench.external_codes.files import read_codes

HEADER, ROWS = "mean_a,mean_b,factor_x\n", "1,2.5,0\n3,4,1\n"


def _text(folder, text, encoding="utf-8"):
    (folder / "codes.csv").write_bytes(text.encode(encoding))
    return folder / "codes.csv"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("# " + HEADER + ROWS, "utf-8"),
        ((HEADER + ROWS).replace(",", " , "), "utf-8"),
        (HEADER.replace("_b", "_ b") + ROWS, "utf-8"),
        (HEADER + ROWS, "utf-8-sig"),
        ((HEADER + ROWS).replace("\n", "\r\n"), "utf-8"),
        (HEADER + ROWS + "\n\n", "utf-8"),
        ('"mean_a", "mean_b", "factor_x"\n' + ROWS, "utf-8"),
        (HEADER + "1,2.5,False\n3,4,TRUE\n", "utf-8"),
        (HEADER + "1,2.5,-1\n3,4,1\n", "utf-8"),
    ],
)
def test_a_table_reads_the_same_however_it_was_written(text, encoding, tmp_path):
    found = read_codes(_text(tmp_path, text, encoding))
    assert (found.latent_names, found.factor_names) == (("a", "b"), ("x",))
    np.testing.assert_array_equal(found.means, [[1, 2.5], [3, 4]])
    np.testing.assert_array_equal(found.factors, [[0], [1]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("z0,z1\n1,2\n", "no columns mean_<latent>"),
        ("1,2\n3,4\n", "no columns mean_<latent>"),
        ("sep=;\nmean_a\n", "no columns mean_<latent>"),
        ("mean_a,logvar_b\n1,2\n3,4\n", "must be one for each mean: logvar_a"),
        ("\n" + HEADER + ROWS, "has an empty first line"),
        (HEADER, "no rows"),
        # Rows of another length, whose columns would move.
        (HEADER + "0,1,2.5,0\n1,3,4,1\n", r"row 0 \(line 2\): cells: 4, .* name the first column"),
        (HEADER + ROWS.replace("\n", ",\n"), "remove the comma at the end"),
        (HEADER + ROWS + "5,6\n", r"row 2 \(line 4\): cells: 2"),
        ("mean_a,mean_b\n0,5,1,5\n2,5,3,5\n", "are its commas decimal ones"),
        ("mean_a\n1\n\n3\n", "line 3: is blank"),
        ('mean_a,note\n1,"x\ny"\n2\n', r"row 1 \(line 4\)"),
        # Names that are there twice.
        ("mean_a,mean_a\n1,2\n3,4\n", "column mean_a: is there twice"),
        ("mean_a, mean_ a\n1,2\n3,4\n", "column mean_a: is there twice"),
        ("mean_a,note,note\n1,2,2\n3,4,4\n", "column note: is there twice"),
        # Other separators.
        *[
            ((HEADER + ROWS).replace(",", mark), f"looks as if {word} were between")
            for mark, word in [(";", "semicolons"), ("\t", "tabs"), ("|", "bars"), (" ", "blanks")]
        ],
        # Cells.
        ('mean_a\n1\n""\n', r"row 1 \(line 3\), column mean_a: is blank"),
        (HEADER + "1, ,0\n3,4,1\n", r"row 0 \(line 2\), column mean_b: is blank"),
        (HEADER + "1,2,0\n3,4,\n", r"row 1 \(line 3\), column factor_x: is blank"),
        ("mean_a\n1\nhello\n", r"row 1 \(line 3\), column mean_a: 'hello' is no number"),
        ('mean_a\n"0,5"\n1\n', "'0,5' has a decimal comma"),
        *[(f"mean_a\n1\n{cell}\n", "is no number") for cell in ("1_0", "0x1", "١", "1 2", "NA")],
        *[
            (f"mean_a\n1\n{cell}\n", "means: has NaN, infinite")
            for cell in ("nan", "-inf", "1e400")
        ],
        (HEADER + "1,2,red\n3,4,blue\n", "'red' is text, not a label; number .* numpy.unique"),
        (HEADER + "1,2,9007199254740993\n3,4,1\n", "column factor_x: has labels too large"),
        (HEADER + "1,2\0,0\n", "line 2: has a NUL byte"),
        (HEADER + '1,"2,0\n3,4,1\n', "is a quote not closed"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_with_the_place(text, message, tmp_path):
    with pytest.raises(CodesError, match=message):
        read_codes(_text(tmp_path, text))


@pytest.mark.parametrize(
    ("encoding", "message"),
    [("utf-16", "UTF-16"), ("utf-16-le", "UTF-16"), ("utf-32", "UTF-32"), ("latin-1", "byte 0xe9")],
)
def test_other_encodings_are_refused_with_the_remedy(encoding, message, tmp_path):
    with pytest.raises(CodesError, match=f"{message}.*save it as UTF-8"):
        read_codes(_text(tmp_path, "mean_é\n1\n2\n", encoding))


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        *[
            (name, "mean")
            for name in ("means_a", "Mean_a", "mean-a", "meanA", "mean1", "mu_a", "mean_")
        ],
        *[(name, "logvar") for name in ("log_var_a", "logvars_a", "LogVar_a", "logvariance_a")],
        *[(name, "factor") for name in ("factors_x", "Factor x", "facotr_x", "factor")],
    ],
)
def test_a_column_that_is_nearly_one_that_is_read_is_refused(name, meant, tmp_path):
    with pytest.raises(CodesError, match=f"column {name}: looks like {meant}_<"):
        read_codes(_text(tmp_path, f"mean_b,{name}\n1,2\n3,4\n"))


def test_columns_that_are_not_read_are_named(tmp_path, caplog):
    text = ",mean_a,median_a,std_a,meaning,x\x1b\n0,1,2,3,4,5\n1,3,4,5,6,7\n"
    assert read_codes(_text(tmp_path, text)).latent_names == ("a",)
    assert caplog.messages == [
        f"warning: {tmp_path}/codes.csv: does not use the columns number 1, median_a, std_a, "
        f"meaning, x\\x1b"
    ]
