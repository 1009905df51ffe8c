"""The claims: every verdict of every claim, on tables where it is known."""

import dataclasses
import io
import json
import math
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bench import setting, study as bench_study
from bench.claims import (
    CLAIMS,
    _contrast,
    judge,
    no_trade_off,
    releasing,
    smoothness,
    tracking,
    two_latents,
    utilisation,
    verdict_frame,
)
from bench.claims._base import Verdict, corrected
from bench.claims._parts import Part, correlation_difference, difference, share
from bench.claims.page import claims_section
from bench.store import Store
from bench.tables import Tables

FACTORS = ("shape", "scale", "orientation", "position_x", "position_y")
SHARED = {
    "dataset_options": "{}",
    "precision": "float32",
    "evaluation_images": "all",
    "evaluation_seed": 0,
    "architecture": "burgess",
    "likelihood": "bernoulli",
    "steps": 100_000,
    "batch_size": 64,
    "learning_rate": 5e-4,
    "n_latents": 10,
}
OWN = ("beta", "beta_start", "beta_end", "gamma", "capacity", "anneal_steps")
# Seeds differ by this much, so that intervals have a width.
SPREAD = np.linspace(-1, 1, 10)
COLUMNS = {"kl": ["run_id", "latent", "kl"], "history": ["run_id", "step", "kl", "c"]}


class Study:
    """Builds tables run by run."""

    def __init__(self, dataset, **shared):
        self.shared = {"dataset": dataset, **SHARED, **shared}
        self.rows, self.kl, self.curves = [], [], []

    def model(self, kind, seeds=10, kl=(2.0, 2.0), curve=None, **values):
        """Add a model: each value is a number, or a function of the seed."""
        seeds = range(seeds) if isinstance(seeds, int) else seeds
        for seed in seeds:
            given = {k: v(seed) if callable(v) else v for k, v in values.items()}
            row = {**self.shared, "kind": kind, "seed": seed, **given}
            own = json.dumps([row.get(name) for name in (*OWN, *self.shared)])
            per_latent = kl(seed) if callable(kl) else kl
            row |= {"run_id": f"{kind}{own}{seed}", "group_id": f"{kind}{own}"}
            row |= {"label": row.get("label", f"{kind} {own}"), "kl": sum(per_latent)}
            self.rows.append(row)
            names = FACTORS if kind == "factor_channel" else [f"z{j}" for j in range(10)]
            self.kl += [(row["run_id"], n, v) for n, v in zip(names, per_latent, strict=False)]
            if curve is not None:
                self.curves.append(curve(seed).assign(run_id=row["run_id"]))
        return self

    def tables(self):
        empty = pd.DataFrame()
        scores = pd.DataFrame(columns=["run_id", "metric", "reason", "warnings"])
        history = (
            pd.concat(self.curves) if self.curves else pd.DataFrame(columns=COLUMNS["history"])
        )
        runs = pd.DataFrame(self.rows)
        for name in OWN:
            if name not in runs:
                runs[name] = math.nan
        kl = pd.DataFrame(self.kl, columns=COLUMNS["kl"])
        return Tables(runs, empty, empty, kl, history, scores, empty, empty, empty)


def _verdict(study, number):
    (found,) = [v for v in judge(study.tables()) if v.claim == number and v.headline]
    return found


# Claim 1


def _balls(passing, seeds=10, plateau=(), **values):
    """Return a ball study in which so many seeds pass."""
    study = Study("ball")
    study.model(
        "vae",
        seeds,
        kl=lambda seed: (0.01,) * 4 if seed in plateau else (3.0, 2.0, 1.0, 0.5, 0.05),
        beta=1.0,
    )
    study.model("beta_vae", seeds, beta=4.0, kl=(2.0, 2.0, 0.5))
    good = {"factor_regression": lambda seed: 0.95 if seed < passing else 0.5}
    study.model("beta_vae", seeds, beta=30.0, kl=(1.5, 1.4, 0.05), **(good | values))
    # Collapsed, however well it scores.
    return study.model("beta_vae", seeds, beta=150.0, kl=(0.4, 0.4), factor_regression=1.0)


