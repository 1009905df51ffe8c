"""Options that every dataset has: the size of its images, and factors correlated in training."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from PIL import Image

from datasets import DATASETS, from_arrays, load, resolve, restore, spelling
from datasets._common import COMMON


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_every_dataset_has_them_and_keeps_everything_else(name, options_of):
    plain = load(name, **options_of(name))
    side = max(plain.image_shape[1:])
    two = [k for k, size in enumerate(plain.factor_sizes) if size > 1][-2:]
    pair = [plain.factor_names[k] for k in two]
    options = {"pad": side + 3, "resize": 32, "correlated": {"pairs": [pair], "strength": 0.3}}
    data = load(name, **options_of(name, options))
    assert COMMON.keys() <= DATASETS[name].options.keys()
    assert data.image_shape == (plain.image_shape[0], 32, 32)
    assert data.fingerprint == f"{plain.fingerprint}/pad={side + 3}/resize=32"
    assert len(data.fingerprint) < 140
    assert (data.factor_names, data.factor_sizes) == (plain.factor_names, plain.factor_sizes)
    assert (len(data), data.is_full_grid) == (len(plain), plain.is_full_grid)
    indices = np.array([len(data) - 1, 0, 5, 5])
    factors = data.factors(indices)
    np.testing.assert_array_equal(factors, plain.factors(indices))
    np.testing.assert_array_equal(data.index(factors), plain.index(factors))
    assert data.extra_factors(indices).keys() == plain.extra_factors(indices).keys()
    assert data.packed_bits() is None
    resolved = resolve(name, options_of(name, options))
    assert data.options == resolved
    assert resolve(name, resolved) == resolved
    again = pickle.loads(pickle.dumps(restore(name, resolved)))
    np.testing.assert_array_equal(again.images(indices), data.images(indices))
    assert spelling(name, resolved).items() >= {"pad": side + 3, "resize": 32}.items()
    weights = data.training_weights()
    assert weights.shape == (len(data),)
    assert plain.training_weights() is None


def test_images_are_padded_in_the_middle_then_resized(own_file):
    plain = load("file", path=str(own_file))
    assert plain.image_shape == (1, 6, 7)
    padded = load("file", path=str(own_file), pad=9)
    images, every = padded.images(np.arange(12)), plain.images(np.arange(12))
    np.testing.assert_array_equal(images[:, :, 1:7, 1:8], every)
    assert images.astype(int).sum() == every.astype(int).sum()
    both = load("file", path=str(own_file), pad=9, resize=16)
    lanczos = Image.Resampling.LANCZOS
    expected = [Image.fromarray(image[0]).resize((16, 16), lanczos) for image in images]
    np.testing.assert_array_equal(both.images(np.arange(12))[:, 0], np.stack(expected))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pad": 6}, "'pad' is 6, less than images of 6×7; .* use resize"),
        ({"resize": 16}, "'resize' would distort images of 6×7; .* by pad: 7"),
        ({"resize": 0}, r"'resize' must be in 1 \.\. 1024"),
        ({"pad": 8.5}, "'pad' must be an integer"),
        ({"correlated": "factor_0"}, r"'correlated' must be like \{pairs: \[\[scale"),
        ({"correlated": {"pairs": [["factor_0", "factor_1"]]}}, "must be like"),
        ({"correlated": {"pairs": [], "strength": 1}}, "must be like"),
        ({"correlated": {"pairs": ["ab"], "strength": 1}}, "two different names"),
        ({"correlated": {"pairs": [["factor_0"] * 2], "strength": 1}}, "two different names"),
        ({"correlated": {"pairs": [["a", "b"], ["b", "a"]], "strength": 1}}, "there twice"),
        ({"correlated": {"pairs": [["a", "b"]], "strength": 0}}, r"strength .* 0\.01 \.\. 100"),
        ({"correlated": {"pairs": [["a", "b"]], "strength": True}}, r"strength is a number"),
        (
            {"correlated": {"pairs": [["factor_0", "hue"]], "strength": 1}},
            "'correlated': there is no factor 'hue'; there are: factor_0, factor_1",
        ),
    ],
)
def test_what_does_not_fit_is_refused_at_once(own_file, options, message):
    for read in (load, lambda name, **given: resolve(name, given)):
        with pytest.raises(ValueError, match=message):
            read("file", path=str(own_file), **options)


def test_equal_correlations_have_one_form():
    spellings = (
        {"pairs": [["scale", "position_x"], ["shape", "orientation"]], "strength": 1},
        {"pairs": (("orientation", "shape"), ("position_x", "scale")), "strength": 1.0},
    )
    forms = [resolve("dsprites", {"correlated": value}) for value in spellings]
    assert forms[0] == forms[1]
    assert forms[0]["correlated"] == {
        "pairs": [["orientation", "shape"], ["position_x", "scale"]],
        "strength": 1.0,
    }


def test_correlated_images_are_the_same_images():
    plain = load("dsprites")
    correlated = {"pairs": [["scale", "position_x"]], "strength": 0.2}
    data = load("dsprites", correlated=correlated)
    assert data.fingerprint == plain.fingerprint
    assert data.packed_bits() is plain.packed_bits()


def test_weights_are_those_of_the_paper():
    sizes = {"scale": 6, "position_x": 32, "shape": 3}
    pairs = [["scale", "position_x"], ["shape", "scale"]]
    data = load("dsprites", correlated={"pairs": pairs, "strength": 0.4})
    weights = data.training_weights()
    numbers = np.random.default_rng(0).integers(0, len(data), 200)
    for weight, row in zip(weights[numbers], data.factors(numbers), strict=True):
        place = {
            name: row[data.factor_names.index(name)] / (size - 1) for name, size in sizes.items()
        }
        expected = math.prod(
            math.exp(-((place[one] - place[other]) ** 2) / (2 * 0.4**2)) for one, other in pairs
        )
        assert weight == pytest.approx(expected, rel=1e-12)
    # A weak correlation is next to none.
    weak = load("dsprites", correlated={"pairs": pairs, "strength": 100}).training_weights()
    assert weak.min() > 0.9998


def test_the_option_is_for_what_load_knows():
    assert from_arrays(np.zeros((2, 8, 8)), [[0], [1]]).training_weights() is None
