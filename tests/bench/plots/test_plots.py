"""Figures: drawn from what there is, the same at every drawing, and of the right numbers."""

import base64
import io
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bench.analysis.study import Study, load_study
from bench.plots import FIGURES, doctor, draw_all, svg_text
from bench.plots._base import COLOURS, MAX_PANELS, show_images
from bench.plots._layout import sheet
from bench.store.frames import Frames
from bench.store.history import coarser
from bench.store.store import Store
from bench.tables.summary import summarise

from .studies import repeated, texts_of, with_kl


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    return load_study(Store(tmp_path_factory.mktemp("empty") / "store", create=True))


# What these show is not in the small grid.
_NOT_DRAWN = ("metrics-capacity", "factor-channel", "all-betas", "scores-during-training")


@pytest.mark.parametrize("name", [name for name in FIGURES if name not in _NOT_DRAWN])
def test_every_figure_is_drawn_of_a_small_grid(study, name):
    study = with_kl(study, {"vae": 9.0, "beta_vae": 5.0})
    drawn = list(FIGURES[name].draw(study))
    assert drawn
    for one in drawn:
        assert one.dataset == "ball"
        assert one.title
        assert one.alt.endswith(".")
        assert (one.run_id in study.frames) == FIGURES[name].of_model
        ET.fromstring(svg_text(one.figure))  # noqa: S314 - our own text


@pytest.mark.parametrize("name", FIGURES)
def test_nothing_is_drawn_of_nothing(empty, name):
    assert list(FIGURES[name].draw(empty)) == []


def test_names_are_unique_and_drawings_repeatable(study):
    first = [(drawn.name, svg_text(drawn.figure)) for _, drawn in draw_all(study)]
    assert len({name for name, _ in first}) == len(first)
    assert [(drawn.name, svg_text(drawn.figure)) for _, drawn in draw_all(study)] == first


def test_metrics_are_drawn_against_c_once_there_are_two(study):
    runs = study.tables.runs
    more = runs[runs["kind"] == "capacity_vae"].assign(capacity=9.0, group_id="other")
    both = type(runs)(np.vstack([runs, more]), columns=runs.columns).astype(more.dtypes)
    doubled = Study(replace(study.tables, runs=both), study.frames)
    assert list(FIGURES["metrics-capacity"].draw(study)) == []
    assert len(list(FIGURES["metrics-capacity"].draw(doubled))) == 1


def test_sets_of_models_are_told_apart_by_settings_and_not_by_labels(study):
    longer = [
        {"kind": "vae", "beta": 1.0, "label": "VAE, 60 steps"},
        {"beta": 4.0, "label": "β-VAE β=4, 60 steps"},
        {"beta": 30.0, "kl": 3.0, "label": "β-VAE β=30, 60 steps"},
        {"beta": 150.0, "kl": 2.0, "label": "β-VAE β=150, 60 steps"},
    ]
    study = with_kl(study, {"vae": 9.0, "beta_vae": 5.0})
    uneven = repeated(study, "beta_vae", [{**row, "steps": 60} for row in longer])
    short, long = FIGURES["comparison"].draw(uneven)
    assert short.title.endswith("30 steps: β = 1 beside β = 4")
    assert long.title.endswith("60 steps: β = 1 beside β = 150")
    (all_betas,) = FIGURES["all-betas"].draw(uneven)
    assert all_betas.title.endswith("β = 1 beside β = 4 beside β = 30 beside β = 150")
    assert "60 steps" in all_betas.title
    runs = uneven.tables.runs
    tables = replace(uneven.tables, summary=summarise(runs, uneven.tables.metrics))
    (drawn,) = FIGURES["metrics-beta"].draw(Study(tables, uneven.frames))
    for axes in drawn.figure.axes[: MAX_PANELS - 1]:
        lines = [bars.lines[0] for bars in axes.containers]
        if not lines:
            continue
        assert [list(line.get_xdata()) for line in lines] == [[1, 4], [1, 4, 30, 150]]
        assert [line.get_linestyle() for line in lines] == ["-", "--"]
        # Points and bars tell the sweeps apart as well.
        points = [line for line in axes.lines if line.get_marker() == "o"]
        assert [line.get_fillstyle() for line in points] == ["full", "none"]
        bars = [bars.lines[2][0].get_linestyle()[0] for bars in axes.containers]
        assert bars[0][1] is None
        assert bars[1][1] is not None
    handles = drawn.figure.axes[-1].lines
    assert [line.get_fillstyle() for line in handles] == ["full", "none"]
    legend = [text.get_text() for text in drawn.figure.axes[-1].texts]
    assert legend == ["β-VAE, 30 steps", "β-VAE, 60 steps"]
    (drawn,) = FIGURES["rate-distortion"].draw(uneven)
    first, second = (axes for axes in drawn.figure.axes if axes.get_xlabel())
    assert [axes.get_title() for axes in (first, second)] == ["30 steps", "60 steps"]
    joined = [
        [len(line.get_xdata()) for line in axes.lines if line.get_linestyle() == "-"]
        for axes in (first, second)
    ]
    # β-VAE joins the plain VAE; settings that are not to be compared are not joined.
    assert joined == [[2], [4]]
    names = {text.get_text() for text in second.texts}
    assert names == {"VAE", "β-VAE β=4", "β-VAE β=30", "β-VAE β=150"}


