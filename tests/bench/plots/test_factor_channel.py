"""Fig. 3 of synthetic channels."""

from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest

from bench.analysis.study import Study
from bench.plots import FIGURES, svg_text
from bench.store.history import coarser
from bench.store.snapshots import Snapshots
from bench.tables.collect import Tables

FACTORS = ("shape", "scale", "orientation", "position_x", "position_y")


def _synthetic(n_seeds):
    """Return a study of channels whose factors come in at given capacities."""
    steps = np.arange(1, 101) * 10.0
    c = 0.5 + 24.5 * steps / 1000
    onset = {"shape": 16, "scale": 10, "orientation": 20, "position_x": 0, "position_y": 0}
    rows, kl, histories = [], [], []
    for seed in range(n_seeds):
        parts = {name: np.maximum(c - start, 0) / 5 + 0.01 * seed for name, start in onset.items()}
        name = f"run{seed}"
        numbered = {f"kl_{k}": parts[factor] for k, factor in enumerate(FACTORS)}
        total = sum(parts.values())
        columns = {"step": steps, "c": c, "kl": total, "reconstruction": 300 - 10 * total}
        histories.append(pd.DataFrame({**columns, **numbered, "run_id": name}))
        kl += [(name, factor, parts[factor][-1]) for factor in FACTORS]
        rows.append(
            {
                "run_id": name, "dataset": "dsprites", "dataset_options": "{}", "seed": seed,
                "kind": "factor_channel", "group_id": "g", "precision": "float32",
                "label": "factor channel",
            }
        )  # fmt: skip
    empty = Tables(**{field.name: pd.DataFrame() for field in fields(Tables)})
    tables = replace(
        empty,
        runs=pd.DataFrame(rows),
        kl_per_dimension=pd.DataFrame(kl, columns=["run_id", "latent", "kl"]),
        history=pd.concat(histories),
    )
    totals = np.linspace(1, 25, 25)
    images = np.full((25, 11, 1, 64, 64), 7, np.uint8)
    snapshots = Snapshots(
        np.arange(25), totals, np.repeat(totals[:, None] / 5, 5, 1), images[0], images
    )
    return Study(tables, {}, {"run0": snapshots})


@pytest.mark.parametrize("n_seeds", [1, 3])
def test_the_figure_shows_the_factors_by_their_names(n_seeds):
    study = _synthetic(n_seeds)
    (drawn,) = FIGURES["factor-channel"].draw(study)
    left, right, legend, capacity, rate = (axes for axes in drawn.figure.axes if not axes.images)
    mean = study.tables.history.drop(columns="run_id").groupby("step").mean()
    places = {left: mean.index, right: -mean["reconstruction"]}
    for axes, place in places.items():
        named = {
            line.get_label(): line for line in axes.lines if not line.get_label().startswith("_")
        }
        assert set(named) == set(FACTORS)
        assert len({line.get_color() for line in named.values()}) == 5
        for k, factor in enumerate(FACTORS):
            assert named[factor].get_xdata() == pytest.approx(place.to_numpy())
            assert named[factor].get_ydata() == pytest.approx(mean[f"kl_{k}"].to_numpy())
        published = [line for line in axes.lines if line.get_label().startswith("_paper")]
        assert len(published) == (4 if axes is right else 0)
        assert len(axes.lines) == 5 * (1 + (n_seeds if n_seeds > 1 else 0)) + len(published)
        for line in published:
            own = named[line.get_label().removeprefix("_paper ")]
            assert line.get_color() == own.get_color()
            # Behind ours.
            assert line.get_zorder() < own.get_zorder()
    (scale,) = [line for line in right.lines if line.get_label() == "_paper scale"]
    assert dict(zip(*scale.get_data(), strict=True))[-179] == 2.27
    # All of the paper's curves is in sight, however far ours came.
    low, high = right.get_xlim()
    assert low < -541
    assert high > -42
    listed = [text.get_text() for text in legend.texts]
    assert listed == [*FACTORS, "on the right-hand scale", "the paper's"]
    for axes, column in ((capacity, "c"), (rate, "kl")):
        (dashed,) = axes.lines
        assert dashed.get_linestyle() == "--"
        assert dashed.get_ydata() == pytest.approx(mean[column].to_numpy())
    rows = [axes.get_ylabel() for axes in drawn.figure.axes if axes.images]
    assert [row.partition("\n")[0] for row in rows] == [
        "original", *(f"KL {kl}.0 nats" for kl in (3, 7, 15, 24))
    ]  # fmt: skip
    # All factors are in use from the first row on, so no later one has a new one.
    assert rows[1].replace("\n", " ").endswith(f"only {', '.join(FACTORS)}")
    assert not any("+" in row for row in rows)
    assert "orientation" in drawn.alt


def test_the_figure_does_without_snapshots():
    study = _synthetic(1)
    (drawn,) = FIGURES["factor-channel"].draw(Study(study.tables, {}))
    assert not any(axes.images for axes in drawn.figure.axes)
    svg_text(drawn.figure)


def test_seeds_with_curves_of_other_lengths_have_one_mean():
    study = _synthetic(2)
    whole, other = (part for _, part in study.tables.history.groupby("run_id"))
    short = coarser(other.drop(columns="run_id"), 7).assign(run_id="run1")
    uneven = replace(study.tables, history=pd.concat([whole, short]))
    (drawn,) = FIGURES["factor-channel"].draw(Study(uneven, {}))
    named = {line.get_label(): line for line in drawn.figure.axes[0].lines}
    # Both are linear in the step but for their onsets, so a window's mean is that of its middle.
    np.testing.assert_array_equal(named["position_x"].get_xdata(), short["step"])
    both = np.interp(short["step"], whole["step"], whole["kl_3"].expanding().mean())
    np.testing.assert_allclose(
        np.cumsum(np.diff(short["step"], prepend=0) * named["position_x"].get_ydata())
        / short["step"],
        both + 0.005,
    )


@pytest.mark.parametrize(("scored", "seeds"), [([], None), (["run0"], 1), (["run1", "run2"], 2)])
def test_seeds_that_are_not_scored_yet_are_not_in_the_figure(scored, seeds):
    study = _synthetic(3)
    kl = study.tables.kl_per_dimension
    known = replace(study.tables, kl_per_dimension=kl[kl["run_id"].isin(scored)])
    drawn = [*FIGURES["factor-channel"].draw(replace(study, tables=known))]
    if seeds is None:
        assert drawn == []
    else:
        said = "one seed" if seeds == 1 else f"the mean of {seeds} seeds"
        assert said in drawn[0].alt
        assert drawn[0].run_id == scored[0]
