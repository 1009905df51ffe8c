"""The committed reference results are what their runs give, and what the README says of them."""

import re
from pathlib import Path

import pandas as pd
import pytest

from bench.analysis.study import load_study
from bench.report import write_all_tables
from bench.store.store import Store

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "results" / "reference" / "paper-small"
# What git ignores: figures outside of the page, and the mark of who is at work there.
NOT_COMMITTED = ("figures", ".lock")


@pytest.fixture(scope="module")
def study():
    return load_study(Store(REFERENCE))


def test_every_file_of_every_run_is_what_was_committed():
    store = Store(REFERENCE)
    runs, damaged = store.scan()
    assert not damaged
    assert len(runs) > 70
    assert not store.damaged([run.run_id for run in runs])


def test_tables_are_those_of_the_runs(study, tmp_path):
    store = Store(tmp_path / "tables of the reference", create=True)
    write_all_tables(store, study)
    written = sorted((store.folder / "tables").iterdir())
    assert [path.name for path in written] == sorted(
        p.name for p in (REFERENCE / "tables").iterdir()
    )
    for path in (path for path in written if path.suffix == ".csv"):
        expected = pd.read_csv(REFERENCE / "tables" / path.name)
        # Another version of a library may differ in the last digit.
        pd.testing.assert_frame_equal(pd.read_csv(path), expected, rtol=1e-6)


def test_the_readme_has_the_verdicts(study):
    text = (ROOT / "README.md").read_text()
    stated = dict(re.findall(r"^\| (\d)\. [^|]+ \| (\w+) \|", text, re.MULTILINE))
    claims = pd.read_csv(REFERENCE / "tables" / "claims.csv")
    headline = claims[claims["headline"]]
    assert stated == dict(zip(headline["claim"].astype(str), headline["verdict"], strict=True))


def test_the_folder_is_at_most_15_megabytes():
    sizes = [
        path.stat().st_size
        for path in REFERENCE.rglob("*")
        if path.is_file() and not set(path.relative_to(REFERENCE).parts) & set(NOT_COMMITTED)
    ]
    assert sum(sizes) < 15_000_000
