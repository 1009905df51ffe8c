"""Figures: drawn from what there is, the same at every drawing, and of the right numbers."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest

from bench.frames import Frames
from bench.plots import FIGURES, draw_all, save_png, svg_text
from bench.store import Store
from bench.study import Study, load_study


@pytest.fixture(scope="module")
def study(small_store):
    return load_study(Store(small_store))


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    return load_study(Store(tmp_path_factory.mktemp("empty") / "store", create=True))


def _with_kl(study, kl):
    """Return the study with other total KLs, by kind and seed."""
    runs = study.tables.runs.copy()
    for kind, value in kl.items():
        runs.loc[runs["kind"] == kind, "kl"] = value
    return Study(replace(study.tables, runs=runs), study.frames)


@pytest.mark.parametrize("name", [name for name in FIGURES if name != "metrics-capacity"])
def test_every_figure_is_drawn_of_a_small_grid(study, name):
    study = _with_kl(study, {"beta_vae": 5.0})
    drawn = list(FIGURES[name].draw(study))
    assert drawn
    for one in drawn:
        assert one.dataset == "ball"
        assert one.title
        assert one.alt.endswith(".")
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


def test_the_comparison_takes_the_largest_beta_that_is_not_collapsed(study):
    alive = _with_kl(study, {"beta_vae": 1.01})
    (drawn,) = FIGURES["comparison"].draw(alive)
    assert "β = 1 beside β = 4" in drawn.title
    collapsed = _with_kl(study, {"beta_vae": 0.99})
    assert list(FIGURES["comparison"].draw(collapsed)) == []


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
    (axes,) = drawn.figure.axes
    dashed = next(line for line in axes.lines if line.get_linestyle() == "--")
    # C rises to 5 over 20 steps, one row a step, and stays.
    expected = 5 * np.minimum(np.arange(30) / 20, 1)
    assert np.allclose(dashed.get_ydata(), expected)


def test_png_is_written_whole(study, tmp_path):
    drawn = next(FIGURES["rate-distortion"].draw(study))
    save_png(drawn.figure, tmp_path / "plane.png", dpi=50)
    assert (tmp_path / "plane.png").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == ["plane.png"]
