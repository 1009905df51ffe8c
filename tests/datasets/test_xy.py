"""XYSquares and XYObject against a slow drawing, pixel by pixel; the Scream against its rule."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from datasets import load
from datasets.xy_object import colors

RNG = np.random.default_rng(2)


@pytest.mark.parametrize(("spacing", "places", "offset"), [(8, 8, 0), (6, 10, 1), (3, 19, 1)])
def test_squares(spacing, places, offset):
    data = load("xy_squares", spacing=spacing)
    assert data.factor_sizes == (places,) * 6
    numbers = RNG.integers(0, len(data), 20)
    for image, row in zip(data.images(numbers), data.factors(numbers), strict=True):
        expected = np.zeros((3, 64, 64), np.uint8)
        for channel in range(3):
            x, y = offset + spacing * row[2 * channel], offset + spacing * row[2 * channel + 1]
            expected[channel, y : y + 8, x : x + 8] = 255
        np.testing.assert_array_equal(image, expected)


def test_all_positions_of_a_square_are_equally_far_apart():
    data = load("xy_squares")
    rows = np.zeros((8, 6), np.int64)
    rows[:, 0] = np.arange(8)
    images = data.images(data.index(rows)).reshape(8, -1).astype(float) / 255
    distances = ((images[:, None] - images) ** 2).sum(axis=2)
    np.testing.assert_array_equal(distances, 128 * (1 - np.eye(8)))


def test_object():
    data = load("xy_object")
    assert len(data) == 75_000
    assert len(np.unique(colors(), axis=0)) == 24
    numbers = np.concatenate([[0, len(data) - 1], RNG.integers(0, len(data), 30)])
    for image, (x, y, scale, color) in zip(
        data.images(numbers), data.factors(numbers), strict=True
    ):
        expected = np.zeros((64, 64, 3), np.uint8)
        size = 7 + 2 * scale
        left, top = (2 * place + (15 - size) // 2 for place in (x, y))
        expected[top : top + size, left : left + size] = colors()[color]
        np.testing.assert_array_equal(image, np.moveaxis(expected, 2, 0))


def test_scream_inverts_a_tinted_patch(picture):
    data = load("scream_dsprites", picture=str(picture))
    sprites = load("dsprites")
    numbers = np.array([0, 400_000, 737_279])
    with Image.open(picture) as opened:
        opened.thumbnail((350, 274))
        small = np.moveaxis(np.array(opened), 2, 0).astype(int)
    assert small.shape == (3, 210, 350)
    patches = np.lib.stride_tricks.sliding_window_view(small, (64, 64), (1, 2))
    for image, sprite in zip(data.images(numbers), sprites.images(numbers), strict=True):
        background = np.where(sprite == 255, 255 - image.astype(int), image)
        # Twice the background less the patch is the tint, the same at every pixel: of few pixels,
        # then of all where these agree.
        places = patches.transpose(1, 2, 0, 3, 4)
        few = 2 * background[:, ::16, ::16] - places[..., ::16, ::16]
        near = np.argwhere((np.ptp(few, axis=(3, 4)) <= 1).all(axis=2))
        tints = [2 * background - places[tuple(place)] for place in near]
        (values,) = [tint for tint in tints if (np.ptp(tint, axis=(1, 2)) <= 1).all()]
        assert values.min() >= -1
        assert values.max() <= 255
    assert len({tuple(image[:, 0, 0]) for image in data.images(np.arange(50))}) > 45


def test_scream_says_what_is_wrong_with_a_picture(tmp_path, picture):
    with pytest.raises(ValueError, match=r"needs the option 'picture': get https://upload"):
        load("scream_dsprites")
    with pytest.raises(FileNotFoundError, match=r"there is no picture .*nowhere.jpg; get https://"):
        load("scream_dsprites", picture=str(tmp_path / "nowhere.jpg"))
    (tmp_path / "text.jpg").write_text("no picture")
    with pytest.raises(ValueError, match=r"text.jpg cannot be read as a picture"):
        load("scream_dsprites", picture=str(tmp_path / "text.jpg"))
    Image.new("RGB", (500, 60)).save(tmp_path / "narrow.png")
    with pytest.raises(ValueError, match=r"narrow.png, reduced to 350×42, has no patches of 64×64"):
        load("scream_dsprites", picture=str(tmp_path / "narrow.png"))
    # Another picture of the same name is another dataset.
    before = load("scream_dsprites", picture=str(picture)).fingerprint
    Image.new("RGB", (100, 100), (9, 8, 7)).save(picture)
    assert load("scream_dsprites", picture=str(picture)).fingerprint != before
