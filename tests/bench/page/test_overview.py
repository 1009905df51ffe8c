"""The first screen: what was run, what came out, and that it says no more than the tables."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bench.analysis.study import Study, load_study
from bench.page.explorer import shown_models
from bench.page.facts import notices
from bench.page.figures import page_figures
from bench.page.models import block_id, model_blocks
from bench.page.overview import MAX_BARS, bars, findings, overview, sentence
from bench.scoring.evaluate import NOT_GIVEN, ONE_SEED
from bench.store.store import Store


@pytest.fixture(scope="module")
def study(small_store):
    return load_study(Store(small_store))


def _with(study, **frames):
    return Study(replace(study.tables, **frames), study.frames)


def _summary(n, *, seeds=6, gap=0.05):
    """Return the MIG of n models, the first best; each interval has a width of 0.02."""
    means = 0.9 - gap * np.arange(n)
    return pd.DataFrame(
        {
            "dataset": "dsprites",
            "dataset_options": "{}",
            "group_id": [f"g{i}" for i in range(n)],
            "precision": "float32",
            "label": [f"model {i}" for i in range(n)],
            "kind": "beta_vae",
            "metric": "mig_histogram",
            "n_seeds": seeds,
            "mean": means,
            "low": means - 0.01,
            "high": means + 0.01,
            "interval": "t95" if seeds >= 6 else "range",
            "chance": 0.002,
            "ceiling": 0.95,
        }
    )


def test_the_sentence_says_what_was_run(study):
    text = sentence(study)
    assert text.startswith("3 models on ball (")
    assert text.endswith(", 2 seeds each, trained for 30 steps and scored on every image.")
    one = study.tables.runs.query("kind == 'vae' and seed == 0")
    assert ", 1 seed, trained" in sentence(_with(study, runs=one))
    assert sentence(_with(study, runs=one.iloc[:0])) == "No run has finished."
    baselines = study.tables.runs[study.tables.runs["kind"].str.startswith("baseline")]
    assert sentence(_with(study, runs=baselines)).startswith(f"{len(baselines)} baselines on ball")


@pytest.mark.parametrize(
    ("summary", "said"),
    [
        (
            _summary(1),
            "has a MIG (histogram) of 0.9 (chance is 0, a perfect code has 0.95).",
        ),
        (_summary(3), "clearly ahead of the others."),
        (_summary(3, gap=0.01), "but 2 others cannot be told from it."),
        (_summary(3, gap=0.015), "but 1 other cannot be told from it."),
        (
            _summary(3).assign(n_seeds=[6, 6, 1], interval=["t95", "t95", "range"]),
            "clearly ahead of the others with 6 seeds or more.",
        ),
        (
            _summary(3).assign(n_seeds=[1, 6, 6], interval=["range", "t95", "t95"]),
            "With fewer than 6 seeds that is no ranking.",
        ),
        (
            _summary(3).assign(chance=0.95),
            "no model is above chance in MIG (histogram): the best, model 0, has 0.9 (chance is "
            "0.95, a perfect code has 0.95).",
        ),
        (_summary(3, seeds=2), "With fewer than 6 seeds that is no ranking."),
    ],
)
def test_the_best_model_is_named_and_whether_that_can_be_told(study, summary, said):
    nothing = study.tables.runs.iloc[:0]
    (text,) = findings(_with(study, summary=summary, runs=nothing))
    assert "model 0" in text
    assert text.endswith(said)


def test_baselines_are_no_findings(study):
    summary = _summary(2).assign(kind="baseline_truth")
    assert findings(_with(study, summary=summary, runs=study.tables.runs.iloc[:0])) == []
    assert bars(_with(study, summary=summary)) is None


def test_high_beta_is_told_beside_low_beta(study):
    runs = study.tables.runs[study.tables.runs["kind"].isin(["vae", "beta_vae"])]
    runs = runs.assign(kl=np.where(runs["kind"] == "vae", 8.5, 2.0))
    latents = pd.concat(
        pd.DataFrame({"run_id": run, "latent": range(4), "kl": kl, "sigma": 1.0})
        for run, kl in zip(
            runs["run_id"],
            [[3, 3, 2.5, 0] if kind == "vae" else [1, 1, 0, 0] for kind in runs["kind"]],
            strict=True,
        )
    )
    told, *_ = findings(_with(study, runs=runs, kl_per_dimension=latents))
    assert "β = 1 spreads 8.5 nats over 3 latents; β = 4 keeps 2 nats in 2 latents" in told
    assert told.endswith("(medians over seeds).")


def test_bars_show_the_best_models_between_chance_and_perfect(study):
    shown = bars(_with(study, summary=_summary(MAX_BARS + 2)))
    assert [bar.label for bar in shown.bars] == [f"model {i}" for i in range(MAX_BARS)]
    assert (shown.left_out, shown.chance, shown.ceiling) == (2, 0.2, 95.0)
    first = shown.bars[0]
    assert (first.place, first.low, first.high) == (90.0, 89.0, 91.0)
    assert first.block == block_id("g0", "float32")
    assert bars(_with(study, summary=_summary(1))) is None


def test_the_model_to_touch_has_a_code_and_is_no_factor_channel(study):
    explorers, _ = shown_models(study)
    coded = [replace(model, has_code=True) for model in explorers]
    runs = study.tables.runs
    order = runs[runs["run_id"].isin([model.run for model in coded])]
    means = runs.groupby("group_id")["mig_histogram"].mean()
    best = order.set_index("run_id")["group_id"].map(means).idxmax()
    assert overview(study, coded, []).model.run == best
    only = [replace(model, has_code=model.run == coded[-1].run) for model in explorers]
    assert overview(study, only, []).model.run == coded[-1].run
    assert overview(study, [], []).model is None


def test_every_model_has_one_block_with_its_pictures_and_scores(study):
    explorers, _ = shown_models(study)
    blocks, left_out = model_blocks(study, explorers, page_figures([]).of_models)
    assert left_out == 0
    runs = study.tables.runs
    models = runs[~runs["kind"].str.startswith("baseline")]
    keys = dict.fromkeys(zip(models["group_id"], models["precision"], strict=True))
    assert [block.block for block in blocks] == [block_id(*key) for key in keys]
    for block, (group_id, _) in zip(blocks, keys, strict=True):
        group = models[models["group_id"] == group_id]
        assert block.explorer.run in set(group["run_id"])
        scores = {row.metric: row for row in block.scores}
        pairs = [pair.split(":") for pair in scores["mig_histogram"].by_seed.split()]
        known = group.set_index("seed")["mig_histogram"]
        assert {int(seed): float(value) for seed, value in pairs} == pytest.approx(
            known.to_dict(), rel=1e-5
        )
        assert scores["mig_histogram"].cell.value == pytest.approx(known.mean())
        assert scores["mig_histogram"].chance != ""


def test_what_is_missing_is_told_in_a_line(study):
    lacking = pd.concat([study.tables.scores.iloc[[0]].assign(value=np.nan)] * 5)
    names = ["mig_sup", "dcimig", "jemmig", "aam", "irs"]
    long = f"not computed in a; add {', '.join('metric' for _ in range(40))}"
    reasons = {
        "the grid has no factors": (
            5,
            "No MIG-sup, DCIMIG, JEMMIG or 2 other scores in 1 run: the",
        ),
        "short; try again": (1, "No MIG-sup in 1 run: short; try again."),
        long: (2, "No MIG-sup or DCIMIG in 1 run: not computed in a; open one of these runs below"),
        # What lies in the kind of codes is no fault.
        NOT_GIVEN + "logvars": (5, None),
        ONE_SEED: (1, None),
    }
    for reason, (n, said) in reasons.items():
        scores = lacking.assign(metric=names, reason=reason).iloc[:n]
        told = [text for text in notices(_with(study, scores=scores)) if text.startswith("No ")]
        assert [text[: len(said)] for text in told] == [said] if said else told == []
