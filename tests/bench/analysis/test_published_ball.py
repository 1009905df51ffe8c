"""The ball's latents beside those of the poster: ranks within seeds, medians, the page."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bench.analysis.published_ball import (
    COLUMNS,
    PUBLISHED,
    ball_latents,
    is_papers_ball,
)
from bench.page.published import ball_parts

PAPERS_BALL = '{"margin": 0.0, "radius": 7.5}'


def _tables(codes, **own):
    """Return the tables of groups of runs, given as (kind, β) to the (KL, σ) of each seed."""
    runs, latents = [], []
    for (kind, beta), seeds in codes.items():
        for seed, pairs in enumerate(seeds):
            run = {"run_id": f"{kind}{beta:g}-{seed}", "kind": kind, "beta": beta, "steps": 6e3}
            run |= {"dataset": "ball", "dataset_options": PAPERS_BALL, "precision": "float32"}
            run |= {"likelihood": "bernoulli"}
            runs.append({**run, "label": kind, "group_id": f"{kind}{beta:g}", **own})
            latents += [(run["run_id"], f"z{j}", *pair) for j, pair in enumerate(pairs)]
    columns = ["run_id", "latent", "kl", "sigma"]
    return SimpleNamespace(
        runs=pd.DataFrame(runs), kl_per_dimension=pd.DataFrame(latents, columns=columns)
    )


def test_published_totals_are_those_of_the_poster():
    totals = {beta: sum(kl for kl, _ in latents) for beta, latents in PUBLISHED.items()}
    assert totals == pytest.approx({1: 9.62, 150: 1.83})
    for latents in PUBLISHED.values():
        kl, sigma = np.array(latents).T
        assert list(kl) == sorted(kl, reverse=True)
        assert list(sigma) == sorted(sigma)


def test_latents_are_ranked_within_each_seed():
    seeds = [
        [(0.0, 1.0), (0.9, 0.4), (0.8, 0.5)],
        [(0.7, 0.6), (0.0, 0.99), (1.0, 0.3)],
        [(0.95, 0.35), (0.75, 0.55), (0.3, 0.9)],
    ]
    table = ball_latents(_tables({("beta_vae", 150.0): seeds}))
    assert list(table.columns) == [*COLUMNS]
    assert table["rank"].tolist() == [1, 2, 3]
    assert table["n_seeds"].tolist() == [3, 3, 3]
    assert table[["kl", "kl_low", "kl_high"]].to_numpy().tolist() == [
        [0.95, 0.9, 1.0],
        [0.75, 0.7, 0.8],
        [0.0, 0.0, 0.3],
    ]
    # A latent's σ goes where its KL goes.
    assert table[["sigma", "sigma_low", "sigma_high"]].to_numpy().tolist() == [
        [0.35, 0.3, 0.4],
        [0.55, 0.5, 0.6],
        [0.99, 0.9, 1.0],
    ]
    assert table["published_kl"].tolist() == [0.92, 0.91, 0.0]
    assert table["published_sigma"].tolist() == [0.43, 0.44, 1.0]


def test_what_the_poster_does_not_show_has_no_published_value():
    five = [(3.0, 0.1), (2.9, 0.1), (2.8, 0.2), (2.7, 0.2), (0.05, 0.9)]
    table = ball_latents(_tables({("vae", 1.0): [five], ("beta_vae", 4.0): [five]}))
    assert table["label"].unique().tolist() == ["vae"]
    assert table["published_kl"].tolist()[:4] == [3.3, 2.57, 2.32, 1.43]
    assert np.isnan(table["published_kl"][4])
    (part,) = ball_parts(table)
    assert "0.29" in part["note"]
    # Of ours those that are in use, even where the poster has none.
    assert [row["rank"] for row in part["rows"]] == ["1", "2", "3", "4"]
    more = ball_latents(_tables({("vae", 1.0): [five, [(0.3, 0.8)] * 5]}))
    assert [row["rank"] for row in ball_parts(more)[0]["rows"]] == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize(
    "other",
    [
        {"dataset_options": "{}"},
        {"dataset_options": '{"margin": 0.0, "radius": 7.5, "image_size": 32}'},
        {"dataset": "dsprites", "dataset_options": "{}"},
        {"kind": "capacity_vae"},
        {"likelihood": "gaussian"},
    ],
)
def test_other_data_and_models_are_not_compared(other):
    codes = {("beta_vae", 150.0): [[(0.9, 0.4), (0.8, 0.5)]]}
    assert len(ball_latents(_tables(codes))) == 2
    assert ball_latents(_tables(codes, **other)).empty


def test_the_paper_has_the_ball_of_the_name_alone():
    assert is_papers_ball("ball", PAPERS_BALL)
    assert not is_papers_ball("dsprites", "{}")


def test_the_page_has_medians_and_ranges():
    seeds = [[(0.9, 0.4)], [(0.8, np.nan)], [(0.7, np.nan)]]
    (part,) = ball_parts(ball_latents(_tables({("beta_vae", 150.0): seeds})))
    assert part["title"] == "β = 150: ours beta_vae, 6,000 steps, 3 seeds"
    assert part["rows"] == [
        {
            "rank": "1",
            "kl_theirs": "0.92",
            "kl_ours": "0.80",
            "kl_range": "0.70 to 0.90",
            "sigma_theirs": "0.43",
            "sigma_ours": "0.40",
            "sigma_range": "0.40 to 0.40",
        }
    ]
    unscored = [[(0.9, np.nan)]]
    (part,) = ball_parts(ball_latents(_tables({("beta_vae", 150.0): unscored})))
    assert part["rows"][0]["sigma_ours"] == "–"
    assert part["rows"][0]["sigma_range"] == part["rows"][0]["kl_range"] == ""
    assert part["title"].endswith("1 seed")


def test_a_study_of_nothing_has_no_rows():
    nothing = SimpleNamespace(runs=pd.DataFrame(), kl_per_dimension=pd.DataFrame())
    assert ball_latents(nothing).empty
    assert ball_parts(ball_latents(nothing)) == []
