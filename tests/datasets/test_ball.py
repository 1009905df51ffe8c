"""Known answers of the ball."""

from __future__ import annotations

import numpy as np
import pytest

from datasets import load


@pytest.mark.parametrize(
    ("options", "sigma", "centres", "size"),
    [
        # The paper's, whose centres span the image, in its proportions at any size.
        ({}, 7.5, (0, 64), 64),
        ({"image_size": 32}, 3.75, (0, 32), 32),
        ({"margin": 10}, 7.5, (10, 54), 64),
        # A radius alone is a blob that is never cut.
        ({"radius": 4}, 4, (12, 52), 64),
        ({"radius": 20, "margin": 3}, 20, (3, 61), 64),
    ],
)
def test_a_blob_is_a_gaussian_at_every_centre(options, sigma, centres, size):
    ball = load("ball", **options)
    assert ball.factor_names == ("position_x", "position_y")
    assert ball.factor_sizes == (32, 32)
    assert ball.image_shape == (1, size, size)
    places = np.linspace(*centres, 32)
    y, x = np.mgrid[:size, :size] + 0.5
    for i, j in [(0, 0), (3, 29), (31, 31), (15, 16)]:
        squared = (x - places[i]) ** 2 + (y - places[j]) ** 2
        expected = np.rint(255 * np.exp(-squared / (2 * sigma**2)))
        np.testing.assert_array_equal(ball.images(ball.index([[i, j]]))[0, 0], expected)


def test_the_edge_cuts_the_papers_ball_to_a_quarter_in_a_corner():
    ball = load("ball", grid_size=3)
    mass = ball.images(np.arange(9)).sum(axis=(1, 2, 3), dtype=np.float64) / 255
    np.testing.assert_allclose(
        mass.reshape(3, 3) / mass[4], np.outer([1, 2, 1], [1, 2, 1]) / 4, rtol=0.01
    )


def test_a_disc_is_cut_where_the_margin_says_so():
    whole, cut = (
        load("ball", shape="disc", radius=10),
        load("ball", shape="disc", radius=10, margin=0),
    )
    assert cut.images([0]).sum() < 0.3 * whole.images([0]).sum()
    np.testing.assert_array_equal(
        np.unpackbits(cut.packed_bits()[:1]).reshape(64, 64), cut.images([0])[0, 0] // 255
    )


@pytest.mark.parametrize("shape", ["blob", "disc"])
def test_corners_mirror_each_other(shape):
    ball = load("ball", shape=shape, grid_size=5)
    corners = ball.images(ball.index([[0, 0], [4, 0], [0, 4], [4, 4]]))[:, 0]
    np.testing.assert_array_equal(corners[0], corners[1][:, ::-1])
    np.testing.assert_array_equal(corners[0], corners[2][::-1])
    np.testing.assert_array_equal(corners[0], corners[3][::-1, ::-1])
    np.testing.assert_array_equal(corners[0], corners[0].T)


@pytest.mark.parametrize("radius", [2, 6, 10, 16])
def test_disc_is_never_cut(radius):
    disc = load("ball", shape="disc", radius=radius)
    images = disc.images(np.arange(len(disc)))[:, 0] == 255
    area = images.sum(axis=(1, 2))
    # Discretisation moves the area by parts of the circumference; a cut would take far more.
    assert np.ptp(area) <= 4 * radius
    np.testing.assert_allclose(area, np.pi * radius**2, atol=4 * radius)
    # Every disc spans its diameter, up to a pixel, in both directions.
    for axis in (1, 2):
        extent = images.any(axis=axis).sum(axis=1)
        assert set(np.unique(extent)) <= {2 * radius - 1, 2 * radius, 2 * radius + 1}


@pytest.mark.parametrize("sigma", [2.0, 4.0, 6.0])
def test_blob_keeps_its_mass(sigma):
    blob = load("ball", radius=sigma)
    mass = blob.images(np.arange(len(blob))).sum(axis=(1, 2, 3)) / 255
    np.testing.assert_allclose(mass, 2 * np.pi * sigma**2, rtol=0.01)


def test_margin_and_sizes():
    ball = load("ball", margin=20, grid_size=3, image_size=48, radius=2)
    at = {}
    for k in range(9):
        row, column = np.unravel_index(int(ball.images([k]).argmax()), (48, 48))
        at[k] = (int(column), int(row))
    assert at[0] in {(19, 19), (20, 20), (19, 20), (20, 19)}
    assert at[2][1] in {27, 28}
    assert at[6][0] in {27, 28}


def test_large_disc_has_packed_bits():
    disc = load("ball", shape="disc", radius=16)
    bits = disc.packed_bits()
    assert bits.shape == (1024, 512)
    images = np.unpackbits(bits, axis=1).reshape(-1, 1, 64, 64) * 255
    np.testing.assert_array_equal(images, disc.images(np.arange(1024)))
    assert load("ball").packed_bits() is None


@pytest.mark.parametrize("shape", ["blob", "disc"])
def test_large_sets_are_drawn_as_needed(shape):
    large = load("ball", shape=shape, grid_size=63, image_size=72)  # beyond the table's size
    small = load("ball", shape=shape, grid_size=32, image_size=72)
    assert len(large) * 72 * 72 > 2**24 > len(small) * 72 * 72
    # The outermost positions of both grids are the same.
    corners = [[0, 0], [0, -1], [-1, 0], [-1, -1]]
    first, second = (
        data.images(data.index(np.array(corners) % data.factor_sizes)) for data in (large, small)
    )
    np.testing.assert_array_equal(first, second)