@pytest.mark.parametrize(
    ("passing", "verdict"), [(10, "reproduced"), (0, "contradicted"), (6, "inconclusive")]
)
def test_two_latents(passing, verdict):
    found = _verdict(_balls(passing), 1)
    assert found.verdict == verdict
    (part,) = found.parts
    assert part.effect == passing / 10
    assert f"{passing} of 10 seeds pass; at β = 30" in found.sentence
    assert "β = 1: 4; β = 4: 3; β = 30: 2; β = 150: 2, no code" in found.sentence
    assert not found.missing


def test_three_latents_at_high_beta_or_two_at_low_do_not_pass():
    three = Study("ball").model("vae", beta=1.0, kl=(1.0,) * 4)
    three.model("beta_vae", beta=30.0, kl=(1.0,) * 3, factor_regression=1.0)
    assert _verdict(three, 1).verdict == "contradicted"
    two = Study("ball").model("vae", beta=1.0, kl=(2.0, 2.0))
    two.model("beta_vae", beta=30.0, kl=(2.0, 2.0), factor_regression=1.0)
    assert _verdict(two, 1).verdict == "contradicted"


def test_a_seed_on_the_plateau_does_not_pass_and_contradicts_nothing():
    found = _verdict(_balls(10, plateau=range(9)), 1)
    assert found.verdict == "inconclusive"
    assert found.parts[0].effect == 0.1
    assert "9 have no code at β = 1 and do not pass" in found.sentence
    assert "Train longer" in found.missing
    # One of ten does not matter, and seeds that fail at high β fail on any plateau.
    assert _verdict(_balls(10, plateau=[0]), 1).verdict == "reproduced"
    assert _verdict(_balls(0, plateau=range(10)), 1).verdict == "contradicted"


def test_without_the_regression_it_says_how_to_get_it():
    study = Study("ball").model("vae", beta=1.0, kl=(1.0,) * 4)
    found = _verdict(study.model("beta_vae", beta=30.0), 1)
    assert found.verdict == "inconclusive"
    expected = "Add `factor_regression` to metrics and start the grid again: nothing is trained"
    assert expected in found.missing
    found = _verdict(_balls(10, factor_regression=lambda s: math.nan if s > 2 else 1.0), 1)
    assert found.verdict == "inconclusive"
    assert "`factor_regression` lacks values: no reason is stored." in found.missing


def test_a_grid_without_a_contrast_says_what_to_add():
    collapsed = Study("ball").model("vae", beta=1.0).model("beta_vae", beta=150.0, kl=(0.1, 0.1))
    for number in (1, 2):
        assert "No β above 1 has a code" in _verdict(collapsed, number).missing
        assert "(tried: 150)" in _verdict(collapsed, number).missing
        plain = _verdict(Study("ball").model("beta_vae", beta=30.0), number)
        assert plain.missing == "Add `vae` to models."


# Claim 2


def _smooth(high, low=0.6, seeds=10, step=0.02, **values):
    study = Study("ball").model("vae", seeds, beta=1.0, smoothness=lambda s: low + step * SPREAD[s])
    noise = [1, -1, 1, 1, -1, -1, 1, -1, 1, -1]
    values = {"smoothness": lambda s: high + step * (SPREAD[s] + noise[s]), **values}
    return study.model("beta_vae", seeds, beta=30.0, trustworthiness=0.97, **values)


@pytest.mark.parametrize(
    ("high", "verdict"), [(0.8, "reproduced"), (0.6, "contradicted"), (0.65, "inconclusive")]
)
def test_smoothness(high, verdict):
    found = _verdict(_smooth(high), 2)
    assert found.verdict == verdict
    (part,) = found.parts
    assert part.effect == pytest.approx(high - 0.6, abs=0.01)
    assert part.unpaired == pytest.approx(part.effect, abs=0.01)
    assert part.unpaired_low < part.low < part.effect < part.high < part.unpaired_high
    assert "Trustworthiness of 8 neighbours: 0.97 and –" in found.sentence


