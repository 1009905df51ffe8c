"""Capacity doctor: each finding where it is known, on YannDubs/disentangling-vae's runs too."""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bench.analysis.claims.tracking import inside
from bench.analysis.comparable import comparable
from bench.analysis.doctor import diagnose
from bench.analysis.doctor._examination import RULES, count_for
from bench.analysis.doctor._frontier import frontier
from bench.analysis.doctor._sentences import _WORDS
from bench.analysis.following import following

from .claim_studies import tracked
from .doctor_studies import (
    BETA,
    PLATEAU,
    POURED,
    SCALE,
    STEEP,
    STEPS,
    VAE,
    diagnosed,
    distortion,
    history_of,
    plain_run,
    rise,
    tables_of,
    unsettled,
)


def test_a_run_on_c_is_tracked():
    found = diagnosed(rise(10.0))
    assert found.findings == ("tracked",)
    assert found.measured.share == 1
    assert "for C = 10.0 and was within 1 nat of C in 100% of training after step 5,000." in (
        found.sentence
    )


def _far_at_first(until):
    """Return a run that is 3 nats above C until a share of training, and then on it."""
    return diagnosed(lambda done: rise(10.0)(done) + 3 * (done <= until))


def test_training_is_judged_after_the_step_that_is_named():
    # 20,000 steps are judged after step 5,000: what was before is not said to be on C.
    found = _far_at_first(0.25)
    assert (found.verdict, found.measured.share, found.measured.after) == ("tracked", 1.0, 5_000)
    assert "100% of training after step 5,000" in found.sentence
    found = _far_at_first(0.5)
    assert found.verdict == "above C"
    assert "more than 1 nat above C in 33% of training after step 5,000" in found.sentence


def test_a_curve_that_ends_early_is_looked_at_by_the_doctor_and_not_judged_by_claim_4():
    late = pd.DataFrame({"start": [0, 4_000], "kl": [9.0, 2.5], "c": [1.0, 2.0]})
    setting = SimpleNamespace(windows=lambda runs: iter([(0, "run", late)]))
    assert inside(setting, None).empty
    assert math.isnan(following(late, 5_000).within)
    rows = history_of(lambda done: 10 * done, lambda done: 10 * done)
    runs = {"early": ("capacity_vae", 1e3, rows[rows["step"] <= 4_000], (2.0,) * 5, {})}
    (found,) = diagnose(tables_of(runs))
    assert (found.measured.after, found.measured.share) == (3_000, 1)


def test_the_doctor_and_claim_4_measure_the_same():
    study = tracked(3)
    tables = study.tables()
    found = {one.run["run_id"]: one.measured for one in diagnose(tables)}
    (setting,) = comparable(tables)
    for gamma, runs in setting.runs[setting.runs["kind"] == "capacity_vae"].groupby("gamma"):
        shares = inside(setting, runs)
        assert len(shares) == 10, gamma
        for run_id, seed in zip(runs["run_id"], runs["seed"], strict=True):
            assert found[run_id].share == shares[seed]


@pytest.mark.parametrize(("distance", "findings"), [(0.9, "tracked"), (1.1, "above C")])
def test_on_c_is_within_a_nat(distance, findings):
    assert diagnosed(lambda done: rise(10.0)(done) + distance).verdict == findings
    below = "tracked" if findings == "tracked" else "lagged"
    assert diagnosed(lambda done: np.maximum(rise(10.0)(done) - distance, 0)).verdict == below


def test_above_c_blames_gamma_only_where_it_is_below_the_slope():
    def kl(done):
        return rise(10.0)(done) + 2

    low, high = diagnosed(kl, gamma=100.0), diagnosed(kl, gamma=1_000.0)
    assert low.verdict == high.verdict == "above C"
    assert "γ = 100 is below the steepest slope seen" in low.sentence
    assert "Raise γ" in low.sentence
    assert "it is the optimiser that overshoots" in high.sentence


def test_a_run_that_lags_on_its_way_is_not_tracked_though_it_arrives():
    found = diagnosed(lambda done: np.minimum(10 * done**2 * 1.6, 10.0))
    assert abs(found.measured.kl - 10) < 1
    assert found.findings == ("lagged",)
    assert found.measured.below > 0.05


def test_a_run_without_a_code_is_collapsed_and_nothing_else():
    found = diagnosed(lambda done: 0 * done + 0.2, latents=(0.1, 0.05, 0.05))
    assert found.findings == ("collapsed",)
    assert "no code has begun" in found.sentence
    # Where C itself is that small there is nothing amiss.
    assert diagnosed(lambda done: 0 * done + 0.2, capacity=0.5, latents=(0.2,)).verdict == "tracked"


def test_kl_that_buys_less_than_it_costs_is_noise():
    noise = {"latents": (1.0,) * 6, "capacity": 6.0}
    found = diagnosed(rise(6.0), reconstruction=PLATEAU - 1, **noise)
    assert found.findings == ("gamma too large", "tracked")
    assert f"({PLATEAU - 1:.1f} against" in found.sentence
    assert diagnosed(rise(6.0), **noise).verdict == "tracked"


