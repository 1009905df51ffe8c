"""What the capacity doctor advises: C by the β = 1 runs, γ by those that work, each said once."""

import math

import pytest

from bench.analysis.doctor import diagnose, diagnosis_frame
from bench.page.doctor import doctor_tables

from .doctor_studies import (
    PLATEAU,
    STEEP,
    VAE,
    diagnosed,
    distortion,
    history_of,
    plain_run,
    rise,
    tables_of,
    unsettled,
)


def test_suggestions_come_from_beta_1_and_from_the_steepest_slope():
    found = diagnosed(rise(10.0))
    assert found.measured.reference.kl == pytest.approx(sum(VAE))
    # The frontier's first chord is a little less steep than the curve at its start.
    assert 100 < found.measured.seen.steepest <= STEEP
    assert found.advice_on_c == "Suggested C: 25, the KL of the β = 1 runs."
    # It is the same for all runs, so no sentence of one has it.
    assert "Suggested" not in found.sentence
    above = diagnosed(lambda done: rise(10.0)(done) + 2, gamma=100.0)
    assert "Suggested γ: 300" in above.sentence
    alone = diagnosed(rise(10.0), plain=False)
    assert math.isnan(alone.measured.reference.kl)
    missing = "there are no β = 1 runs of these data. Add `{kind: vae}` of these settings."
    assert alone.advice_on_c == f"No C suggested: {missing}"
    runs = {"plain": plain_run((0.1, 0.0))}
    runs["capacity"] = ("capacity_vae", 1e3, history_of(rise(5.0), rise(5.0)), (3.0, 2.0), {})
    (found,) = diagnose(tables_of(runs))
    assert "the β = 1 runs of these settings have no code" in found.advice_on_c


def test_where_no_beta_1_has_the_settings_the_nearest_is_named_with_what_differs():
    capacity = ("capacity_vae", 1e3, history_of(rise(5.0), rise(5.0)), (3.0, 2.0), {})
    runs = {
        "wide": (*plain_run()[:4], {"n_latents": 20, "learning_rate": 1e-3}),
        "long": (*plain_run()[:4], {"steps": 30_000}),
        "other": (*plain_run()[:4], {"dataset": "dsprites"}),
        **{f"capacity {seed}": capacity for seed in range(3)},
    }
    tables = tables_of(runs)
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
    tables = tables_of(runs)
    (table,) = doctor_tables(diagnose(tables), tables)
    assert [text.partition(": ")[0] for text in table.advice] == [
        "capacity 0; capacity 1; capacity 2",
        "fast",
    ]


def test_a_seed_that_fails_where_most_work_is_no_verdict_on_gamma():
    def judged(noise, seeds=5):
        code = ("capacity_vae", 1e3, history_of(rise(6.0), rise(6.0)), (3.0, 3.0))
        runs = {
            f"{seed}": unsettled(active_units=0, group_id="one", seed=seed)
            if seed < noise
            else (*code, {"active_units": 2, "group_id": "one", "seed": seed})
            for seed in range(seeds)
        }
        return diagnose(tables_of(runs))

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
    runs = {f"{gamma:g}": unsettled(learning_rate=gamma, active_units=0) for gamma in noise}
    for gamma in {*gammas} - {*noise}:
        far = 2.0 if gamma in above else 0.0
        history = history_of(lambda done, far=far: rise(6.0)(done) + far, rise(6.0))
        runs[f"{gamma:g}"] = ("capacity_vae", gamma, history, (3.0, 3.0), {"active_units": 2})
    for gamma in noise:
        kind, _, *rest = runs[f"{gamma:g}"]
        runs[f"{gamma:g}"] = (kind, gamma, *rest)
    frame = diagnosis_frame(diagnose(tables_of(runs)))
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
    runs = {f"noise {seed}": (*unsettled(level=PLATEAU + seed)[:4], {}) for seed in range(4)}
    runs["works"] = ("capacity_vae", 1e3, history_of(rise(6.0), rise(6.0)), (3.0, 3.0), {})
    tables = tables_of(runs)
    names = tables.runs["run_id"]
    tables.runs = tables.runs.assign(
        group_id="one",
        label="capacity",
        seed=range(5),
        active_units=[0, 0, 0, 0, 2],
        reconstruction=[PLATEAU + seed for seed in range(4)] + [float(distortion(6.0))],
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
    plain = plain_run()
    runs = {"plain": (*plain[:4], {"learning_rate": 1e-3}), "wide": (*plain[:4], {"n_latents": 20})}
    runs["capacity"] = ("capacity_vae", 1e3, history_of(rise(5.0), rise(5.0)), (3.0, 2.0), {})
    (found,) = diagnose(tables_of(runs))
    assert found.measured.reference.n_runs == 0
