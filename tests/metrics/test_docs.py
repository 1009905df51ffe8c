"""The documentation of the metrics names them all, and its example runs."""

import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks import known_codes
from metrics import METRICS
from tests.documents import examples, run

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
# Trees and classifiers by the dozen, or draws by the thousand: in the table, but not again here.
SLOW = {"dci", "beta_vae_score", "factor_vae_score", "explicitness", "sap_score", "infomec"}


def _rows():
    """Return the table of known codes as it is printed in the text."""
    text = TEXT[TEXT.index("## Known codes") :]
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", text, re.MULTILINE)
    return {
        name: [np.nan if cell == "–" else float(cell) for cell in cells.split(" | ")]
        for name, cells in rows
    }


@pytest.mark.parametrize("name", METRICS)
def test_every_number_of_every_metric_is_in_the_table_of_known_codes(name):
    info = METRICS[name]
    for suffix, _ in info.variants:
        column = f"{name}_{suffix}" if suffix else name
        assert ({f"{column}_{key}" for key in info.outputs} or {column}) <= _rows().keys()


def test_the_table_says_what_the_metrics_say():
    found = known_codes.table(METRICS.keys() - SLOW)
    assert len(found) > 25
    for row, numbers in found.items():
        assert _rows()[row] == pytest.approx(numbers, abs=0.006, nan_ok=True), row


def test_every_metric_is_documented():
    table = TEXT[TEXT.index("| metric |") : TEXT.index("## Reading")]
    first_cells = re.findall(r"^\|([^|]*)\|", table, re.MULTILINE)
    named = {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}
    assert named == set(METRICS)


def test_the_example_runs():
    factors = np.indices((4, 5, 6)).reshape(3, -1).T
    (example,) = examples("docs/metrics.md")
    names = run(example, factors=factors, means=factors + 0.1)
    assert len(names["found"]["per_factor"]) == 3