def test_smoothness_of_collapsed_codes_is_none():
    found = _verdict(_smooth(0.8, smoothness=math.nan), 2)
    assert found.verdict == "inconclusive"
    assert not found.parts
    assert "lacks values" in found.missing
    study = Study("ball").model("beta_vae", beta=30.0, smoothness=0.8)
    study.model("vae", beta=1.0, kl=lambda s: (0.1,) if s < 5 else (3.0,), smoothness=0.1)
    found = _verdict(study, 2)
    assert found.verdict == "inconclusive"
    assert "5 seeds have a code at β = 30 and at β = 1" in found.missing
    assert "Left out: 5 without a code at β = 1." in found.sentence


def test_fishers_z_is_brought_back_to_correlations():
    seeds = pd.RangeIndex(8)
    low = pd.Series(np.tanh(0.5 + 0.1 * np.arange(8)), seeds)
    part = correlation_difference("ρ", "above", 0.05, np.tanh(np.arctanh(low) + 0.3), low)
    centre = 0.5 + 0.1 * 3.5
    expected = math.tanh(centre + 0.3) - math.tanh(centre)
    assert (part.effect, part.low, part.high) == pytest.approx((expected,) * 3)
    # Where the margin is, p is 1.
    step = math.atanh(math.tanh(centre) + 0.05) - centre
    noise = 0.01 * np.array([1, -1, 1, -1, 1, -1, 1, -1])
    at_margin = np.tanh(np.arctanh(low) + step + noise)
    part = correlation_difference("ρ", "above", 0.05, at_margin, low)
    assert part.effect == pytest.approx(0.05)
    assert part.p_value == pytest.approx(1)
    # A correlation of 1 is no infinity.
    ones = pd.Series(np.ones(8), seeds)
    assert correlation_difference("ρ", "above", 0.05, ones, low).verdict == "reproduced"


# Claim 3


def _channel(onsets, steps=100_000, rows=600):
    """Return a history in which a factor comes into use at a capacity."""
    ends = np.linspace(steps / rows, steps, rows).astype(int)
    c = 0.5 + 24.5 * ends / steps
    kl = {f"kl_{k}": np.where(c >= onsets[name], 1.0, 0.01) for k, name in enumerate(FACTORS)}
    return pd.DataFrame({"step": ends, "kl": c, "c": c, **kl})


ORDER = {"position_x": 1.0, "position_y": 1.4, "scale": 6.0, "shape": 10.0, "orientation": 15.0}
SWAPPED = ORDER | {"scale": 10.0, "shape": 6.0}


def _channels(passing, seeds=10, **values):
    return Study("dsprites").model(
        "factor_channel",
        seeds,
        gamma=100.0,
        capacity=25.0,
        kl=(1.0,) * 5,
        curve=lambda seed: _channel(ORDER if seed < passing else SWAPPED, **values),
    )


@pytest.mark.parametrize(
    ("passing", "verdict"), [(10, "reproduced"), (1, "contradicted"), (6, "inconclusive")]
)
def test_order_of_utilisation(passing, verdict):
    found = _verdict(_channels(passing), 3)
    assert found.verdict == verdict
    assert found.parts[0].effect == passing / 10
    assert f"{passing} at 0.05 nat, {passing} at 0.3 nat" in found.sentence


@pytest.mark.parametrize(
    ("change", "passes"),
    [
        ({}, True),
        ({"orientation": math.inf}, True),
        ({"orientation": math.inf, "shape": math.inf}, False),
        ({"position_x": math.inf, "position_y": math.inf}, False),
        ({"position_y": 2.1}, False),
        ({"scale": 1.2}, False),
        ({"shape": 6.0}, False),
    ],
)
def test_the_order_is_x_with_y_then_scale_shape_orientation(change, passes):
    assert utilisation.in_order(ORDER | change) == passes


def test_a_factor_is_in_use_from_five_windows_on():
    kl = pd.Series([0.2, 0.2, 0.2, 0.2, 0.05, 0.2, 0.2, 0.2, 0.2, 0.2, 0.05])
    windows = pd.DataFrame(dict.fromkeys(FACTORS, kl)).assign(c=np.arange(11.0))
    assert set(utilisation.onset(windows, 0.1).values()) == {5.0}
    assert set(utilisation.onset(windows, 0.01).values()) == {0.0}
    assert set(utilisation.onset(windows[:9], 0.1).values()) == {math.inf}