def test_a_run_without_a_code_says_what_no_code_reconstructs_however_it_was_trained():
    # C is below 1.5 nats while most of the decoder is learnt: noise looks like a code.
    noise = unsettled(reconstruction=PLATEAU - 32)
    settled = {"steps": 5 * STEPS, "kl": 0.0, "reconstruction": PLATEAU - 30}
    collapsed = ("beta_vae", math.nan, plain_run()[2], (), settled)
    (alone,) = diagnose(tables_of({"noise": noise}))
    (beside,) = diagnose(tables_of({"noise": noise, "collapsed": collapsed}))
    assert alone.verdict == "tracked"
    assert beside.verdict == "gamma too large"
    assert beside.measured.seen.plateau == PLATEAU - 30
    assert f"({PLATEAU - 32:.1f} against {PLATEAU - 30:.1f} without a code)" in beside.sentence


def test_a_code_whose_means_do_not_vary_is_none_though_nothing_else_is_known():
    # Rise of C is quick: windows below 0.1 nat are far above what no code reconstructs.
    (found,) = diagnose(tables_of({"noise": unsettled()}))
    assert found.measured.seen.plateau > PLATEAU + 100
    assert found.verdict == "tracked"
    (found,) = diagnose(tables_of({"noise": unsettled(active_units=0)}))
    assert found.measured.seen.plateau == PLATEAU
    assert found.verdict == "gamma too large"
    assert f"6.00 nats bought 0.0 nats of reconstruction ({PLATEAU:.1f} against" in found.sentence
    # A code of more nats than the data have use for is one.
    own = {"active_units": 2}
    full = {"full": ("capacity_vae", 1e3, history_of(rise(40.0), rise(40.0)), (4.0,) * 10, own)}
    (found,) = diagnose(tables_of(full))
    assert found.measured.slope < 1e-3
    assert "gamma too large" not in found.findings


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize(
    ("latents", "poured"),
    [
        (POURED, True),
        (VAE, False),
        (BETA, False),
        # The failure on its way, by earlier epochs: three latents take all there is.
        ((4.75, 4.74, 3.47), True),
        ((8.66, 8.65, 7.02), True),
    ],
)
def test_published_codes_are_told_apart(latents, poured, plain):
    total = sum(latents)
    found = diagnosed(rise(total), capacity=total, latents=latents, plain=plain)
    assert found.verdict == ("poured into few latents" if poured else "tracked")
    if poured:
        assert f"{latents[0]:.2f} {latents[1]:.2f} {latents[2]:.2f}" in found.sentence
        assert ("β = 1 run needs 7 latents" in found.sentence) == plain


def test_a_small_capacity_or_data_of_few_factors_is_no_failure():
    assert diagnosed(rise(6.0), capacity=6.0, latents=(3.0, 3.0)).verdict == "tracked"
    two = {"plain": plain_run((5.0, 5.0, 0.5))}
    two["capacity"] = ("capacity_vae", 1e3, history_of(rise(10.4), rise(10.4)), (5.2, 5.2), {})
    (found,) = diagnose(tables_of(two))
    assert found.verdict == "tracked"


def test_every_rule_has_its_words_and_some_rule_always_holds():
    assert list(RULES) == list(_WORDS)
    rng = np.random.default_rng(0)
    for _ in range(20):
        level, latents = rng.uniform(0, 20), rng.uniform(0, 5, 10)
        found = diagnosed(lambda done, level=level: level * done, rng.uniform(0, 20), latents)
        assert found.findings
        assert not {"tracked", "lagged", "above C", "collapsed"} < {*found.findings}
        assert "nan" not in found.sentence


def test_the_frontier_is_the_hull_of_what_was_reached():
    rates = np.linspace(0, 8, 400)
    rng = np.random.default_rng(0)
    above = distortion(rates) + rng.exponential(30, (20, 400))
    windows = pd.DataFrame({"kl": np.tile(rates, 20), "reconstruction": above.ravel()})
    seen = frontier(windows, PLATEAU)
    assert (np.diff(seen.slopes) < 0).all()
    assert (seen.slopes > 0).all()
    expected = STEEP * np.exp(-4 / SCALE)
    assert seen.slope(4.0) == pytest.approx(expected, rel=0.25)
    assert seen.slope(99.0) == 0
    assert seen.plateau == PLATEAU
    assert math.isnan(frontier(windows[:1], math.nan).steepest)


def test_latents_are_counted_largest_first():
    assert count_for(np.array([1.0, 8.0, 1.0]), 0.8) == 1
    assert count_for(np.array([1.0, 8.0, 1.0]), 0.81) == 2
    assert count_for(np.zeros(3), 0.5) == 0


def test_an_untrained_decoder_is_no_code_of_its_data():
    latents = (3.0,) * 8
    history = history_of(rise(24.0), rise(24.0)).iloc[20:]
    tables = tables_of({"c": ("capacity_vae", 1000.0, history, latents, {"active_units": 8})})
    first = tables.runs.to_dict("records")[0]
    untrained = {**first, "run_id": "u", "kind": "baseline_untrained", "group_id": "u"}
    untrained |= {"steps": math.nan, "kl": 0.005, "reconstruction": 2841.0, "active_units": 0}
    tables.runs = pd.DataFrame([first, untrained])
    assert math.isnan(diagnose(tables)[0].measured.seen.plateau)
