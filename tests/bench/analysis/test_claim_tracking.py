"""Claim 4: KL follows capacity, and only models with a code count."""

import dataclasses
import math

import pytest

from bench.analysis.claims import judge

from .claim_studies import (
    PLATEAU,
    Study,
    followed,
    tracked,
    verdict_of,
)


@pytest.mark.parametrize(
    ("passing", "verdict"), [(10, "reproduced"), (0, "contradicted"), (5, "inconclusive")]
)
@pytest.mark.parametrize("dataset", ["ball", "dsprites"])
def test_capacity_tracking(passing, verdict, dataset):
    found = verdict_of(tracked(passing, dataset), 4)
    assert found.verdict == verdict
    assert found.dataset == dataset
    assert f"{passing} of 10 seeds follow C at γ = 1e+03" not in found.sentence
    assert f"{passing} of 10 seeds follow C at γ = 1000" in found.sentence
    assert "γ = 10: 0.937" in found.sentence
    assert not found.qualification


def test_models_without_a_code_reproduce_no_tracking():
    found = verdict_of(tracked(10, noise=range(10)), 4)
    assert found.verdict == "inconclusive"
    assert found.qualification == "met by models without a code"
    assert "10 of 10 seeds follow C at γ = 1000, 0 of them with a code" in found.sentence
    # Nothing rests on them either way: not reproduced by nine, nor contradicted without them.
    found = verdict_of(tracked(10, noise=[0]), 4)
    assert (found.by_interval, found.parts[0].effect) == ("reproduced", 0.9)
    assert "10 of 10 seeds follow C at γ = 1000, 9 of them with a code" in found.sentence
    assert "without a code" not in found.qualification
    # A few that are on C meet nothing.
    assert verdict_of(tracked(4, noise=range(10)), 4).qualification == ""
    # Models that are off C contradict it, whatever they encode.
    found = verdict_of(tracked(0, noise=range(10)), 4)
    assert (found.verdict, found.qualification) == ("contradicted", "")
    # Of a seed with several capacities all have to encode something.
    study = tracked(10)
    study.model(
        "capacity_vae",
        gamma=1000.0,
        capacity=5.0,
        kl=(5.0,),
        reconstruction=PLATEAU,
        active_units=0,
        curve=lambda seed: followed(0).assign(reconstruction=PLATEAU),
    )
    assert verdict_of(study, 4).qualification == "met by models without a code"


def test_tracking_without_reconstructions_is_not_known_to_be_of_a_code():
    study = tracked(10)
    study.curves = [curve.drop(columns="reconstruction") for curve in study.curves]
    for row in study.rows:
        row |= {"reconstruction": math.nan, "active_units": math.nan}
    unscored = tracked(10).tables()
    unscored = dataclasses.replace(
        unscored, runs=unscored.runs.assign(kl=math.nan, active_units=math.nan)
    )
    for tables in (study.tables(), unscored):
        (found,) = [v for v in judge(tables) if v.claim == 4]
        assert found.verdict == "inconclusive"
        assert found.qualification == "met by models that are not known to have a code"
    # A latent that varies with the image is a code, where there is nothing to compare it with.
    for row in study.rows:
        row["active_units"] = 2
    assert verdict_of(study, 4).verdict == "reproduced"


def test_noise_is_known_by_means_that_do_not_vary_with_the_image():
    # While KL is below 0.1 nat the decoder has not settled.
    study = tracked(10, noise=range(10))
    study.curves = [
        curve.assign(reconstruction=PLATEAU + 50 * (curve["c"] < 0.3)) for curve in study.curves
    ]
    assert verdict_of(study, 4).qualification == "met by models without a code"
    for row in study.rows:
        row["active_units"] = 1
    assert "without a code" not in verdict_of(study, 4).qualification


def test_a_seed_follows_only_if_all_its_capacities_do():
    study = tracked(10)
    study.model("capacity_vae", gamma=1000.0, capacity=5.0, curve=lambda seed: followed(0.5))
    assert verdict_of(study, 4).verdict == "contradicted"


def test_short_runs_and_other_gammas_say_nothing_of_tracking():
    short = verdict_of(tracked(10, steps=9_000), 4).missing
    assert short.startswith("It is read from 5 windows of 1,000 steps after step 5,000: train at")
    assert "at least 10,000 steps" in short
    other = Study("ball").model(
        "capacity_vae", gamma=100.0, capacity=5.0, curve=lambda seed: followed(0)
    )
    assert verdict_of(other, 4).missing == "Add `{kind: capacity_vae, gamma: 1000}`."