def test_a_short_channel_and_one_without_the_factors_are_inconclusive():
    short = _channels(10, steps=4_000)
    assert "fewer than 5 windows" in _verdict(short, 3).missing
    tables = _channels(10).tables()
    tables.kl_per_dimension["latent"] = "z0"
    found = next(v for v in judge(tables) if v.claim == 3)
    assert "need the factors position_x, position_y, scale" in found.missing


def test_windows_are_means_weighted_by_length():
    rows = pd.DataFrame({"step": [600, 1200, 1800, 2100], "kl": [1.0, 2.0, 3.0, 4.0]})
    found = setting.windowed(rows)
    # Middles at 300, 900, 1500, 1950: two windows of two rows each.
    assert found["start"].tolist() == [0, 1000]
    assert found["kl"].tolist() == pytest.approx([1.5, (3 * 600 + 4 * 300) / 900])
    long = pd.DataFrame({"step": [2500, 5000], "kl": [1.0, 2.0]})
    assert setting.windowed(long)["kl"].tolist() == [1.0, 2.0]
    # Of a last window of 300 steps nothing is said.
    last = pd.DataFrame({"step": [1000, 1300], "kl": [1.0, 9.0]})
    assert setting.windowed(last)["kl"].tolist() == [1.0]


# Claim 4


def _followed(off, steps=100_000):
    """Return a history that is off by 2 nats in a share of its windows of 1,000 steps."""
    ends = np.arange(1_000, steps + 1, 1_000)
    c = 25 * ends / steps
    late = ends > 5_000
    away = late & (np.cumsum(late) <= round(off * late.sum()))
    # Whatever happens before step 5,000 does not count.
    return pd.DataFrame({"step": ends, "c": c, "kl": c + 2.0 * away + 5.0 * ~late})


def _tracking(passing, dataset="dsprites", seeds=10, **shared):
    study = Study(dataset, **shared)
    for gamma in (10.0, 1000.0):
        study.model(
            "capacity_vae",
            seeds,
            gamma=gamma,
            capacity=25.0,
            curve=lambda s, gamma=gamma: _followed(
                0.04 if gamma == 1000 and s < passing else 0.06, study.shared["steps"]
            ),
        )
    return study


@pytest.mark.parametrize(
    ("passing", "verdict"), [(10, "reproduced"), (0, "contradicted"), (5, "inconclusive")]
)
@pytest.mark.parametrize("dataset", ["ball", "dsprites"])
def test_capacity_tracking(passing, verdict, dataset):
    found = _verdict(_tracking(passing, dataset), 4)
    assert found.verdict == verdict
    assert found.dataset == dataset
    assert f"{passing} of 10 seeds pass at γ = 1e+03" not in found.sentence
    assert f"{passing} of 10 seeds pass at γ = 1000" in found.sentence
    assert "γ = 10: 0.937" in found.sentence


def test_a_seed_follows_only_if_all_its_capacities_do():
    study = _tracking(10)
    study.model("capacity_vae", gamma=1000.0, capacity=5.0, curve=lambda seed: _followed(0.5))
    assert _verdict(study, 4).verdict == "contradicted"


def test_short_runs_and_other_gammas_say_nothing_of_tracking():
    assert "at least 10,000 steps" in _verdict(_tracking(10, steps=9_000), 4).missing
    other = Study("ball").model(
        "capacity_vae", gamma=100.0, capacity=5.0, curve=lambda seed: _followed(0)
    )
    assert _verdict(other, 4).missing == "Add a `capacity_vae` of gamma: 1000."


# Claims 5 and 6

MIG = "mig_posterior_exclude_shape"


