"""The figures of β beside β: which models they take, and what stands beside their maps."""

from dataclasses import replace

import numpy as np
import pytest

from bench.analysis.information import information_table
from bench.analysis.study import Study
from bench.plots import FIGURES

from .studies import repeated, texts_of, with_kl


def test_the_comparison_takes_the_largest_beta_that_is_not_collapsed(study):
    alive = with_kl(study, {"vae": 9.0, "beta_vae": 1.01})
    (drawn,) = FIGURES["comparison"].draw(alive)
    assert drawn.title.endswith("β = 1 beside β = 4")
    collapsed = with_kl(study, {"vae": 9.0, "beta_vae": 0.99})
    (drawn,) = FIGURES["comparison"].draw(collapsed)
    assert drawn.title.endswith("β = 1 beside β = 4 (collapsed)")


@pytest.mark.parametrize(
    ("more", "shown"),
    [
        ({30: 3.0, 150: 0.0}, "β = 1 beside β = 30 beside β = 150 (collapsed)"),
        ({30: 3.0, 150: 0.0, 200: 0.0}, "β = 1 beside β = 30 beside β = 150 (collapsed)"),
        ({30: 3.0, 200: 0.0}, "β = 1 beside β = 30 beside β = 200 (collapsed)"),
        ({30: 3.0, 150: 2.0}, "β = 1 beside β = 150"),
        ({30: 3.0, 150: 2.0, 200: 1.5}, "β = 1 beside β = 150"),
        ({30: 3.0, 150: 2.0, 200: 0.0}, "β = 1 beside β = 150"),
    ],
)
def test_the_comparison_has_the_papers_beta(study, more, shown):
    alive = with_kl(study, {"vae": 9.0, "beta_vae": 5.0})
    changes = [{"beta": beta, "kl": kl, "label": f"β-VAE β={beta:g}"} for beta, kl in more.items()]
    (drawn,) = FIGURES["comparison"].draw(repeated(alive, "beta_vae", changes))
    assert drawn.title.endswith(f": {shown}")
    headings = [text for text in texts_of(drawn.figure) if text.endswith(", seed 0")]
    titles = shown.replace(" (collapsed)", "").split(" beside ")
    assert headings == [f"{title}, seed 0" for title in titles]
    # One scale explains the colours of all maps.
    assert sum(text.startswith("map: ") for text in texts_of(drawn.figure)) == 1


def test_every_beta_of_the_grid_is_there_and_collapsed_ones_say_so(study):
    alive = with_kl(study, {"vae": 9.0, "beta_vae": 5.0})
    more = {30: 3.0, 150: 2.0, 250: 0.2}
    changes = [{"beta": beta, "kl": kl, "label": f"β-VAE β={beta:g}"} for beta, kl in more.items()]
    grown = repeated(alive, "beta_vae", changes)
    dead = replace(grown.frames["beta_vae2"], kl=np.array([0.1, 0.1, 0.0, 0.0]))
    grown = Study(grown.tables, {**grown.frames, "beta_vae2": dead})
    (drawn,) = FIGURES["all-betas"].draw(grown)
    headings = [text for text in texts_of(drawn.figure) if text.endswith(", seed 0")]
    assert headings == [f"β = {beta}, seed 0" for beta in (1, 4, 30, 150, 250)]
    assert "collapsed: KL 0.20 nats in all" in texts_of(drawn.figure)
    assert drawn.title.endswith("beside β = 150 beside β = 250 (collapsed)")
    # All of them, and nothing of one reaches into another's part or out of the figure.
    pictures = [axes.get_position().extents for axes in drawn.figure.axes if axes.images[1:]]
    assert len(pictures) == len(drawn.parts) == 5
    assert np.min(pictures) >= 0
    assert np.max(pictures) <= 1
    for i, first in enumerate(pictures):
        for second in pictures[i + 1 :]:
            apart = (first[2:] <= second[:2] + 1e-9) | (second[2:] <= first[:2] + 1e-9)
            assert apart.any()
    # Where the comparison has them all, nothing is said twice.
    assert list(FIGURES["all-betas"].draw(alive)) == []


def test_kl_and_sigma_stand_beside_every_map(study):
    (row,) = study.tables.runs.query("kind == 'vae' and seed == 0").to_dict("records")
    kl = study.tables.kl_per_dimension
    own = kl["run_id"] == row["run_id"]
    kl = kl.assign(sigma=np.where(own, kl.groupby("run_id").cumcount() / 10 + 0.25, 9.0))
    shown = study.frames[row["run_id"]]
    frames = replace(shown, kl=np.array([3.0, 1.45, 0.1, 0.05]), latents=np.array([2, 3, 0, 1]))
    tables = replace(study.tables, kl_per_dimension=kl)
    (drawn,) = FIGURES["traversals"].draw(Study(tables, {row["run_id"]: frames}))
    texts = {text.get_text(): text for text in drawn.figure.texts}
    for name, pair in zip(
        ("z2", "z3", "z0", "z1"),
        ("3.00 σ 0.45", "1.45 σ 0.55", "0.10 σ 0.25", "0.05 σ 0.35"),
        strict=True,
    ):
        assert texts[pair].get_position()[1] == texts[name].get_position()[1]
    assert texts["0.05 σ 0.35"].get_color() == texts["z1"].get_color() == "#767676"
    assert "the largest 3.00 σ 0.45." in drawn.alt
    # What no start has scored yet is left out.
    unknown = replace(study.tables, kl_per_dimension=kl.assign(sigma=np.nan))
    (drawn,) = FIGURES["traversals"].draw(Study(unknown, {row["run_id"]: frames}))
    assert {"3.00", "1.45", "0.10", "0.05"} <= {*texts_of(drawn.figure)}


