"""The documentation of the metrics names them all, and its example runs."""

import re
from pathlib import Path

import numpy as np

from metrics import METRICS

TEXT = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")


def test_every_metric_is_documented():
    table = TEXT[TEXT.index("| metric |") : TEXT.index("## Reading")]
    first_cells = re.findall(r"^\|([^|]*)\|", table, re.MULTILINE)
    named = {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}
    assert named == set(METRICS)


def test_the_example_runs():
    factors = np.indices((4, 5, 6)).reshape(3, -1).T
    names = {"factors": factors, "means": factors + 0.1}
    (example,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    exec(example.replace(", ...", ""), names)  # noqa: S102 - our own documentation
    assert len(names["found"]["per_factor"]) == 3