def _sprites(mig, reconstruction, seeds=10, **shared):
    """Return dSprites runs whose differences from the fixed β are these, up to a small spread."""
    study = Study("dsprites", **shared)

    def near(value, size, step):
        return lambda seed: value + size * SPREAD[step * seed % 10]

    def score(values, m, r):
        # Fixed and annealed models vary in different ways: their differences vary too.
        step = 3 if "anneal_steps" in values else 1
        return {MIG: near(m, 0.01, step), "reconstruction": near(r, 0.2, step), **values}

    study.model("vae", seeds, **score({"beta": 1.0}, 0.1, 15))
    study.model("beta_vae", seeds, **score({"beta": 4.0}, 0.2, 30))
    study.model("beta_vae", seeds, **score({"beta": 16.0}, 0.2, 30))
    raised = {"gamma": 1000.0, "capacity": 25.0, "anneal_steps": 100_000}
    study.model("capacity_vae", seeds, **score(raised, 0.2 + mig, 30 + reconstruction))
    falling = {"beta_start": 16.0, "beta_end": 1.0, "anneal_steps": 50_000}
    study.model("annealed_beta_vae", seeds, **score(falling, 0.2 + mig, 30 + reconstruction))
    return study


@pytest.mark.parametrize("number", [5, 6])
@pytest.mark.parametrize(
    ("mig", "reconstruction", "verdict"),
    [
        (0.02, -5, "reproduced"),
        (-0.2, -5, "contradicted"),
        (0.02, 3, "contradicted"),
        (-0.05, -5, "inconclusive"),
        (0.02, -1, "inconclusive"),
        (-0.05, 3, "contradicted"),
    ],
)
def test_no_trade_off_and_releasing(number, mig, reconstruction, verdict):
    found = _verdict(_sprites(mig, reconstruction), number)
    assert found.verdict == verdict
    assert len(found.parts) == {5: 2, 6: 3}[number]
    assert not found.missing
    by_quantity = {part.quantity: part.effect for part in found.parts}
    name = {5: "C = 25 minus β = 4", 6: "β 16→1 minus β = 16"}[number]
    assert by_quantity[f"MIG (posterior, without shape), {name}"] == pytest.approx(mig)
    expected = pytest.approx(reconstruction)
    assert by_quantity[f"reconstruction (nats per image), {name}"] == expected


def test_the_contrast_with_beta_one_is_part_of_releasing():
    study = _sprites(0.02, -5)
    for row in study.rows:
        if row["kind"] == "vae":
            row[MIG] += 0.1
    assert [part.verdict for part in _verdict(study, 6).parts] == [
        "reproduced",
        "reproduced",
        "contradicted",
    ]
    assert _verdict(study, 6).verdict == "contradicted"


@pytest.mark.parametrize("number", [5, 6])
def test_missing_scores_models_and_steps_of_the_contrasts(number):
    study = _sprites(0.02, -5)
    for row in study.rows:
        del row[MIG]
    found = _verdict(study, number)
    assert found.verdict == "inconclusive"
    assert "Add `{name: mig, exclude: [shape]}` to metrics" in found.missing
    # What is measured can still contradict.
    for row in study.rows:
        row["reconstruction"] = 30.0
    assert _verdict(study, number).verdict == "contradicted"
    assert "100,000 steps" in _verdict(_sprites(0.02, -5, steps=99_999), number).missing
    study = _sprites(0.02, -5)
    study.rows = [row for row in study.rows if row.get("beta") not in (4.0, 16.0)]
    found = _verdict(study, number)
    assert found.verdict == "inconclusive"
    assert f"no model of {'β = 4' if number == 5 else 'β = 16'}" in found.missing


def test_the_front_is_of_models_that_no_other_beats():
    study = _sprites(0.02, -5)
    for row in study.rows:
        row["label"] = f"{row['kind']} {row.get('beta', '')}".strip()
    sentence = _verdict(study, 5).sentence
    # β = 4 and 16 are worse than C = 25 in both; the VAE reconstructs best.
    assert "No other of 4 models beats in both means: vae 1.0, capacity_vae." in sentence
    assert "Beside β = 16: MIG" in sentence


def test_of_several_annealings_the_papers_is_taken():
    study = _sprites(0.02, -5)
    study.model(
        "capacity_vae",
        gamma=1000.0,
        capacity=25.0,
        anneal_steps=20_000,
        **{MIG: 0.0, "reconstruction": 100.0},
    )
    assert _verdict(study, 5).verdict == "reproduced"


# All claims

