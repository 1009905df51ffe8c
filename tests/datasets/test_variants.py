"""Known answers of the variants of dSprites."""

from __future__ import annotations

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
    from datasets import resolve

    assert resolve("color_dsprites", {"source": "render", "path": "unused"}) == {}
    official = load("noisy_dsprites", source="official").fingerprint
    assert official != load("noisy_dsprites").fingerprint
