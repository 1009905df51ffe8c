"""Figures as text are small: what nobody refers to is gone, and nothing that is seen moves."""

import io
import re

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from bench.plots._svg import compact

PLACE = re.compile(r"-?\d*\.?\d+")


def _matplotlib(figure):
    buffer = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "test"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def _paths(svg):
    """Return every path as (command, absolute operands), whichever way it is written."""
    paths = []
    for path in re.findall(r' d="([^"]*)"', svg):
        place, found = np.zeros(2), []
        for command, operands in re.findall(r"([A-Za-z])([^A-Za-z]*)", path):
            numbers = np.array([float(number) for number in PLACE.findall(operands)])
            if command == "l":
                command, numbers = "L", place + numbers
            if command == "M":
                start = numbers
            place = numbers[-2:] if len(numbers) else start
            found.append((command, numbers))
        paths.append(found)
    return paths


@pytest.fixture(scope="module")
def figure():
    """Return lines of many points, curved markers, a clip path, a picture and somebody's text."""
    figure = Figure()
    axes, picture = figure.subplots(1, 2)
    x = np.linspace(-4, 9, 700)
    axes.plot(x, np.sin(x) / (0.2 + np.abs(x)), "o-", label=' id="mine" <g/> d="M 1.2345 0"')
    axes.fill_between(x, -1, np.cos(9 * x))
    axes.legend()
    # From the end of a triangle that is left open in a corner, back to where it began, and on.
    corners = [(1, 1), (5, 1), (5, 0.5), (0, 0), (2, 0.2)]
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY, Path.LINETO]
    axes.add_patch(PathPatch(Path(corners, codes)))
    picture.imshow(np.arange(12).reshape(3, 4), interpolation="none")
    return figure


def test_lines_stay_where_they_were_to_a_hundredth_of_a_point(figure):
    before = _matplotlib(figure)
    after = compact(before)
    assert len(after) < 0.8 * len(before)
    for old, new in zip(_paths(before), _paths(after), strict=True):
        assert [command for command, _ in old] == [command for command, _ in new]
        for (_, expected), (_, found) in zip(old, new, strict=True):
            np.testing.assert_allclose(found, expected, atol=0.00501)


def test_what_is_referred_to_is_there_and_all_other_names_are_gone(figure):
    svg = compact(_matplotlib(figure))
    tags = "".join(re.findall(r"<[a-z][^>]*>", svg))
    named = re.findall(r' id="([^"]*)"', tags)
    referred = {a or b for a, b in re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', tags)}
    assert sorted(named) == sorted(referred)
    assert referred


def test_no_text_of_somebodys_is_touched(figure):
    assert '> id="mine" &lt;g/&gt; d="M 1.2345 0"</text>' in compact(_matplotlib(figure))