REPRODUCED = {
    1: lambda **k: _balls(10, **k),
    2: lambda **k: _smooth(0.8, **k),
    3: lambda **k: _channels(10, **k),
    4: lambda **k: _tracking(10, **k),
    5: lambda **k: _sprites(0.02, -5, **k),
    6: lambda **k: _sprites(0.02, -5, **k),
}


@pytest.mark.parametrize("number", CLAIMS)
def test_five_seeds_are_too_few_and_six_are_enough(number):
    found = _verdict(REPRODUCED[number](seeds=5), number)
    assert found.verdict == "inconclusive"
    assert not found.parts
    assert "add seeds until 6 do (10 are better)" in found.missing
    assert math.isnan(found.p_value)
    assert _verdict(REPRODUCED[number](seeds=6), number).verdict == "reproduced"


@pytest.mark.parametrize("number", CLAIMS)
def test_two_precisions_are_two_verdicts(number):
    study = REPRODUCED[number]()
    half = [row | {"precision": "bfloat16"} for row in study.rows if row["seed"] < 4]
    study.rows = [row for row in study.rows if row["seed"] >= 4] + half
    found = [v for v in judge(study.tables()) if v.claim == number]
    # Four seeds are too few for a verdict of their own, and are added to no others.
    assert [(v.precision, v.verdict) for v in found] == [("float32", "reproduced")]
    assert found[0].parts[0].n_seeds == 6
    both = REPRODUCED[number]()
    again = [
        row | {"precision": "bfloat16", "run_id": f"b{row['run_id']}", "group_id": row["group_id"]}
        for row in both.rows
    ]
    both.rows = again + both.rows
    both.kl += [(f"b{name}", latent, value) for name, latent, value in both.kl]
    both.curves += [curve.assign(run_id="b" + curve["run_id"]) for curve in both.curves]
    found = [v for v in judge(both.tables()) if v.claim == number]
    assert [v.precision for v in found] == ["float32", "bfloat16"]
    assert [v.headline for v in found] == [True, False]
    assert [v.parts[0].n_seeds for v in found] == [10, 10]


def test_different_settings_are_never_compared():
    study = Study("ball").model("vae", beta=1.0, kl=(1.0,) * 4, learning_rate=1e-3)
    study.model("beta_vae", beta=30.0, factor_regression=1.0, learning_rate=1e-4)
    assert _verdict(study, 1).missing == "Add `vae` to models."


def test_the_default_of_a_dataset_is_the_headline_and_what_is_measured_comes_before_the_rest():
    disc = _balls(0)
    for row in disc.rows:
        row |= {"dataset_options": '{"radius": 16}', "run_id": f"disc{row['run_id']}"}
    disc.kl = [(f"disc{name}", latent, value) for name, latent, value in disc.kl]
    blob = _balls(10)
    both = Study("ball")
    both.rows, both.kl = disc.rows + blob.rows, disc.kl + blob.kl
    found = [v for v in judge(both.tables()) if v.claim == 1]
    assert [(v.dataset_options, v.verdict) for v in found] == [
        ("{}", "reproduced"),
        ('{"radius": 16}', "contradicted"),
    ]
    # A longer run of one model alone is no question, and takes no headline.
    study = _sprites(0.02, -5)
    study.model("capacity_vae", 3, gamma=100.0, capacity=25.0, steps=345_600)
    found = [v for v in judge(study.tables()) if v.claim == 5]
    assert [(v.steps, v.verdict) for v in found] == [(100_000, "reproduced")]


def test_a_study_without_models_of_a_claim_says_what_to_add():
    empty = Study("dsprites")
    for tables in (Study("dsprites").model("vae", beta=1.0).tables(), empty.tables()):
        verdicts = judge(tables)
        assert [v.claim for v in verdicts] == [*CLAIMS] == [1, 2, 3, 4, 5, 6]
        assert {v.verdict for v in verdicts} == {"inconclusive"}
        assert all(v.missing.startswith("The grid has no such models: add `") for v in verdicts)


def _with_p(claim, p, headline=True):
    verdict = next(v for v in judge(_balls(10).tables()) if v.claim == 1)
    part = dataclasses.replace(verdict.parts[0], p_value=p)
    return dataclasses.replace(verdict, claim=claim, headline=headline, parts=(part,))