def test_a_plane_of_one_point_is_left_out(study):
    runs = study.tables.runs
    alone = runs[runs["kind"].isin(["vae", "baseline_pca"])]
    only = Study(replace(study.tables, runs=alone), study.frames)
    assert len(alone[alone["kind"] == "vae"]) > 1
    assert list(FIGURES["rate-distortion"].draw(only)) == []
    assert list(FIGURES["metrics-beta"].draw(only)) == []


@pytest.mark.parametrize("value", [0.0, 2e-5, 0.5, 1.0])
def test_axes_of_a_score_keep_to_what_it_can_be(study, value):
    runs, summary = study.tables.runs, study.tables.summary
    same = runs.assign(mig_posterior=runs["mig_posterior"].where(runs["kl"].isna(), value))
    means = summary.assign(
        **{
            name: summary[name].mask(summary["metric"] == "mig_posterior", value)
            for name in ("mean", "low", "high")
        }
    )
    flat = Study(replace(study.tables, runs=same, summary=means), study.frames)
    (drawn,) = FIGURES["metrics-beta"].draw(flat)
    (axes,) = (one for one in drawn.figure.axes if one.get_title() == "MIG (posterior)")
    low, high = axes.get_ylim()
    assert -0.01 < low <= value <= high < 1.01
    # What hardly differs looks flat.
    assert high - low >= 0.01
    drawn.figure.canvas.draw()
    assert axes.yaxis.get_offset_text().get_text() == ""


def test_models_of_unlike_gamma_are_not_joined(study):
    changes = [
        {"gamma": gamma, "capacity": c, "label": f"capacity γ={gamma:g} C={c:g}"}
        for gamma, c in ((9.0, 5.0), (9.0, 7.0), (8.0, 7.0))
    ]
    (drawn,) = FIGURES["rate-distortion"].draw(repeated(study, "capacity_vae", changes))
    lines = [line for line in drawn.figure.axes[0].lines if line.get_linestyle() == "-"]
    capacity = [line for line in lines if line.get_color() == COLOURS["capacity_vae"]]
    assert [len(line.get_xdata()) for line in capacity] == [2]


@pytest.fixture(scope="module")
def uneven_curves(study):
    """The study with a third seed of each model in rows of other length, and again in bfloat16."""
    history, runs = study.tables.history, study.tables.runs
    firsts = runs[runs["seed"] == 0]
    shorter = [
        coarser(history[history["run_id"] == name].drop(columns="run_id"), 7).assign(
            run_id=f"{name}short"
        )
        for name in firsts["run_id"]
        if name in set(history["run_id"])
    ]
    more = firsts.assign(run_id=firsts["run_id"] + "short", seed=2)
    runs = pd.concat([runs, more], ignore_index=True)
    history = pd.concat([history, *shorter], ignore_index=True)
    half = runs.assign(run_id=runs["run_id"] + "half", precision="bfloat16", label="half")
    again = history.assign(run_id=history["run_id"] + "half", kl=2 * history["kl"])
    return Study(
        replace(
            study.tables,
            runs=pd.concat([runs, half], ignore_index=True),
            history=pd.concat([history, again], ignore_index=True),
        ),
        study.frames,
    )


@pytest.mark.parametrize("name", ["capacity-tracking", "curves", "training", "capacity-doctor"])
def test_curves_of_unequal_length_are_drawn(uneven_curves, name):
    assert list(FIGURES[name].draw(uneven_curves))


def test_a_mean_curve_is_that_of_one_model_and_precision(uneven_curves):
    history = uneven_curves.tables.history
    runs = uneven_curves.tables.runs
    (drawn,) = FIGURES["training"].draw(uneven_curves)
    # A precision is a setting of its own: a row of two panels each.
    lines = [line for axes in drawn.figure.axes[1:4:2] for line in axes.lines]
    trained = runs[runs["run_id"].isin(history["run_id"])]
    groups = [g for _, g in trained.groupby(["group_id", "precision"], sort=False)]
    groups.sort(key=lambda group: group["precision"].iloc[0], reverse=True)
    assert len(lines) == len(groups) == 6
    for line, group in zip(lines, groups, strict=True):
        # Windows of five steps, of the seed that has the fewest rows.
        np.testing.assert_array_equal(line.get_xdata(), [5, 10, 15, 20, 25, 30])
        of = history[history["run_id"].isin(group["run_id"])].sort_values("run_id")
        whole = [part["kl"].mean() for _, part in of.groupby("run_id")]
        assert np.mean(line.get_ydata()) == pytest.approx(np.mean(whole), rel=1e-4)
    (drawn,) = FIGURES["capacity-tracking"].draw(uneven_curves)
    assert len([axes for axes in drawn.figure.axes if axes.get_xlabel()]) == 2
    assert [text.get_text() for text in drawn.figure.axes[-1].texts] == ["KL", "C"]