PAPERS_BALL = '{"margin": 0.0, "radius": 7.5}'


@pytest.mark.parametrize(("options", "published"), [(PAPERS_BALL, True), ("{}", False)])
def test_published_latents_stand_beside_the_papers_ball_alone(study, options, published):
    alive = with_kl(study, {"vae": 9.0, "beta_vae": 5.0})
    runs = alive.tables.runs.assign(dataset_options=options)
    (drawn,) = FIGURES["comparison"].draw(Study(replace(alive.tables, runs=runs), alive.frames))
    note = "β = 1: 3.3 σ 0.08, 2.57 σ 0.20, 2.32 σ 0.20, 1.43 σ 0.43; β = 150: 0.92 σ 0.43, "
    assert (note in drawn.note) == (note in drawn.alt) == published


def test_cells_beside_the_rows_say_what_latents_carry(study):
    (row,) = study.tables.runs.query("kind == 'capacity_vae' and seed == 0").to_dict("records")
    above = np.array([[0.6, 0.0, 0.2], [0.3, 0.001, 0.0], [0.12, 0.0, 2.0], [0.09, 0, 0]])
    chance = np.array([[0.5, 0.25, 0.0]] * 4)
    frames = replace(
        study.frames[row["run_id"]],
        information=above + chance,
        chance=chance,
        entropies=np.array([1.2, 0.0, 2.0]),
        factors=np.array([b"shape", b"none", b"red"]),
    )
    only = Study(study.tables, {row["run_id"]: frames})
    (drawn,) = FIGURES["capacity-traversals"].draw(only)
    pictures = drawn.figure.axes[0]
    cells = [axes for axes in drawn.figure.axes if axes.texts]
    assert len(cells) == 1
    shares = np.array([[0.5, 0, 0.1], [0.25, 0, 0], [0.1, 0, 1], [0.075, 0, 0]])
    assert np.allclose(cells[0].images[0].get_array()[..., 3], shares)
    numbers = ["0.60", "0.20", "0.30", "0.12", "2.00", "0.09"]
    assert [text.get_text() for text in cells[0].texts] == numbers
    assert (
        drawn.note
        == "Latents with at least 0.1 nat of a factor above chance: shape 3, none 0, red 2."
    )
    assert drawn.note in drawn.alt
    # Cells stand beside the rows that they are of.
    strips = [image.get_extent() for image in pictures.images[2::2]]
    rows = [pictures.transData.transform([e[::2], e[1::2]]) for e in strips]
    box = cells[0].get_window_extent()
    middles = [box.y1 - (row + 0.5) * box.height / 4 for row in range(4)]
    assert [row[:, 1].mean() for row in rows] == pytest.approx(middles)
    assert box.x0 > max(row[:, 0].max() for row in rows)
    table = information_table(only)
    assert table["information"].tolist() == (above + chance).ravel().tolist()
    assert table["chance"].tolist() == chance.ravel().tolist()
    assert table["factor"].tolist() == ["shape", "none", "red"] * 4
    assert table["carriers"].tolist() == [3, 0, 2] * 4
    assert np.allclose(table["share"], shares.ravel())
    assert table["latent"].tolist()[::3] == [f"z{j}" for j in frames.latents]
    # Frames that are older than the measuring of chance.
    older = Study(study.tables, {row["run_id"]: replace(frames, chance=None)})
    (drawn,) = FIGURES["capacity-traversals"].draw(older)
    assert drawn.note == "Latents with at least 0.1 nat of a factor: shape 4, none 4, red 2."
    assert information_table(older)["chance"].isna().all()


def test_models_that_differ_in_more_than_beta_are_compared_apart(study):
    changes = [
        {"kind": "vae", "beta": 1.0, "n_latents": 8, "label": "VAE, n_latents=8"},
        {"beta": 4.0, "n_latents": 8, "label": "β-VAE β=4, n_latents=8"},
    ]
    drawn = list(FIGURES["comparison"].draw(repeated(study, "beta_vae", changes)))
    assert len(drawn) == len({one.name for one in drawn}) == 2
    assert ", 8 latents: β = 1" in drawn[1].title


def test_rows_that_no_model_of_a_comparison_uses_are_left_out(study):
    alive = with_kl(study, {"vae": 9.0, "beta_vae": 5.0})
    frames = {
        run_id: replace(
            shown,
            kl=np.array([3.0, 2.0, *np.zeros(8)]),
            latents=np.arange(10),
            traversals=np.repeat(shown.traversals[:1], 10, 0),
            tuning_maps=np.repeat(shown.tuning_maps[:1], 10, 0),
        )
        for run_id, shown in alive.frames.items()
    }
    (drawn,) = FIGURES["comparison"].draw(Study(alive.tables, frames))
    # Two that are used, and two that do nothing, as in the paper.
    assert [text for text in texts_of(drawn.figure) if text in ("z3", "z4")] == ["z3", "z3"]
    # A model by itself is shown whole.
    whole = next(FIGURES["traversals"].draw(Study(alive.tables, frames)))
    assert "z9" in texts_of(whole.figure)