def test_holms_correction_is_over_six_whatever_was_tested():
    untested = Verdict(6, "", "", True, "", "", "", None, "inconclusive", (), "", "nothing")
    ps = {1: 0.01, 2: 0.04, 3: 0.03, 4: 0.005, 5: 0.2}
    verdicts = [_with_p(claim, p) for claim, p in ps.items()]
    found = {v.claim: v.p_holm for v in corrected([*verdicts, untested])}
    # Known: sorted 0.005·6, 0.01·5, 0.03·4, 0.04·3, 0.2·2.
    assert [found[claim] for claim in (4, 1, 3, 2, 5)] == pytest.approx(
        [0.03, 0.05, 0.12, 0.12, 0.4]
    )
    assert math.isnan(found[6])
    (alone, *_) = corrected([_with_p(1, 0.5), _with_p(1, 1e-9, headline=False), untested])
    assert alone.p_holm == 1
    assert corrected([_with_p(1, 1e-9, headline=False)])[0].p_holm is not alone.p_holm


def test_ten_of_ten_survive_the_correction_and_six_of_six_do_not():
    assert _verdict(_balls(10), 1).survives_correction
    six = _verdict(_balls(6, seeds=6), 1)
    assert six.verdict == "reproduced"
    assert six.p_value == pytest.approx(2 * 0.5**6)
    assert not six.survives_correction


def test_a_part_is_judged_by_its_interval_alone():
    for (low, high), direction in product([(1, 2), (-2, -1), (-1, 1), (0, 1)], ("above", "below")):
        part = Part("", direction, 0.0, (low + high) / 2, low, high, 6, 0.5)
        beyond = low > 0 if direction == "above" else high < 0
        short = high < 0 if direction == "above" else low > 0
        expected = "reproduced" if beyond else "contradicted" if short else "inconclusive"
        assert part.verdict == expected
    assert Part("", "above", 0.0, *[math.nan] * 3, 6, 0.5).verdict == "inconclusive"


def test_shares_and_differences_have_the_intervals_of_textbooks():
    # 8 of 10: Clopper and Pearson 1934.
    part = share("", 8, 10)
    assert (part.low, part.high) == pytest.approx((0.4439, 0.9748), abs=1e-4)
    seeds = pd.RangeIndex(6)
    a, b = pd.Series([1.0, 2, 3, 4, 5, 6], seeds), pd.Series([0.0, 0, 2, 3, 3, 4], seeds)
    part = difference("", "above", 0.0, a, b)
    # Differences 1 2 1 1 2 2: mean 1.5, s = 0.5477, t(5) = 2.5706.
    assert (part.effect, part.low, part.high) == pytest.approx((1.5, 0.9252, 2.0748), abs=1e-4)
    from scipy.stats import ttest_ind, ttest_rel

    assert part.p_value == pytest.approx(ttest_rel(a, b).pvalue)
    welch = ttest_ind(a, b, equal_var=False).confidence_interval()
    assert (part.unpaired_low, part.unpaired_high) == pytest.approx((welch.low, welch.high))
    # A seed without a partner is in the unpaired interval alone.
    more = difference("", "above", 0.0, pd.concat([a, pd.Series([9.0], [6])]), b)
    assert more.n_seeds == 6
    assert more.effect == part.effect != more.unpaired


