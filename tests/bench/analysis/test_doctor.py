"""Capacity doctor: each finding where it is known, on YannDubs/disentangling-vae's runs too."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from bench.analysis.claims.tracking import inside
from bench.analysis.comparable import comparable
from bench.analysis.doctor import diagnose, diagnosis_frame
from bench.analysis.doctor._examination import RULES, count_for
from bench.analysis.doctor._frontier import frontier
from bench.analysis.doctor._sentences import _WORDS
from bench.analysis.published import MODELS
from bench.analysis.study import load_study
from bench.page.doctor import doctor_tables
from bench.plots._layout import sheet
from bench.plots.doctor import DOCTOR, _slope
from bench.store.store import Store
from bench.tables.csv import write_table

from .claim_studies import tracked

VAE, BETA, POURED = ((*model.epochs[-1].latents,) for model in MODELS[:3])
STEPS = 20_000
# A data set without code at 420 nats, of which each nat of a good code gains 150, then ever less.
PLATEAU, SCALE, STEEP = 420.0, 2.5, 150.0


def _distortion(rate):
    return PLATEAU - STEEP * SCALE * (1 - np.exp(-np.asarray(rate) / SCALE))


def _history(kl, c):
    """Return a history of KL and C as functions of the share of training that is done."""
    done = np.arange(1, 201) / 200
    rate = np.broadcast_to(kl(done), done.shape)
    curve = _distortion(rate)
    return pd.DataFrame({"step": done * STEPS, "kl": rate, "c": c(done), "reconstruction": curve})


def _tables(runs):
    """Return tables of runs: name to (kind, γ, history, KL of the final latents, own columns)."""
    rows, histories, kl = [], [], []
    for name, (kind, gamma, history, latents, own) in runs.items():
        rows.append(
            {
                "run_id": name,
                "dataset": "ball",
                "dataset_options": "{}",
                "kind": kind,
                "seed": 0,
                "steps": STEPS,
                "beta": 1.0 if kind == "vae" else math.nan,
                "gamma": gamma,
                "anneal_steps": STEPS / 2,
                "precision": "float32",
                "n_latents": 10,
                "learning_rate": 5e-4,
                "label": name,
                "group_id": name,
                "kl": float(sum(latents)),
                "reconstruction": float(_distortion(sum(latents))),
                **own,
            }
        )
        histories.append(history.assign(run_id=name))
        # The order of latents is chance: the doctor has to sort.
        kl += [(name, f"z{j}", value) for j, value in enumerate([*latents][::-1])]
    return SimpleNamespace(
        runs=pd.DataFrame(rows),
        history=pd.concat(histories, ignore_index=True),
        kl_per_dimension=pd.DataFrame(kl, columns=["run_id", "latent", "kl"]),
    )


def _rise(capacity):
    return lambda done: capacity * np.minimum(2 * done, 1)


def _plain(latents=VAE):
    return (
        "vae",
        math.nan,
        _history(lambda done: 25 * done, lambda done: done * math.nan),
        latents,
        {},
    )


def _one(kl, capacity=10.0, latents=(2.0,) * 5, gamma=1_000.0, plain=True, **own):
    runs = {"capacity": ("capacity_vae", gamma, _history(kl, _rise(capacity)), latents, own)}
    runs |= {"plain": _plain()} if plain else {}
    (found,) = diagnose(_tables(runs))
    return found


def test_a_run_on_c_is_tracked():
    found = _one(_rise(10.0))
    assert found.findings == ("tracked",)
    assert found.measured.share == 1
    assert "for C = 10.0 and was within 1 nat of C in 100% of training after step 5,000." in (
        found.sentence
    )


def _far_at_first(until):
    """Return a run that is 3 nats above C until a share of training, and then on it."""
    return _one(lambda done: _rise(10.0)(done) + 3 * (done <= until))


def test_training_is_judged_after_the_step_that_is_named():
    # 20,000 steps are judged after step 5,000: what was before is not said to be on C.
    found = _far_at_first(0.25)
    assert (found.verdict, found.measured.share, found.measured.after) == ("tracked", 1.0, 5_000)
    assert "100% of training after step 5,000" in found.sentence
    found = _far_at_first(0.5)
    assert found.verdict == "above C"
    assert "more than 1 nat above C in 33% of training after step 5,000" in found.sentence


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
    assert _one(lambda done: _rise(10.0)(done) + distance).verdict == findings
    below = "tracked" if findings == "tracked" else "lagged"
    assert _one(lambda done: np.maximum(_rise(10.0)(done) - distance, 0)).verdict == below


def test_above_c_blames_gamma_only_where_it_is_below_the_slope():
    def kl(done):
        return _rise(10.0)(done) + 2

    low, high = _one(kl, gamma=100.0), _one(kl, gamma=1_000.0)
    assert low.verdict == high.verdict == "above C"
    assert "γ = 100 is below the steepest slope seen" in low.sentence
    assert "Raise γ" in low.sentence
    assert "it is the optimiser that overshoots" in high.sentence


def test_a_run_that_lags_on_its_way_is_not_tracked_though_it_arrives():
    found = _one(lambda done: np.minimum(10 * done**2 * 1.6, 10.0))
    assert abs(found.measured.kl - 10) < 1
    assert found.findings == ("lagged",)
    assert found.measured.below > 0.05


def test_a_run_without_a_code_is_collapsed_and_nothing_else():
    found = _one(lambda done: 0 * done + 0.2, latents=(0.1, 0.05, 0.05))
    assert found.findings == ("collapsed",)
    assert "no code has begun" in found.sentence
    # Where C itself is that small there is nothing amiss.
    assert _one(lambda done: 0 * done + 0.2, capacity=0.5, latents=(0.2,)).verdict == "tracked"


def test_kl_that_buys_less_than_it_costs_is_noise():
    noise = {"latents": (1.0,) * 6, "capacity": 6.0}
    found = _one(_rise(6.0), reconstruction=PLATEAU - 1, **noise)
    assert found.findings == ("gamma too large", "tracked")
    assert f"({PLATEAU - 1:.1f} against" in found.sentence
    assert _one(_rise(6.0), **noise).verdict == "tracked"


def _unsettled(level=PLATEAU, **own):
    """Return a run of noise whose decoder has not settled while KL is below 0.1 nat."""
    rows = _history(_rise(6.0), _rise(6.0))
    rows["reconstruction"] = level + 500 * np.exp(-rows["kl"] / 0.1)
    return ("capacity_vae", 1e3, rows, (1.0,) * 6, {"reconstruction": level, **own})


def test_a_run_without_a_code_says_what_no_code_reconstructs_however_it_was_trained():
    # C is below 1.5 nats while most of the decoder is learnt: noise looks like a code.
    noise = _unsettled(reconstruction=PLATEAU - 32)
    settled = {"steps": 5 * STEPS, "kl": 0.0, "reconstruction": PLATEAU - 30}
    collapsed = ("beta_vae", math.nan, _plain()[2], (), settled)
    (alone,) = diagnose(_tables({"noise": noise}))
    (beside,) = diagnose(_tables({"noise": noise, "collapsed": collapsed}))
    assert alone.verdict == "tracked"
    assert beside.verdict == "gamma too large"
    assert beside.measured.seen.plateau == PLATEAU - 30
    assert f"({PLATEAU - 32:.1f} against {PLATEAU - 30:.1f} without a code)" in beside.sentence


def test_a_code_whose_means_do_not_vary_is_none_though_nothing_else_is_known():
    # Rise of C is quick: windows below 0.1 nat are far above what no code reconstructs.
    (found,) = diagnose(_tables({"noise": _unsettled()}))
    assert found.measured.seen.plateau > PLATEAU + 100
    assert found.verdict == "tracked"
    (found,) = diagnose(_tables({"noise": _unsettled(active_units=0)}))
    assert found.measured.seen.plateau == PLATEAU
    assert found.verdict == "gamma too large"
    assert f"6.00 nats bought 0.0 nats of reconstruction ({PLATEAU:.1f} against" in found.sentence
    # A code of more nats than the data have use for is one.
    own = {"active_units": 2}
    full = {"full": ("capacity_vae", 1e3, _history(_rise(40.0), _rise(40.0)), (4.0,) * 10, own)}
    (found,) = diagnose(_tables(full))
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
    found = _one(_rise(total), capacity=total, latents=latents, plain=plain)
    assert found.verdict == ("poured into few latents" if poured else "tracked")
    if poured:
        assert f"{latents[0]:.2f} {latents[1]:.2f} {latents[2]:.2f}" in found.sentence
        assert ("β = 1 run needs 7 latents" in found.sentence) == plain


def test_a_small_capacity_or_data_of_few_factors_is_no_failure():
    assert _one(_rise(6.0), capacity=6.0, latents=(3.0, 3.0)).verdict == "tracked"
    two = {"plain": _plain((5.0, 5.0, 0.5))}
    two["capacity"] = ("capacity_vae", 1e3, _history(_rise(10.4), _rise(10.4)), (5.2, 5.2), {})
    (found,) = diagnose(_tables(two))
    assert found.verdict == "tracked"


def test_suggestions_come_from_beta_1_and_from_the_steepest_slope():
    found = _one(_rise(10.0))
    assert found.measured.reference.kl == pytest.approx(sum(VAE))
    # The frontier's first chord is a little less steep than the curve at its start.
    assert 100 < found.measured.seen.steepest <= STEEP
    assert found.advice_on_c == "Suggested C: 25, the KL of the β = 1 runs."
    # It is the same for all runs, so no sentence of one has it.
    assert "Suggested" not in found.sentence
    above = _one(lambda done: _rise(10.0)(done) + 2, gamma=100.0)
    assert "Suggested γ: 300" in above.sentence
    alone = _one(_rise(10.0), plain=False)
    assert math.isnan(alone.measured.reference.kl)
    missing = "there are no β = 1 runs of these data. Add `{kind: vae}` of these settings."
    assert alone.advice_on_c == f"No C suggested: {missing}"
    runs = {"plain": _plain((0.1, 0.0))}
    runs["capacity"] = ("capacity_vae", 1e3, _history(_rise(5.0), _rise(5.0)), (3.0, 2.0), {})
    (found,) = diagnose(_tables(runs))
    assert "the β = 1 runs of these settings have no code" in found.advice_on_c


def test_where_no_beta_1_has_the_settings_the_nearest_is_named_with_what_differs():
    capacity = ("capacity_vae", 1e3, _history(_rise(5.0), _rise(5.0)), (3.0, 2.0), {})
    runs = {
        "wide": (*_plain()[:4], {"n_latents": 20, "learning_rate": 1e-3}),
        "long": (*_plain()[:4], {"steps": 30_000}),
        "other": (*_plain()[:4], {"dataset": "dsprites"}),
        **{f"capacity {seed}": capacity for seed in range(3)},
    }
    tables = _tables(runs)
    found = diagnose(tables)
    assert {one.advice_on_c for one in found} == {
        "No C suggested: 1 β = 1 run of the same data has 30,000 steps instead of 20,000 steps. "
        "Add `{kind: vae}` of these settings."
    }
    # The page has it once, below the table.
    (table,) = doctor_tables(found, tables)
    assert len(table.rows) == 3
    (advice,) = table.advice
    assert "<code>{kind: vae}</code> of these settings" in advice
    assert not any("No C suggested" in row["sentence"] for row in table.rows)
    # Of several settings each says which models it is about.
    runs["fast"] = (*capacity[:4], {"learning_rate": 1e-3, "n_latents": 20})
    tables = _tables(runs)
    (table,) = doctor_tables(diagnose(tables), tables)
    assert [text.partition(": ")[0] for text in table.advice] == [
        "capacity 0; capacity 1; capacity 2",
        "fast",
    ]


def test_a_seed_that_fails_where_most_work_is_no_verdict_on_gamma():
    def judged(noise, seeds=5):
        code = ("capacity_vae", 1e3, _history(_rise(6.0), _rise(6.0)), (3.0, 3.0))
        runs = {
            f"{seed}": _unsettled(active_units=0, group_id="one", seed=seed)
            if seed < noise
            else (*code, {"active_units": 2, "group_id": "one", "seed": seed})
            for seed in range(seeds)
        }
        return diagnose(_tables(runs))

    alone, *others = judged(1)
    assert alone.findings == ("seed without a code", "tracked")
    assert "At γ = 1000, 4 of 5 seeds find a code, so the settings can work." in alone.sentence
    assert "γ = 1000 asks for" not in alone.sentence
    assert "Suggested γ" not in alone.sentence
    assert {one.verdict for one in others} == {"tracked"}
    first = judged(4)[0]
    assert first.verdict == "gamma too large"
    assert "the model pays with noise, though 1 of 5 seeds finds a code. Lower γ" in first.sentence
    assert "though" not in judged(5)[0].sentence


def _suggested(gammas, noise=(), above=()):
    """Return γ to the γ that is suggested for it, of runs of the same data and settings."""
    runs = {f"{gamma:g}": _unsettled(learning_rate=gamma, active_units=0) for gamma in noise}
    for gamma in {*gammas} - {*noise}:
        far = 2.0 if gamma in above else 0.0
        history = _history(lambda done, far=far: _rise(6.0)(done) + far, _rise(6.0))
        runs[f"{gamma:g}"] = ("capacity_vae", gamma, history, (3.0, 3.0), {"active_units": 2})
    for gamma in noise:
        kind, _, *rest = runs[f"{gamma:g}"]
        runs[f"{gamma:g}"] = (kind, gamma, *rest)
    frame = diagnosis_frame(diagnose(_tables(runs)))
    return dict(zip(frame["run_id"].astype(float), frame["suggested_gamma"], strict=True))


def test_a_gamma_that_works_is_left_alone_and_others_are_sent_to_it():
    found = _suggested([10, 50, 100, 1000], noise=[1000], above=[10, 50])
    assert math.isnan(found[100])
    assert (found[10], found[50], found[1000]) == (100, 100, 100)
    # The nearest of several.
    found = _suggested([10, 100, 400, 1000], noise=[1000], above=[10])
    assert (found[10], found[1000]) == (100, 400)
    # Where none works, by the slope, yet never to the wrong side.
    assert _suggested([50], above=[50])[50] in (100, 200, 300)
    assert math.isnan(_suggested([120], noise=[120])[120])
    # Where γ is above every slope it is the optimiser that is off.
    assert math.isnan(_suggested([1000], above=[1000])[1000])


def test_what_holds_for_several_seeds_is_said_once():
    runs = {f"noise {seed}": (*_unsettled(level=PLATEAU + seed)[:4], {}) for seed in range(4)}
    runs["works"] = ("capacity_vae", 1e3, _history(_rise(6.0), _rise(6.0)), (3.0, 3.0), {})
    tables = _tables(runs)
    names = tables.runs["run_id"]
    tables.runs = tables.runs.assign(
        group_id="one",
        label="capacity",
        seed=range(5),
        active_units=[0, 0, 0, 0, 2],
        reconstruction=[PLATEAU + seed for seed in range(4)] + [float(_distortion(6.0))],
    )
    found = diagnose(tables)
    ((first, second),) = (table.rows for table in doctor_tables(found, tables))
    assert first["label"] == "capacity, seeds 0, 1, 2, 3"
    assert first["verdict"] == "gamma too large"
    assert first["sentence"].startswith("Medians over 4 seeds. KL of ")
    assert f"({PLATEAU + 1.5:.1f} against" in first["sentence"]
    assert (second["label"], second["verdict"]) == ("capacity, seed 4", "tracked")
    assert not second["sentence"].startswith("Medians")
    # The table has every run.
    assert diagnosis_frame(found)["run_id"].tolist() == names.tolist()


def test_runs_of_other_settings_are_no_reference():
    plain = _plain()
    runs = {"plain": (*plain[:4], {"learning_rate": 1e-3}), "wide": (*plain[:4], {"n_latents": 20})}
    runs["capacity"] = ("capacity_vae", 1e3, _history(_rise(5.0), _rise(5.0)), (3.0, 2.0), {})
    (found,) = diagnose(_tables(runs))
    assert found.measured.reference.n_runs == 0


def test_every_rule_has_its_words_and_some_rule_always_holds():
    assert list(RULES) == list(_WORDS)
    rng = np.random.default_rng(0)
    for _ in range(20):
        level, latents = rng.uniform(0, 20), rng.uniform(0, 5, 10)
        found = _one(lambda done, level=level: level * done, rng.uniform(0, 20), latents)
        assert found.findings
        assert not {"tracked", "lagged", "above C", "collapsed"} < {*found.findings}
        assert "nan" not in found.sentence


def test_the_frontier_is_the_hull_of_what_was_reached():
    rates = np.linspace(0, 8, 400)
    rng = np.random.default_rng(0)
    above = _distortion(rates) + rng.exponential(30, (20, 400))
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


def test_table_page_and_figure_are_of_the_capacity_runs_alone(small_store, tmp_path):
    store = Store(small_store)
    study = load_study(store)
    found = diagnose(study.tables)
    capacity = study.tables.runs[study.tables.runs["kind"] == "capacity_vae"]
    assert [one.run["run_id"] for one in found] == capacity["run_id"].tolist()
    written = pd.read_csv(small_store / "tables" / "doctor.csv", dtype={"kl_end": str})
    frame = diagnosis_frame(found)
    assert written["run_id"].tolist() == frame["run_id"].tolist()
    # By Python, as the readers of old and new pandas round otherwise.
    assert written["kl_end"].map(float).tolist() == frame["kl_end"].tolist()
    (table,) = doctor_tables(found, study.tables)
    assert {row["verdict"] for row in table.rows} == {one.verdict for one in found}
    text = (small_store / "report.html").read_text()
    assert text.count('id="doctor"') == 1
    (drawn,) = DOCTOR.draw(study)
    assert f"{len(found)} capacity runs" in drawn.alt
    bars, _, slope, _ = drawn.figure.axes
    labels = [label.get_text() for label in bars.get_yticklabels()]
    assert labels[0] == "γ=100 C=5"
    assert any(label.get_text() == "γ = 100" for label in slope.texts)

    plain = study.tables.runs[study.tables.runs["kind"] != "capacity_vae"]
    without = replace(study.tables, runs=plain)
    assert diagnose(without) == []
    assert list(DOCTOR.draw(replace(study, tables=without))) == []
    empty = Store(tmp_path / "store", create=True)
    (empty.folder / "tables").mkdir(exist_ok=True)
    (empty.folder / "tables" / "doctor.csv").write_text("of runs that are gone")
    write_table(empty, "doctor", diagnosis_frame([]))
    assert not (empty.folder / "tables" / "doctor.csv").exists()


def test_names_of_gamma_lie_on_no_line():
    # At the end of the frontier its slope is close to γ = 10.
    history = _history(_rise(7.0), _rise(7.0))
    gammas = (10, 100, 150, 1000)
    runs = {f"{g}": ("capacity_vae", float(g), history, (3.5, 3.5), {}) for g in gammas}
    found = diagnose(_tables(runs))
    (axes,) = sheet(["slope"], 1, (2.5, 2.0)).axes
    _slope(axes, {"all": found})
    axes.figure.draw_without_rendering()
    assert {text.get_text() for text in axes.texts} == {f"γ = {gamma}" for gamma in gammas}
    seen = found[0].measured.seen
    across = np.linspace(*axes.get_xlim(), 500)
    steps = [(r, seen.slope(r)) for r in across if seen.rates[0] <= r < seen.rates[-1]]
    places = axes.transData.transform([*steps, *((x, g) for g in gammas for x in across)])
    for text in axes.texts:
        # Without the leader that an annotation may have.
        box = Text.get_window_extent(text)
        assert not any(box.contains(*place) for place in places), text


def test_an_untrained_decoder_is_no_code_of_its_data():
    latents = (3.0,) * 8
    history = _history(_rise(24.0), _rise(24.0)).iloc[20:]
    tables = _tables({"c": ("capacity_vae", 1000.0, history, latents, {"active_units": 8})})
    first = tables.runs.to_dict("records")[0]
    untrained = {**first, "run_id": "u", "kind": "baseline_untrained", "group_id": "u"}
    untrained |= {"steps": math.nan, "kl": 0.005, "reconstruction": 2841.0, "active_units": 0}
    tables.runs = pd.DataFrame([first, untrained])
    assert math.isnan(diagnose(tables)[0].measured.seen.plateau)
