"""The committed reference results are what their runs give, and what the README says of them."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench import load_results
from bench.analysis.claims import judge
from bench.analysis.published_ball import ball_latents
from bench.analysis.study import load_study
from bench.report import write_all_tables
from bench.store.store import Store

ROOT = Path(__file__).parents[2]
FOLDERS = ROOT / "results" / "reference"
REFERENCE = FOLDERS / "paper-small"
# The one that README's claims and figures are from.
LONG = FOLDERS / "paper-cpu"
# What each may take in megabytes. One that is not complete has runs, but no tables and no page.
SIZES = {"paper-small": 15, "paper-cpu": 30, "published-epochs": 10}
# What git ignores: figures outside of the page, and the mark of who is at work there.
NOT_COMMITTED = ("figures", ".lock")
_OF_A_PART = ("effect", "low", "high")


@pytest.fixture(scope="module")
def study():
    return load_study(Store(REFERENCE))


def test_every_folder_has_its_limit():
    assert {path.name for path in FOLDERS.iterdir()} <= {*SIZES}


@pytest.mark.parametrize("folder", sorted(FOLDERS.iterdir()), ids=lambda path: path.name)
def test_every_file_of_every_run_is_what_was_committed(folder):
    store = Store(folder)
    runs, damaged = store.scan()
    assert not damaged
    assert runs
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


def test_the_readme_has_the_verdicts_and_no_number_that_is_not_in_them():
    text = (ROOT / "README.md").read_text()
    rows = re.findall(r"^\| (\d)\. [^|]+ \| (\w+) \| (.+) \|$", text, re.MULTILINE)
    found = {str(one.claim): one for one in judge(load_results(LONG)) if one.headline}
    assert {claim: verdict for claim, verdict, _ in rows} == {
        claim: one.verdict for claim, one in found.items()
    }
    for claim, _, measured in rows:
        one = found[claim]
        known = [float(n) for n in re.findall(r"\d+\.?\d*", one.sentence)]
        known += [one.p_holm]
        known += [abs(getattr(part, name)) for part in one.parts for name in _OF_A_PART]
        for number in re.findall(r"\d+\.\d+", measured):
            digits = len(number.partition(".")[2])
            assert any(round(value, digits) == float(number) for value in known), number


def test_the_readme_has_how_far_the_maps_are_turned():
    text = (ROOT / "README.md").read_text()
    stated = float(re.search(r"turned from x and y by at\s+most ([\d.]+)\s+degrees", text)[1])
    runs = [run for run in Store(LONG).runs() if getattr(run.spec, "beta", None) == 150]
    assert len(runs) == 10
    turned = []
    for run in runs:
        codes = run.latents()
        positions = run.spec.dataset.load().factors(codes.indices)
        positions = positions - positions.mean(0)
        for latent in np.argsort(codes.means.var(0))[-2:]:
            slopes = np.linalg.lstsq(positions, codes.means[:, latent], rcond=None)[0]
            turned.append(np.degrees(np.arctan2(*np.sort(np.abs(slopes)))))
    assert round(max(turned), 1) == stated


def test_the_readme_has_the_latents_of_the_ball():
    text = (ROOT / "README.md").read_text()
    table = ball_latents(load_results(LONG))
    for beta, rows in table.groupby("beta"):
        stated = re.search(rf"^\| β = {beta:g}, ours \| (.*) \|$", text, re.MULTILINE)[1]
        ours = [
            f"{kl:.2f} σ {sigma:.2f}" for kl, sigma in zip(rows["kl"], rows["sigma"], strict=True)
        ]
        assert stated.split(" | ") == ours[:5]


@pytest.mark.parametrize("folder", sorted(FOLDERS.iterdir()), ids=lambda path: path.name)
def test_the_folder_is_no_larger_than_it_may_be(folder):
    sizes = [
        path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file() and not set(path.relative_to(folder).parts) & set(NOT_COMMITTED)
    ]
    assert sum(sizes) < SIZES[folder.name] * 1_000_000
