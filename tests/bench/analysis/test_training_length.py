"""What is too short to read depends on the size of the data."""

import math
from types import SimpleNamespace

import pandas as pd
import pytest

from bench.analysis.claims import _contrast
from bench.analysis.comparable import Setting
from bench.analysis.training_length import least_steps
from bench.page.facts import notices


@pytest.mark.parametrize(
    ("n_images", "batch_size", "large", "least"),
    [
        # dSprites at the paper's batches, and what claims on it ask for.
        (737_280, 64, 20_000, 20_000),
        (737_280, 32, 100_000, 100_000),
        # The ball: many passes take few steps, but a model needs updates too.
        (1_024, 16, 20_000, 5_000),
        (1_024, 1, 20_000, 20_000),
        (4_096, 16, 20_000, 12_800),
        (math.nan, 64, 20_000, 20_000),
    ],
)
def test_small_data_are_seen_often_in_few_steps(n_images, batch_size, large, least):
    assert least_steps(n_images, batch_size, large) == least


def _runs(*rows):
    columns = ["dataset", "dataset_images", "batch_size", "steps"]
    shared = {"kind": "vae", "dataset_options": "{}"}
    return pd.DataFrame(rows, columns=columns).assign(**shared)


def _notices(*rows):
    scores = pd.DataFrame(columns=["metric", "value", "reason"])
    tables = SimpleNamespace(runs=_runs(*rows), scores=scores, failures=[], notices=())
    return notices(SimpleNamespace(tables=tables))


def test_the_page_says_it_of_every_dataset_by_its_size():
    ball, sprites = ("ball", 1_024, 16), ("dsprites", 737_280, 64)
    assert _notices((*ball, 6_000), (*sprites, 20_000)) == []
    (text,) = _notices((*ball, 6_000), (*ball, 1_500), (*sprites, 20_000))
    said = "1 of 2 runs on ball (radius 4) (from 1,500 steps; 5,000 are needed)"
    assert text.startswith(f"Too short to compare methods: {said}. ")
    (text,) = _notices((*ball, 1_500), (*sprites, 6_000), (*sprites, 12_000))
    assert "1 of 1 runs on ball" in text
    assert "2 of 2 runs on dsprites (from 6,000 steps; 20,000 are needed)" in text
    (text,) = _notices(*(("ball", 20_000, size, 100) for size in (64, 100, 500)))
    assert "5,000 to 15,625 are needed" in text


def test_claims_ask_for_as_much_by_the_same_rule():
    def said(*row):
        return _contrast.too_short(Setting(None, _runs(row)))

    assert said("dsprites", 737_280, 64, 99_999) == (
        "Train longer: at least 100,000 steps are needed."
    )
    assert said("dsprites", 737_280, 64, 100_000) == ""
    assert said("dsprites", 18_432, 64, 14_400) == ""
    assert "at least 14,400" in said("dsprites", 18_432, 64, 14_399)
    # A table of an earlier version does not say how many images there are.
    older = _runs(("dsprites", 737_280, 64, 99_999)).drop(columns="dataset_images")
    assert "100,000" in _contrast.too_short(Setting(None, older))
