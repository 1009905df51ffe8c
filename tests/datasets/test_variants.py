"""Known answers of the variants of dSprites."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from datasets import load
from datasets.color_dsprites import hues

KNOWN_NOISE = [[15, 246, 120, 158], [223, 79, 228, 206], [73, 63, 128, 6]]
INDICES = np.random.default_rng(2).integers(0, 737_280, 50)


@pytest.fixture(scope="module")
def sprites():
    return load("dsprites").images(INDICES)


def test_color_is_a_factor(sprites):
    data = load("color_dsprites")
    assert data.factor_names[0] == "color"
    assert data.factor_sizes[0] == 8
    assert len(data) == 8 * 737_280
    for color in (0, 5):
        images = data.images(color * 737_280 + INDICES)
        expected = sprites // 255 * hues(8)[color][:, None, None]
        np.testing.assert_array_equal(images, expected)


def test_hues_are_distinct():
    colors = hues(8).astype(int)
    distance = np.abs(colors[:, None] - colors[None]).sum(axis=2)
    assert distance[~np.eye(8, dtype=bool)].min() >= 128
    assert (colors.max(axis=1) == 255).all()


def test_random_color(sprites):
    data = load("color_dsprites", random_color=True)
    assert data.factor_names == load("dsprites").factor_names
    images = data.images(INDICES)
    np.testing.assert_array_equal(images.any(axis=1), sprites[:, 0] > 0)
    colors = images.max(axis=(2, 3))
    assert colors.min() >= 128
    assert len(np.unique(colors, axis=0)) > 45
    other = load("color_dsprites", random_color=True, seed=1).images(INDICES)
    assert (other.max(axis=(2, 3)) != colors).mean() > 0.9


def test_the_least_channel_came_later_and_changed_no_image_and_no_fingerprint():
    data = load("color_dsprites", random_color=True)
    assert data.fingerprint == "color_dsprites/1/b1b9fc486f1f8f0c"
    assert load("color_dsprites").fingerprint == "color_dsprites/1/da89fd79e1378eb6"
    digest = hashlib.sha256(data.images(INDICES).tobytes()).hexdigest()
    assert digest.startswith("209f4a2a178a07a7")


@pytest.mark.parametrize("low", [0, 100, 255])
def test_channels_are_uniform_from_the_least_on_and_known(low, sprites):
    data = load("color_dsprites", random_color=True, low=low)
    known = data.extra_factors(INDICES)
    assert [*known] == ["red", "green", "blue"]
    channels = np.stack([*known.values()], axis=1)
    expected = sprites // 255 * channels[:, :, None, None]
    np.testing.assert_array_equal(data.images(INDICES), expected)
    many = np.stack([*data.extra_factors(np.arange(20_000)).values()])
    assert (many.min(), many.max()) == (low, 255)
    np.testing.assert_allclose(many.mean(axis=1), (low + 255) / 2, atol=2.5)
    assert low == 255 or np.abs(np.corrcoef(many) - np.eye(3)).max() < 0.03


def test_only_random_colours_are_more_than_the_factors_say():
    assert load("color_dsprites").extra_factors(INDICES) == {}
    assert load("dsprites").extra_factors([0]) == {}
    empty = load("color_dsprites", random_color=True).extra_factors([])
    assert [*empty] == ["red", "green", "blue"]
    with pytest.raises(IndexError):
        load("color_dsprites", random_color=True).extra_factors([-1])


@pytest.mark.parametrize(("channels", "strength"), [(3, 1.0), (1, 0.5)])
def test_noise(sprites, channels, strength):
    data = load("noisy_dsprites", channels=channels, strength=strength)
    images = data.images(INDICES)
    shape = np.broadcast_to(sprites > 0, images.shape)
    assert (images[shape] == 255).all()
    noise = images[~shape]
    np.testing.assert_allclose(noise.mean(), 127.5 * strength, rtol=0.01)
    np.testing.assert_allclose(noise.std(), 255 * strength / np.sqrt(12), rtol=0.01)
    assert noise.max() == round(255 * strength)
    a, b = images[0].ravel().astype(float), images[1].ravel().astype(float)
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.1, "two images must not share their noise"


def test_noise_depends_on_the_seed():
    first, second = (load("noisy_dsprites", seed=seed).images([9]) for seed in (0, 1))
    assert (first != second).mean() > 0.9


def test_known_noise():
    # The numbers of an image must be the same on every machine and with every numpy.
    assert load("noisy_dsprites").images([12345])[0, :, 0, :4].tolist() == KNOWN_NOISE


@pytest.mark.parametrize(("shape", "number"), [("square", 0), ("ellipse", 1), ("heart", 2)])
def test_one_shape(shape, number):
    dsprites = load("dsprites")
    data = load("dsprites_without_shape", shape=shape)
    assert data.factor_names == dsprites.factor_names[1:]
    own = INDICES % len(data)
    rows = np.column_stack([np.full(len(own), number), data.factors(own)])
    np.testing.assert_array_equal(data.images(own), dsprites.images(dsprites.index(rows)))


def test_random_shape():
    dsprites = load("dsprites")
    data = load("dsprites_without_shape", shape="random")
    own = np.arange(0, len(data), 1009)
    images, factors = data.images(own), data.factors(own)
    shown = []
    for shape in range(3):
        rows = np.column_stack([np.full(len(own), shape), factors])
        equal = dsprites.images(dsprites.index(rows)) == images
        shown.append(equal.all(axis=(1, 2, 3)).sum())
    assert sum(shown) >= len(own)
    assert min(shown) > 0.25 * len(own)


def test_source_is_passed_on():
    from datasets import resolve, restore

    assert resolve("color_dsprites", {"source": "auto", "path": "not-there.npz"}) == {}
    official = restore("noisy_dsprites", {"source": "official"}).fingerprint  # without the file
    assert official != load("noisy_dsprites").fingerprint
