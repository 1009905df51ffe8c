"""Panels of a size, and labels that do not lie on one another."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from matplotlib.lines import Line2D

from bench.plots._labels import (
    label_ends,
    label_points,
    label_room,
    label_values,
    spread,
    text_width,
)
from bench.plots._layout import sheet
from bench.plots._names import short_names

from .studies import boxes_overlap


@given(
    st.lists(st.tuples(st.floats(0, 10), st.floats(0.1, 1)), min_size=1, max_size=9),
)
@settings(deadline=None)
def test_labels_are_spread_without_overlap_and_in_order(labels):
    wanted, heights = (np.array(column) for column in zip(*labels, strict=True))
    places = np.array(spread(wanted, heights, 0, 10))
    order = np.argsort(wanted, kind="stable")
    gaps = np.diff(places[order]) - (heights[order][1:] + heights[order][:-1]) / 2
    assert (gaps > -1e-9).all()
    assert (places - heights / 2 > -1e-9).all()
    assert (places + heights / 2 < 10 + 1e-9).all()


def test_labels_that_have_room_stay_where_they_are():
    assert spread([5.0, 1.0, 3.0], [1.0] * 3, 0, 10) == [5.0, 1.0, 3.0]
    assert spread([], [], 0, 1) == []


def test_names_at_ends_of_curves_do_not_lie_on_one_another():
    names = [f"model {number}" for number in range(9)]
    drawing = sheet(["panel"], 1, right=label_room(names))
    (axes,) = drawing.axes
    for value in np.geomspace(1, 1.1, 9):
        axes.plot([0, 1], [50, value])
    label_ends(
        axes, [(n, 1, v, "red") for n, v in zip(names, np.geomspace(1, 1.1, 9), strict=True)]
    )
    assert not boxes_overlap(drawing.figure)
    assert len(axes.texts) == 9


@pytest.mark.parametrize(
    ("values", "labelled"),
    [
        # The grid of README: all that has room.
        ([1, 4, 16, 50, 100, 150, 250], ["1", "4", "16", "50", "250"]),
        ([1, 4, 16], ["1", "4", "16"]),
        ([0.5], ["0.5"]),
        (range(1, 200), None),
    ],
)
def test_labels_of_values_do_not_lie_on_one_another(values, labelled):
    (axes,) = sheet(["panel"], 1, (1.9, 1.5)).axes
    axes.plot(values, values, "o")
    axes.set_xscale("log", base=2)
    label_values(axes, values)
    axes.figure.draw_without_rendering()
    ticks = axes.xaxis.get_major_ticks()
    # Every value keeps its mark.
    assert [tick.get_loc() for tick in ticks] == [*values]
    shown = [tick.label1 for tick in ticks if tick.label1.get_text()]
    texts = [text.get_text() for text in shown]
    assert texts == labelled or labelled is None
    assert (texts[0], texts[-1]) == (f"{values[0]:g}", f"{values[-1]:g}")
    boxes = [text.get_window_extent() for text in shown]
    assert all(a.x1 < b.x0 for a, b in pairwise(boxes))


def test_names_of_points_cover_neither_points_nor_lines_nor_one_another():
    drawing = sheet(["plane"], 1, (3.1, 2.6))
    (axes,) = drawing.axes
    x = np.array([0.0, 0.1, 0.2, 5.0, 5.1, 5.2, 9.0, 9.1])
    y = np.array([9.0, 8.9, 9.1, 3.0, 3.1, 2.9, 0.0, 0.1])
    axes.plot(x, y, "o")
    points = [
        (f"a model of β={number}", *place) for number, place in enumerate(zip(x, y, strict=True))
    ]
    line = np.stack([x[[0, 3, 6]], y[[0, 3, 6]]], 1)
    assert label_points(axes, points, [line]) == []
    assert len(axes.texts) == 8
    assert not boxes_overlap(drawing.figure)
    places = axes.transData.transform(np.stack([x, y], 1))
    corners = axes.transData.transform(line)
    along = np.concatenate([np.linspace(start, end, 400) for start, end in pairwise(corners)])
    for text in axes.texts:
        # Of the text alone: with its leader it reaches to the point that it names.
        box = super(type(text), text).get_window_extent()
        for name, places_of in (("points", places), ("line", along)):
            inside = (
                (places_of[:, 0] > box.x0 + 1)
                & (places_of[:, 0] < box.x1 - 1)
                & (places_of[:, 1] > box.y0 + 1)
                & (places_of[:, 1] < box.y1 - 1)
            )
            assert not inside.any(), name


def test_what_has_no_room_is_said():
    drawing = sheet(["plane"], 1, (0.6, 0.6))
    (axes,) = drawing.axes
    axes.plot([0, 1], [0, 1], "o")
    assert label_points(axes, [("a name that is too wide", 0, 0), ("β", 1, 1)]) == [
        "a name that is too wide"
    ]


@pytest.mark.parametrize("n", [2, 11, 60])
def test_axes_do_not_shrink_for_a_legend(n):
    handles = [(Line2D([], []), f"a rather long name of model {i}") for i in range(n)]
    drawing = sheet(["one", "two", "three"], 2, (2, 1.5), legend=handles)
    assert np.allclose([axes.get_window_extent().size for axes in drawing.axes], (200, 150))
    # Uneven: the last row has one panel, and none is empty.
    assert len(drawing.axes) == 3
    assert not boxes_overlap(drawing.figure)
    across, up = drawing.figure.get_size_inches()
    boxes = np.array(drawing.parts)
    assert len(boxes) == 4
    assert (boxes[:, :2] > -1e-9).all()
    assert (boxes[:, :2] + boxes[:, 2:] <= np.array([across, up]) + 1e-9).all()


def test_long_titles_are_wrapped_into_their_panel():
    drawing = sheet(["a title " * 12, "short"], 2)
    assert drawing.axes[0].get_title().count("\n") == 1
    width = drawing.parts[0][2]
    assert text_width(drawing.axes[0].get_title(), 9) < width
    assert not boxes_overlap(drawing.figure)


@pytest.mark.parametrize(
    ("labels", "names", "shared"),
    [
        (
            ["VAE, Kaiming initialisation, 100 steps", "VAE, PyTorch initialisation, 60 steps"],
            ["VAE, Kaiming initialisation, 100 steps", "VAE, PyTorch initialisation, 60 steps"],
            "",
        ),
        # What all share is said once, what one has alone stays in its name.
        (["VAE, 60 steps", "β-VAE β=4, 60 steps"], ["VAE", "β-VAE β=4"], "60 steps"),
        (["VAE, 60 steps", "β-VAE β=4"], ["VAE, 60 steps", "β-VAE β=4"], ""),
        (
            ["capacity γ=10 C=6", "capacity γ=100 C=6, 5 steps", "capacity γ=100 C=6, 9 steps"],
            ["capacity γ=10", "capacity γ=100, 5 steps", "capacity γ=100, 9 steps"],
            "capacity C=6",
        ),
        (
            ["VAE, 5 steps, float32", "VAE, 5 steps, bfloat16"],
            ["VAE, float32", "VAE, bfloat16"],
            "5 steps",
        ),
        (["capacity γ=10 C=6"], ["capacity γ=10 C=6"], ""),
        (["somebody's model, really", "other"], ["somebody's model, really", "other"], ""),
        ([], [], ""),
    ],
)
def test_models_are_named_by_what_tells_them_apart(labels, names, shared):
    assert short_names(labels) == (names, shared)