def test_rows_are_sorted_by_kl_and_say_so(study):
    (row,) = study.tables.runs.query("kind == 'vae' and seed == 0").to_dict("records")
    shown = study.frames[row["run_id"]]
    frames = replace(shown, kl=np.array([3.0, 1.45, 0.1, 0.05]), latents=np.array([2, 3, 0, 1]))
    (drawn,) = FIGURES["traversals"].draw(Study(study.tables, {row["run_id"]: frames}))
    texts = {text.get_text(): text for text in drawn.figure.texts}
    names = ["z2", "z3", "z0", "z1"]
    heights = [texts[name].get_position()[1] for name in names]
    assert heights == sorted(heights, reverse=True)
    assert [texts[name].get_color() for name in names] == ["#000000"] * 3 + ["#767676"]
    assert any(text.startswith("KL 4.60 nats, 3 of 4 latents") for text in texts)
    assert {"originals", "reconstructed", "−3", "0", "3"} <= texts.keys()


def test_a_colour_model_without_positions_has_no_maps(study):
    (row,) = study.tables.runs.query("kind == 'capacity_vae' and seed == 0").to_dict("records")
    shown = study.frames[row["run_id"]]
    coloured = {
        name: np.repeat(getattr(shown, name), 3, axis=-3)
        for name in ("originals", "reconstructions", "traversals")
    }
    frames = replace(shown, tuning_maps=shown.tuning_maps[:, :0, :0], **coloured)
    (drawn,) = FIGURES["capacity-traversals"].draw(Study(study.tables, {row["run_id"]: frames}))
    # Originals, reconstructions and a row for each latent; the cells of its factors.
    pictures, cells = drawn.figure.axes
    assert len(pictures.images) == 2 + len(frames.latents)
    assert len(cells.images) == 1
    assert not any(text.startswith("map") for text in texts_of(drawn.figure))
    strip = np.asarray(pictures.images[0].get_array())
    assert np.array_equal(strip[:, :16, :3], frames.originals[0].transpose(1, 2, 0))
    # Between pictures is what they stand on.
    assert np.array_equal(strip[:, 15:18, 3], [[255, 0, 255]] * 16)


def test_capacity_models_have_a_figure_of_their_own(study):
    (drawn,) = FIGURES["capacity-traversals"].draw(study)
    assert "γ = 100, C = 0 → 5 nats, seed 0" in texts_of(drawn.figure)
    assert FIGURES["capacity-traversals"].paper == "Figure 4"
    kinds = study.tables.runs.set_index("run_id")["kind"]
    others = [kinds[one.run_id] for one in FIGURES["traversals"].draw(study)]
    assert others == ["vae", "beta_vae"]


def test_smoothness_is_the_curve_of_the_frames(study):
    alive = with_kl(study, {"vae": 9.0, "beta_vae": 5.0})
    runs = alive.tables.runs
    scored = runs.assign(smoothness=np.where(runs["kind"] == "vae", -0.25, np.nan))
    (drawn,) = FIGURES["smoothness"].draw(Study(replace(alive.tables, runs=scored), alive.frames))
    shown = runs[runs["kind"].isin(["vae", "beta_vae"]) & (runs["seed"] == 0)]
    panels = [axes for axes in drawn.figure.axes if axes.get_xlabel()]
    for axes, run_id in zip(panels, shown["run_id"], strict=True):
        (median,) = axes.lines
        overlap = study.frames[run_id].overlap
        assert np.array_equal(median.get_xdata(), overlap[:, 0])
        assert np.array_equal(median.get_ydata(), overlap[:, 3])
    titles = [axes.get_title() for axes in panels]
    assert titles == ["β = 1, seed 0: Spearman's ρ = −0.25", "β = 4, seed 0"]
    assert list(FIGURES["smoothness"].draw(with_kl(study, {"vae": 9.0, "beta_vae": 0.5}))) == []


