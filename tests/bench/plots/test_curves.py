"""Training curves: those of one model, and of many over one another."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bench.analysis.study import Study
from bench.plots import FIGURES
from bench.plots._base import COLOURS

from .studies import boxes_overlap, repeated


def test_every_shown_run_has_its_curves_and_carries_its_id(study):
    drawings = list(FIGURES["curves"].draw(study))
    assert [one.run_id for one in drawings] == [
        run_id for run_id in study.tables.runs["run_id"] if run_id in study.frames
    ]
    history = study.tables.history
    runs = study.tables.runs.set_index("run_id")
    for one in drawings:
        left, middle, right = one.figure.axes[:3]
        group = runs[runs["group_id"] == runs.loc[one.run_id, "group_id"]].index
        of = history[history["run_id"].isin(group)]
        # Every seed is thin, and their mean thick.
        thick = [line for line in left.lines if line.get_linewidth() > 1]
        assert len(left.lines) == len(group) + 1
        assert len(thick) == 1
        assert thick[0].get_ydata() == pytest.approx(of.groupby("step")["reconstruction"].mean())
        own = history[history["run_id"] == one.run_id]
        last = sorted(
            (own[name].iloc[-1] for name in own if str(name).startswith("kl_")), reverse=True
        )
        assert [line.get_ydata()[-1] for line in right.lines] == pytest.approx(last)
        named = [text.get_text().split()[-1] for text in right.texts]
        assert named == [f"{kl:.2f}" for kl in last if kl >= 0.1]
        dashed = [line for line in middle.lines if line.get_linestyle() == "--"]
        assert bool(dashed) == (runs.loc[one.run_id, "kind"] == "capacity_vae")


def test_a_falling_beta_has_a_scale_of_its_own(study):
    history = study.tables.history
    (run_id,) = study.tables.runs.query("kind == 'beta_vae' and seed == 0")["run_id"]
    falling = np.where(history["run_id"] == run_id, 9 - history["step"] / 10, history["beta"])
    annealed = Study(
        replace(study.tables, history=history.assign(beta=falling)), {run_id: study.frames[run_id]}
    )
    (drawn,) = FIGURES["curves"].draw(annealed)
    (weight,) = [axes for axes in drawn.figure.axes if axes.get_ylabel() == "β, dashed"]
    assert weight.lines[0].get_ydata()[0] == pytest.approx(falling[history["run_id"] == run_id][0])
    assert drawn.figure.axes[1].get_title() == "KL and β"


def test_a_collapsed_model_does_not_fill_a_panel_with_noise(study):
    history = study.tables.history
    tiny = history.assign(**{n: history[n] * 1e-4 for n in history if str(n).startswith("kl")})
    for drawn in FIGURES["curves"].draw(Study(replace(study.tables, history=tiny), study.frames)):
        assert all(axes.get_ylim()[1] > 0.5 for axes in drawn.figure.axes[1:3])


def _many(study, n, label="β-VAE β={}"):
    changes = [{"beta": 10.0 + i, "label": label.format(10 + i)} for i in range(n)]
    return repeated(study, "beta_vae", changes) if changes else study


@pytest.mark.parametrize(
    ("n", "label"),
    [(0, "β-VAE β={}"), (8, "β-VAE β={}"), (8, "β-VAE β={} of a very long name"), (30, "β={}")],
)
def test_axes_are_as_large_whatever_is_named_beside_them(study, n, label):
    (drawn,) = FIGURES["training"].draw(_many(study, n, label))
    sizes = [axes.get_window_extent().size / 100 for axes in drawn.figure.axes[:2]]
    assert np.allclose(sizes, [2.55, 1.8])
    assert not boxes_overlap(drawn.figure)


def test_where_labels_do_not_fit_a_legend_stands_beside_the_axes(study):
    (direct,) = FIGURES["training"].draw(_many(study, 8))
    assert len(direct.figure.axes) == len(direct.parts) == 2
    assert {text.get_text() for text in direct.figure.axes[0].texts} >= {"VAE", "β-VAE β=10"}
    (beside,) = FIGURES["training"].draw(_many(study, 8, "β-VAE β={} of a very long name"))
    *_, legend = beside.figure.axes
    assert len(beside.figure.axes) == len(beside.parts) == 3
    assert len(legend.texts) == len(legend.lines) == 11
    assert not beside.figure.axes[0].texts


def test_of_many_models_the_first_and_last_of_each_kind_are_named(study):
    (drawn,) = FIGURES["training"].draw(_many(study, 30))
    assert len(drawn.figure.axes[0].lines) == 33
    named = {text.get_text() for text in drawn.figure.axes[0].texts}
    assert named == {"VAE", "β-VAE β=4", "β-VAE β=39", "capacity γ=100 C=5"}
    shades = [
        line.get_alpha()
        for line in drawn.figure.axes[0].lines
        if line.get_color() == COLOURS["beta_vae"]
    ]
    # A kind has one colour, fainter along β.
    assert shades == sorted(shades, reverse=True)
    assert len({*shades}) == 31


def test_settings_are_said_once_and_not_in_every_label(study):
    changes = [
        {"kind": "vae", "beta": 1.0, "steps": 60, "label": "VAE, 60 steps"},
        {"beta": 4.0, "steps": 60, "label": "β-VAE β=4, 60 steps"},
    ]
    (drawn,) = FIGURES["training"].draw(repeated(study, "beta_vae", changes))
    titles = [axes.get_title() for axes in drawn.figure.axes]
    assert titles == ["30 steps", "30 steps", "60 steps", "60 steps"]
    assert [text.get_text() for text in drawn.figure.axes[2].texts] == ["VAE", "β-VAE β=4"]


def test_models_of_which_each_has_settings_of_its_own_share_axes(study):
    runs = study.tables.runs
    first = runs.query("kind == 'vae' and seed == 0")
    history = study.tables.history
    curve = history[history["run_id"] == first["run_id"].iloc[0]]
    rates = {f"VAE, learning_rate={rate}": rate for rate in (1.0, 2.0)}
    rows = [
        first.assign(run_id=label, group_id=label, learning_rate=rate, label=label)
        for label, rate in rates.items()
    ]
    curves = [curve.assign(run_id=label) for label in rates]
    tables = replace(study.tables, runs=pd.concat(rows), history=pd.concat(curves))
    (drawn,) = FIGURES["training"].draw(Study(tables, {}))
    assert [len(axes.lines) for axes in drawn.figure.axes] == [2, 2]
    names = {text.get_text() for text in drawn.figure.axes[0].texts}
    assert names == {"VAE,\nlearning_rate=1.0", "VAE,\nlearning_rate=2.0"}
