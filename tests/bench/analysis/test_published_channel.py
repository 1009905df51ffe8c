"""Fig. 3 beside the paper's: the digitised curve, the table of onsets, the page's part."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

from bench.analysis.claims.utilisation import in_order
from bench.analysis.published_channel import (
    COLUMNS,
    PUBLISHED,
    PUBLISHED_ONSETS,
    named_histories,
    utilisation_table,
)
from bench.page.published import utilisation_parts

from .claim_studies import FACTORS, Study

# As the protocol has them: total KL where a factor enters, and what the sums of the curves are.
TOTALS = {-541: 0.5, -400: 1.4, -300: 2.6, -222: 6.5, -179: 6.9, -154: 8.0, -120: 13.6}
TOTALS |= {-92: 15.4, -71: 17.0, -42: 24.0}


def _channels(onsets, n_rows=100, steps=100_000):
    """Return tables of channels, a seed each, whose factors come in at a total KL."""

    def curve(seed):
        ends = np.linspace(steps / n_rows, steps, n_rows).astype(int)
        total = 0.5 + 24.5 * ends / steps
        kl = {f"kl_{k}": 2.0 * (total >= onsets[seed][name]) for k, name in enumerate(FACTORS)}
        rows = {"step": ends, "c": total - 1, "kl": total, "reconstruction": 300 - 10 * total}
        return pd.DataFrame({**rows, **kl})

    study = Study("dsprites").model("factor_channel", len(onsets), kl=(1.0,) * 5, curve=curve)
    return study.tables()


def _onsets(scale, shape=12.0, orientation=20.0):
    places = {"scale": scale, "shape": shape, "orientation": orientation}
    return dict.fromkeys(FACTORS, 0.0) | places


def test_the_digitised_curve_adds_up_to_the_totals_that_were_read():
    whole = PUBLISHED.dropna().set_index("likelihood")
    assert whole.sum(axis=1).to_dict() == pytest.approx(TOTALS, abs=0.25)
    assert PUBLISHED["likelihood"].is_monotonic_increasing
    assert in_order({"position_x": 0.5, "position_y": 0.5, **PUBLISHED_ONSETS})


def test_onsets_are_medians_in_total_kl_with_their_range():
    tables = _channels([_onsets(6.0), _onsets(7.0), _onsets(9.0, orientation=math.inf)])
    table = utilisation_table(tables)
    assert tuple(table.columns) == COLUMNS
    found = table.set_index("quantity")
    # Windows of 1,000 steps are 0.245 nats apart; C is a nat below the KL here.
    for name, numbers in {"scale": (7, 6, 9), "shape": (12, 12, 12)}.items():
        row = found.loc[f"onset of {name}"]
        assert (row["ours"], row["low"], row["high"]) == pytest.approx(numbers, abs=0.25)
        assert row["published"] == PUBLISHED_ONSETS[name]
        assert row["n_without"] == 0
    late = found.loc["onset of orientation"]
    assert (late["ours"], late["low"]) == pytest.approx((20, 20), abs=0.25)
    assert late["high"] == math.inf
    assert (late["n_seeds"], late["n_without"]) == (3, 1)
    assert found.loc["log-likelihood at the end", "ours"] == pytest.approx(-50, abs=2.5)
    assert found.loc["log-likelihood at the end", "published"] == -42
    assert found.loc["KL of orientation at the end", "low"] == 0
    assert found.loc["KL of scale at the end", "ours"] == 2


def test_a_run_that_is_too_short_or_has_other_factors_is_left_out():
    assert utilisation_table(_channels([_onsets(6.0)], steps=4_000)).empty
    tables = _channels([_onsets(6.0)])
    tables.kl_per_dimension["latent"] = [f"z{k}" for k in range(5)]
    assert utilisation_table(tables).empty
    assert utilisation_parts(utilisation_table(tables)) == []


def test_a_history_has_its_factors_names():
    tables = _channels([_onsets(6.0)])
    (curve,) = named_histories(tables, tables.runs["run_id"]).values()
    assert [*curve.columns] == ["step", "c", "kl", "likelihood", *FACTORS]
    assert (curve["scale"] > 0).sum() == (curve["kl"] >= 6).sum()
    assert curve["likelihood"].iloc[-1] == pytest.approx(-50)


def test_seeds_without_scores_have_no_names_and_are_left_out():
    tables = _channels([_onsets(6.0), _onsets(7.0)])
    first, second = tables.runs["run_id"]
    scored = tables.kl_per_dimension[tables.kl_per_dimension["run_id"] == second]
    tables = dataclasses.replace(tables, kl_per_dimension=scored)
    assert [*named_histories(tables, [first, second])] == [second]
    onset = utilisation_table(tables).set_index("quantity").loc["onset of scale"]
    assert (onset["n_seeds"], onset["ours"]) == (1, pytest.approx(7, abs=0.25))


def test_the_page_says_never_where_a_factor_does_not_come():
    (part,) = utilisation_parts(utilisation_table(_channels([_onsets(6.0, shape=math.inf)])))
    assert part["title"].endswith(", 1 seed")
    rows = {row["quantity"]: row for row in part["rows"]}
    assert rows["onset of shape"] == {
        "quantity": "onset of shape", "theirs": "8.00", "ours": "never", "range": "",
    }  # fmt: skip
    assert rows["log-likelihood at the end"]["theirs"] == "−42"


@pytest.mark.parametrize("dataset", ["noisy_dsprites", "color_dsprites"])
def test_channels_of_other_images_are_not_beside_the_papers(dataset):
    tables = _channels([_onsets(6.0)] * 2)
    other = dataclasses.replace(tables, runs=tables.runs.assign(dataset=dataset))
    assert len(utilisation_table(tables))
    assert utilisation_table(other).empty
