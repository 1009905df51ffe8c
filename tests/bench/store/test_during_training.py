"""Scores on the way as they are stored: exact, and nothing else is believed."""

import numpy as np
import pandas as pd
import pytest

from bench.store.during_training import parse_scores_text, scores_text

ROWS = [(1, "mig", 0.1 + 0.2), (1, "nan", np.nan), (10**9, "mig", 1e-300), (10**9, "a, b", -3.0)]


def test_what_is_stored_is_read_to_the_last_bit():
    table = pd.DataFrame(ROWS, columns=["step", "metric", "value"])
    pd.testing.assert_frame_equal(parse_scores_text(scores_text(table).encode()), table)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "No columns"),
        ("step,metric\n1,mig\n", "columns are not"),
        ("step,value,metric\n1,0.5,mig\n", "columns are not"),
        ("step,metric,value\n0,mig,1\n", "steps are not whole"),
        (f"step,metric,value\n{'9' * 400},mig,1\n", "steps are not whole"),
        ("step,metric,value\n1.5,mig,1\n", "steps are not whole"),
        ("step,metric,value\n1,mig,x\n", "could not convert"),
        ("step,metric,value\n1,mig,1\n1,mig,2\n", "two values"),
        ("step,metric,value\n1,,1\n", "metrics are not names"),
        ('step,metric,value\n1,"a\x1b[2Jb",1\n', "metrics are not names"),
        (f"step,metric,value\n1,{'a' * 1_001},1\n", "metrics are not names"),
        ("step,metric,value\n1,mig,1,2,3\n", "columns are not"),
    ],
)
def test_what_is_none_is_refused(content, message):
    with pytest.raises(ValueError, match=message):
        parse_scores_text(content.encode())