def test_information_is_shown_in_nats_and_as_a_share_of_the_entropy(study):
    (run_id,) = study.tables.runs.query("kind == 'vae' and seed == 0")["run_id"]
    information = np.array([[0.6, 0.0], [0.3, 0.001], [0.0, 0.0], [0.0, 0.0]])
    # The second factor does not vary: there is nothing to know of it.
    frames = replace(study.frames[run_id], information=information, entropies=np.array([1.2, 0.0]))
    (drawn,) = FIGURES["information"].draw(Study(study.tables, {run_id: frames}))
    axes, _ = drawn.figure.axes
    # One colour, the clearer the less is known: on paper and on a dark page.
    pixels = axes.images[0].get_array()
    assert np.allclose(pixels[..., 3], [[0.5, 0], [0.25, 0], [0, 0], [0, 0]])
    assert len(np.unique(pixels[..., :3].reshape(-1, 3), axis=0)) == 1
    assert [text.get_text() for text in axes.texts] == ["0.60", "0.30"]
    columns = [label.get_text() for label in axes.get_xticklabels()]
    assert columns == ["position_x\n1.20", "position_y\n0.00"]
    assert f"position_x most in z{frames.latents[0]} (0.60 nats)" in drawn.alt


@pytest.mark.parametrize("name", ["information", "capacity-tracking"])
def test_what_has_no_panel_is_named(study, name):
    changes = [{"label": f"capacity γ={number}"} for number in range(MAX_PANELS)]
    (drawn,) = FIGURES[name].draw(repeated(study, "capacity_vae", changes))
    panels = [axes for axes in drawn.figure.axes if axes.get_title()]
    assert len(panels) == MAX_PANELS
    assert f"γ={MAX_PANELS - 1}" in drawn.title
    assert "without" in drawn.title


def test_tuning_maps_are_drawn_as_they_are(study):
    (run_id,) = study.tables.runs.query("kind == 'vae' and seed == 0")["run_id"]
    shown = study.frames[run_id]
    maps = np.arange(shown.tuning_maps.size, dtype=np.float32).reshape(shown.tuning_maps.shape)
    frames: Frames = replace(shown, tuning_maps=maps)
    (drawn,) = FIGURES["traversals"].draw(Study(study.tables, {run_id: frames}))
    images = [image for axes in drawn.figure.axes for image in axes.images]
    shapes = [np.asarray(image.get_array()) for image in images]
    drawn_maps = [array for array in shapes if array.shape == maps.shape[1:]]
    assert np.array_equal(drawn_maps, maps)
    limits = {image.get_clim() for image in images if np.asarray(image.get_array()).ndim == 2}
    assert limits == {(-3, 3)}


def test_capacity_is_that_of_the_history(study):
    (drawn,) = FIGURES["capacity-tracking"].draw(study)
    axes = drawn.figure.axes[0]
    dashed = next(line for line in axes.lines if line.get_linestyle() == "--")
    # C rises to 5 over 20 steps, one row a step, and stays.
    expected = 5 * np.minimum(np.arange(30) / 20, 1)
    assert np.allclose(dashed.get_ydata(), expected)


def test_ticks_of_logarithmic_axes_are_plain_numbers():
    drawing = sheet([""], 1)
    (axes,) = drawing.axes
    axes.plot([1, 2], [1, 1000])
    axes.set_yscale("log")
    svg = svg_text(drawing.figure)
    assert "$" not in svg
    assert ">100<" in svg


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
def test_pictures_in_an_svg_have_the_same_pixels_and_no_idle_channels(channels, mode):
    images = np.random.default_rng(0).integers(0, 256, (2, channels, 8, 8), np.uint8)
    drawing = sheet([""], 1)
    show_images(drawing.axes[0], images, gap=0)
    (text,) = re.findall(r'"data:image/png;base64,([^"]*)"', svg_text(drawing.figure))
    picture = Image.open(io.BytesIO(base64.b64decode(text)))
    assert picture.mode == mode
    expected = np.concatenate(images.transpose(0, 2, 3, 1), axis=1)
    np.testing.assert_array_equal(np.asarray(picture).reshape(expected.shape), expected)


def test_long_names_of_bars_are_whole(study, monkeypatch):
    """A name beside the bars of the doctor's figure is inside the figure, and meets no other."""
    names = [f"γ={n} C=5, PyTorch initialisation, annealed over {n},000 steps" for n in range(6)]
    monkeypatch.setattr(doctor, "_groups", lambda found: (dict.fromkeys(names, found), ""))
    (drawn,) = FIGURES["capacity-doctor"].draw(study)
    drawn.figure.canvas.draw()
    bars = drawn.figure.axes[0]
    boxes = [text.get_window_extent() for text in bars.get_yticklabels()]
    assert len(boxes) >= len(names)
    assert min(box.x0 for box in boxes) >= 0
    for upper, lower in pairwise(boxes):
        assert upper.y0 >= lower.y1