def test_constants_are_those_of_the_protocol():
    assert (two_latents.LATENTS, two_latents.LEAST_R2) == (2, 0.9)
    assert (setting.CODE_KL, setting.ACTIVE_KL, setting.WINDOW) == (1.0, 0.1, 1_000)
    assert smoothness.MARGIN == 0.05
    assert (utilisation.THRESHOLD, utilisation.STAYS, utilisation.TOGETHER) == (0.1, 5, 1.0)
    assert utilisation.SENSITIVITY == (0.05, 0.3)
    assert utilisation.THEN == ("scale", "shape", "orientation")
    assert (tracking.GAMMA, tracking.TOLERANCE, tracking.LEAST_SHARE) == (1000, 1.0, 0.95)
    assert tracking.AFTER == 5_000
    assert (no_trade_off.GAMMA, no_trade_off.CAPACITY, no_trade_off.BETA) == (1000, 25, 4)
    assert (no_trade_off.MIG_MARGIN, no_trade_off.RECONSTRUCTION_MARGIN) == (-0.05, -1.0)
    assert no_trade_off.SECONDARY_BETA == 16
    assert _contrast.LEAST_STEPS == 100_000
    assert (releasing.HIGH_BETA, releasing.LOW_BETA) == (16, 1)
    assert (releasing.MIG_MARGIN_HIGH, releasing.MIG_MARGIN_LOW) == (-0.05, 0.05)
    assert releasing.RECONSTRUCTION_MARGIN == -1.0
    origins = {number: claim.origin for number, claim in CLAIMS.items()}
    assert {n for n, text in origins.items() if text.startswith("the paper's, in our")} == {
        1, 3, 4, 5,
    }  # fmt: skip
    assert (origins[2], origins[6]) == ("the paper's intuition, measured", "this suite's")


def test_the_table_is_the_same_every_time_and_reads_back():
    study = _sprites(0.02, -5)
    frames = [verdict_frame(judge(study.tables())) for _ in range(2)]
    texts = [frame.to_csv(index=False, lineterminator="\n") for frame in frames]
    assert texts[0] == texts[1]
    back = pd.read_csv(io.StringIO(texts[0]), keep_default_na=False, na_values=[""])
    assert list(back) == list(frames[0])
    # Claim 4 has no history here; each other claim a row for each part, or one.
    assert back["claim"].tolist() == [1, 2, 3, 4, 5, 5, 6, 6, 6]
    for name in ("effect", "low", "high", "p_value", "p_holm"):
        assert back[name].to_numpy() == pytest.approx(frames[0][name].to_numpy(), nan_ok=True)
    assert back.loc[back["claim"] == 6, "verdict"].unique().tolist() == ["reproduced"]
    assert back.loc[back["claim"] == 1, "quantity"].isna().all()


# The page


def _page(verdicts):
    environment = Environment(
        loader=FileSystemLoader(Path(bench_study.__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
    )
    return environment.get_template("claims.html").render(claims=claims_section(verdicts))


def test_the_page_says_every_verdict_in_words_with_its_interval():
    verdicts = judge(_balls(10).tables())
    text = _page(verdicts)
    assert "1 reproduced, 0 contradicted, 5 inconclusive" in text
    assert "✓ reproduced" in text
    assert "holds after Holm" in text
    assert "95% 0.692 to 1.000, claimed &gt; 0.500" in text
    # The ball's other claim lacks a metric; the rest have no models.
    assert "<strong>Missing:</strong> Add `smoothness` to metrics" in text
    assert "4 not tested: the grid has no models for them" in text
    assert "✗ contradicted" in _page(judge(_balls(0).tables()))


def test_a_study_that_nothing_can_be_judged_from_shows_them_folded_up():
    text = _page(judge(Study("ball").model("vae", beta=1.0).tables()))
    assert text.lstrip().startswith('<details id="claims">')
    assert text.count("<li>") == 6
    assert "<table>" not in text


def test_hostile_labels_and_options_are_escaped():
    hostile = "<script>alert(1)</script>"
    study = _sprites(0.02, -5)
    study.rows = [
        row | {"label": hostile, "dataset_options": json.dumps({"source": hostile})}
        for row in study.rows
    ]
    study.model("capacity_vae", gamma=1000.0, capacity=5.0, label=hostile + "2")
    text = _page(judge(study.tables()))
    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)" in text


def test_every_study_has_its_verdicts_and_every_folder_their_table(small_store):
    study = bench_study.load_study(Store(small_store))
    assert [verdict.claim for verdict in study.claims] == [1, 2, 3, 4, 5, 6]
    back = pd.read_csv(small_store / "tables" / "claims.csv")
    assert back["claim"].tolist() == [1, 2, 3, 4, 5, 6]
    assert set(back["verdict"]) == {"inconclusive"}
    assert 'id="claims"' in (small_store / "report.html").read_text(encoding="utf-8")
