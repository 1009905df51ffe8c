"""What holds of all claims: seeds, settings, correction, the table and the page."""

import dataclasses
import io
import json
import math
from itertools import product
from pathlib import Path

import pandas as pd
import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bench.analysis import following, study as bench_study
from bench.analysis.claims import (
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
from bench.analysis.claims._base import Verdict, corrected
from bench.analysis.claims._parts import Part, difference, share
from bench.page.claims import claims_section
from bench.page.published import PARTS
from bench.store.history import WINDOW, coarser
from bench.store.selection import ACTIVE_KL, CODE_KL
from bench.store.store import Store

from .claim_studies import (
    Study,
    balls,
    channels,
    smooth,
    sprites,
    tracked,
    verdict_of,
)

REPRODUCED = {
    1: lambda **k: balls(10, **k),
    2: lambda **k: smooth(0.8, **k),
    3: lambda **k: channels(10, **k),
    4: lambda **k: tracked(10, **k),
    5: lambda **k: sprites(0.02, -5, **k),
    6: lambda **k: sprites(0.02, -5, **k),
}


@pytest.mark.parametrize("number", CLAIMS)
def test_five_seeds_are_too_few_and_six_are_enough(number):
    found = verdict_of(REPRODUCED[number](seeds=5), number)
    assert found.verdict == "inconclusive"
    assert not found.parts
    assert "add seeds until 6 do (10 are better)" in found.missing
    assert math.isnan(found.p_value)
    assert verdict_of(REPRODUCED[number](seeds=6), number).by_interval == "reproduced"


@pytest.mark.parametrize("number", CLAIMS)
def test_two_precisions_are_two_verdicts(number):
    study = REPRODUCED[number]()
    half = [row | {"precision": "bfloat16"} for row in study.rows if row["seed"] < 4]
    study.rows = [row for row in study.rows if row["seed"] >= 4] + half
    found = [v for v in judge(study.tables()) if v.claim == number]
    # Four seeds are too few for a verdict of their own, and are added to no others.
    assert [(v.precision, v.by_interval) for v in found] == [("float32", "reproduced")]
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
    assert verdict_of(study, 1).missing == "Add `{kind: vae}` to models."


# What a grid's `ball` is stored as, and another one.
PAPERS = '{"margin": 0.0, "radius": 7.5}'
DISC = '{"radius": 16.0, "shape": "disc"}'


def test_the_default_of_a_dataset_is_the_headline_and_what_is_measured_comes_before_the_rest():
    disc = balls(0)
    for row in disc.rows:
        row |= {"dataset_options": DISC, "run_id": f"disc{row['run_id']}"}
    disc.kl = [(f"disc{name}", latent, value) for name, latent, value in disc.kl]
    blob = balls(10)
    for row in blob.rows:
        row["dataset_options"] = PAPERS
    both = Study("ball")
    both.rows, both.kl = disc.rows + blob.rows, disc.kl + blob.kl
    found = [v for v in judge(both.tables()) if v.claim == 1]
    assert [(v.dataset_options, v.verdict) for v in found] == [
        (PAPERS, "reproduced"),
        (DISC, "contradicted"),
    ]
    # Without runs of the default no variant stands back.
    blob.rows = [row | {"dataset_options": "{}"} for row in blob.rows]
    either = Study("ball")
    either.rows, either.kl = disc.rows[:3] + blob.rows, disc.kl + blob.kl
    assert next(v for v in judge(either.tables()) if v.claim == 1).dataset_options == "{}"
    # A longer run of one model alone is no question, and takes no headline.
    study = sprites(0.02, -5)
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
    verdict = next(v for v in judge(balls(10).tables()) if v.claim == 1)
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


def test_ten_of_ten_hold_after_correction_and_six_of_six_do_not():
    ten = verdict_of(balls(10), 1)
    assert (ten.verdict, ten.qualification) == ("reproduced", "")
    six = verdict_of(balls(6, seeds=6), 1)
    assert (six.verdict, six.by_interval) == ("inconclusive", "reproduced")
    assert six.p_value == pytest.approx(2 * 0.5**6)
    assert six.qualification == (
        "by its own interval reproduced, but not after Holm's correction for all claims (p = 0.19)"
    )


def test_a_further_setting_is_judged_by_its_own_interval():
    ten, six = verdict_of(balls(10), 1), verdict_of(balls(6, seeds=6), 1)
    further = dataclasses.replace(six, headline=False, p_holm=math.nan)
    assert further.verdict == "reproduced"
    assert further.qualification == "a further setting, by its own interval, without correction"
    nothing = dataclasses.replace(further, by_interval="inconclusive", said_beside="but")
    assert nothing.qualification == "but; a further setting"
    # A headline that was not corrected has not held yet.
    assert dataclasses.replace(ten, p_holm=math.nan).verdict == "inconclusive"


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
    assert (CODE_KL, ACTIVE_KL, WINDOW) == (1.0, 0.1, 1_000)
    assert smoothness.MARGIN == 0.05
    assert (utilisation.THRESHOLD, utilisation.STAYS, utilisation.TOGETHER) == (0.1, 5, 1.0)
    assert utilisation.SENSITIVITY == (0.05, 0.3)
    assert utilisation.THEN == ("scale", "shape", "orientation")
    assert (tracking.GAMMA, following.TOLERANCE, following.LEAST_SHARE) == (1000, 1.0, 0.95)
    assert (following.AFTER, following.LEAST_WINDOWS) == (5_000, 5)
    assert (no_trade_off.GAMMA, no_trade_off.CAPACITY, no_trade_off.BETA) == (1000, 25, 4)
    assert (no_trade_off.MIG_MARGIN, no_trade_off.RECONSTRUCTION_MARGIN) == (-0.05, -1.0)
    assert no_trade_off.SECONDARY_BETA == 16
    assert _contrast.LEAST_STEPS == 100_000
    assert (releasing.HIGH_BETA, releasing.LOW_BETA) == (16, 1)
    assert (releasing.MIG_MARGIN_HIGH, releasing.MIG_MARGIN_LOW) == (-0.05, 0.05)
    assert releasing.RECONSTRUCTION_MARGIN == -1.0
    origins = {number: claim.origin for number, claim in CLAIMS.items()}
    ours = "claim from the paper; our test of it"
    assert [number for number, text in origins.items() if text == ours] == [1, 3, 4, 5]
    assert origins[2] == "the paper's intuition; our measure of it"
    assert origins[6] == "our own claim; not the paper's"


def test_the_table_is_the_same_every_time_and_reads_back():
    study = sprites(0.02, -5)
    frames = [verdict_frame(judge(study.tables())) for _ in range(2)]
    texts = [frame.to_csv(index=False, lineterminator="\n") for frame in frames]
    assert texts[0] == texts[1]
    back = pd.read_csv(io.StringIO(texts[0]), keep_default_na=False, na_values=[""])
    assert list(back) == list(frames[0])
    whole = back.drop_duplicates("claim").set_index("claim")
    assert whole["verdict"].to_dict() == {v.claim: v.verdict for v in judge(study.tables())}
    assert whole["qualification"].isna().all()
    # Claim 4 has no history here; each other claim a row for each part, or one.
    assert back["claim"].tolist() == [1, 2, 3, 4, 5, 5, 6, 6, 6]
    for name in ("effect", "low", "high", "p_value", "p_holm"):
        assert back[name].to_numpy() == pytest.approx(frames[0][name].to_numpy(), nan_ok=True)
    assert back.loc[back["claim"] == 6, "verdict"].unique().tolist() == ["reproduced"]
    assert back.loc[back["claim"] == 1, "quantity"].isna().all()


def _page(verdicts, published=None):
    environment = Environment(
        loader=FileSystemLoader(Path(bench_study.__file__).parents[1] / "page" / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
    )
    return environment.get_template("claims.html").render(
        claims=claims_section(verdicts, published or {})
    )


def test_the_page_says_every_verdict_in_words_with_its_interval():
    verdicts = judge(balls(10).tables())
    text = _page(verdicts)
    assert "1 reproduced, 5 inconclusive" in text
    assert "✓ reproduced" in text
    assert "Holm&#39;s correction for all claims" not in text
    assert "(95% interval 0.692 to 1.000); the claim needs more than 0.5" in text
    # The ball's other claim lacks a metric; the rest have no models.
    assert "<strong>Missing:</strong> Add <code>smoothness</code> to metrics" in text
    assert text.count("The grid has no such models") == 2 * 4
    assert "✗ contradicted" in _page(judge(balls(0).tables()))
    # One word for each claim: what holds by its interval alone is counted as inconclusive.
    text = _page(judge(balls(6, seeds=6).tables()))
    assert "6 inconclusive" in text
    assert "✓" not in text
    assert "By its own interval reproduced, but not after Holm" in text


def test_a_claim_leads_to_the_published_numbers_that_the_page_has():
    verdicts = judge(balls(10).tables())
    text = _page(verdicts, {"ball": PARTS["ball"]})
    # Claims 1 and 2; nothing leads to what the page does not have.
    assert text.count('<a href="#ball">The ball&#39;s latents</a>') == 2
    assert "href" not in text.replace('href="#ball"', "")
    assert "published" not in _page(verdicts)
    assert {claim.published for claim in CLAIMS.values()} - {""} == {*PARTS}


def test_a_study_that_nothing_can_be_judged_from_shows_them_folded_up():
    text = _page(judge(Study("ball").model("vae", beta=1.0).tables()))
    assert '<details class="section" id="claims">' in text
    assert "6 inconclusive" in text
    assert text.count('class="claim"') == 6


def test_hostile_labels_and_options_are_escaped():
    hostile = "<script>alert(1)</script>"
    study = sprites(0.02, -5)
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


@pytest.mark.parametrize(("mig", "nats", "shown"), [(0.1, 40, "reconstruction"), (-0.2, -5, "MIG")])
def test_the_line_of_a_contradicted_claim_is_what_contradicts_it(mig, nats, shown):
    claims = claims_section(judge(sprites(mig, nats).tables()), {}).claims
    (claim,) = [claim for claim in claims if claim.number == 5]
    assert claim.word == "contradicted"
    assert claim.gist.startswith(shown)


def test_a_schedule_that_training_cut_off_is_not_called_by_where_it_would_have_ended():
    study = sprites(0.02, -5)
    for row in study.rows:
        if row["kind"] in ("capacity_vae", "annealed_beta_vae"):
            row["anneal_steps"] = 400_000
    for number in (5, 6):
        found = verdict_of(study, number)
        assert (found.verdict, found.parts) == ("inconclusive", ())
        assert "There is no model of" in found.missing


def test_runs_that_failed_are_said_beside_the_verdict():
    tables = balls(10, seeds=14).tables()
    gone = (tables.runs["beta"] == 30.0) & (tables.runs["seed"] >= 10)
    failures = tables.runs[gone][["run_id", "dataset", "kind", "seed", "label"]]
    tables = dataclasses.replace(tables, runs=tables.runs[~gone], failures=failures)
    found = next(verdict for verdict in judge(tables) if verdict.claim == 1)
    assert found.qualification == "4 runs of such models failed and are not counted"


@pytest.mark.parametrize(("number", "make"), [(3, channels), (4, tracked)])
def test_curves_that_are_coarser_than_a_window_are_not_judged(number, make):
    tables = make(10).tables()
    for rows, judged in ((100, True), (50, False)):
        curves = [
            coarser(curve.drop(columns="run_id"), rows).assign(run_id=name)
            for name, curve in tables.history.groupby("run_id", sort=False)
        ]
        shared = dataclasses.replace(tables, history=pd.concat(curves))
        found = next(verdict for verdict in judge(shared) if verdict.claim == number)
        assert bool(found.parts) == judged
        assert ("rows longer than the windows of 1,000 steps" in found.missing) != judged
