"""Properties that every registered dataset has."""

from __future__ import annotations

import itertools
import json
import math
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from datasets import DATASETS, FactorDataset, load, resolve, restore, spelling

from .conftest import EXAMPLES, FROM_FILES, VARIED

ROOT = Path(__file__).parents[2]


def some_indices(data: FactorDataset, n: int = 40) -> np.ndarray:
    drawn = np.random.default_rng(1).integers(0, len(data), n)
    return np.concatenate([[0, len(data) - 1], drawn])


def test_examples_cover_the_registry():
    assert set(EXAMPLES) == set(VARIED) == set(DATASETS)
    for name, info in DATASETS.items():
        assert info.name == name
        assert "\n" not in info.description
        assert info.description


def test_shape_and_range(data):
    indices = some_indices(data)
    images = data.images(indices)
    assert images.dtype == np.uint8
    assert images.shape == (len(indices), *data.image_shape)
    assert images.max() > 240
    assert images.min() < 30
    factors = data.factors(indices)
    assert factors.dtype == np.int64
    assert factors.shape == (len(indices), len(data.factor_sizes))
    assert (factors >= 0).all()
    assert (factors < data.factor_sizes).all()
    assert len(data.factor_names) == len(data.factor_sizes) == len(set(data.factor_names))


def test_full_grid_has_every_combination_once(data):
    assert data.is_full_grid
    assert len(data) == math.prod(data.factor_sizes)
    every = data.factors(np.arange(len(data)))
    for k, size in enumerate(data.factor_sizes):
        np.testing.assert_array_equal(np.bincount(every[:, k], minlength=size), len(data) // size)


def test_index_inverts_factors(data):
    indices = some_indices(data, 1000)
    found = data.index(data.factors(indices))
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, indices)


def test_last_factor_is_fastest(data):
    last = data.factor_sizes[-1]
    factors = data.factors(np.arange(last))
    np.testing.assert_array_equal(factors[:, -1], np.arange(last))
    assert (factors[:, :-1] == 0).all()


def test_an_image_depends_on_its_index_alone(data, options_of):
    indices = some_indices(data)
    again = load(data.name, **options_of(data.name))
    images = data.images(indices)
    np.testing.assert_array_equal(images, again.images(indices))
    np.testing.assert_array_equal(images[5:6], data.images(indices[5:6]))
    np.testing.assert_array_equal(images[::-1], data.images(indices[::-1]))


def test_images_of_different_factors_differ(data):
    for k, size in enumerate(data.factor_sizes):
        if data.factor_names[k] == "orientation" and size == 40:
            size //= 5  # a square repeats every quarter turn
        row = np.repeat(data.factors([0]), size, axis=0)
        row[:, k] = np.arange(size)
        images = data.images(data.index(row)).reshape(size, -1)
        assert len(np.unique(images, axis=0)) == size, data.factor_names[k]


def test_a_dataset_is_a_sequence_of_images_with_their_factors(data):
    n = len(data)
    for number in (0, n - 1, np.int64(n // 2), -1, -n):
        image, factors = data[number]
        np.testing.assert_array_equal(image, data.images([int(number) % n])[0])
        np.testing.assert_array_equal(factors, data.factors([int(number) % n])[0])
        assert (image.dtype, factors.dtype) == (np.uint8, np.int64)
        assert image.flags.writeable
    for part in (slice(2, 5), slice(-3, None), slice(5, 2), slice(6, 0, -2), slice(n, n + 9)):
        chosen = np.arange(n)[part]
        images, factors = data[part]
        np.testing.assert_array_equal(images, data.images(chosen))
        np.testing.assert_array_equal(factors, data.factors(chosen))
    for outside in (n, -n - 1):
        with pytest.raises(IndexError, match=f"index {outside} is outside the dataset's -{n}"):
            data[outside]
    for key in ([0, 1], "0", 1.0, None):
        with pytest.raises(TypeError, match=r"use images\(indices\) and factors\(indices\)"):
            data[key]


def test_iteration_goes_through_all_images_in_order(data):
    whole = len(data) <= 2000
    found = list(itertools.islice(data, None if whole else 600))
    assert len(found) == (len(data) if whole else 600)
    images, factors = (np.stack(part) for part in zip(*found, strict=True))
    np.testing.assert_array_equal(images, data.images(np.arange(len(found))))
    np.testing.assert_array_equal(factors, data.factors(np.arange(len(found))))


def test_no_index(data):
    assert data.images([]).shape == (0, *data.image_shape)
    assert data.factors([]).shape == (0, len(data.factor_sizes))


def test_pickle_round_trip(data):
    indices = some_indices(data)
    before = data.images(indices)
    text = pickle.dumps(data)
    assert len(text) < 20_000, "a dataset must not carry its images to a worker process"
    again = pickle.loads(text)
    assert again.fingerprint == data.fingerprint
    assert again.options == data.options
    np.testing.assert_array_equal(again.images(indices), before)


def test_packed_bits_agree_with_images(data):
    packed = data.packed_bits()
    indices = some_indices(data)
    images = data.images(indices)
    if packed is None:
        assert len(np.unique(images)) > 2
        return
    assert packed.dtype == np.uint8
    assert packed.shape == (len(data), -(-math.prod(data.image_shape) // 8))
    assert set(np.unique(images)) <= {0, 255}
    flat = images.reshape(len(indices), -1)
    np.testing.assert_array_equal(packed[indices], np.packbits(flat == 255, axis=1))
    with pytest.raises(ValueError, match="read-only"):
        packed[0] = 0


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_fingerprint_tells_contents_apart(name, options_of):
    sets = [options_of(name), *(options_of(name, extra) for extra in VARIED[name])]
    prints = [load(name, **options).fingerprint for options in sets]
    assert len(set(prints)) == len(prints)
    assert prints == [load(name, **options).fingerprint for options in sets]
    assert all(text.startswith(f"{name}/") and len(text) < 120 for text in prints)


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_resolve_is_canonical_and_loads_the_same(name, options_of):
    for extra in [{}, *VARIED[name]]:
        options = options_of(name, extra)
        short = resolve(name, options)
        assert resolve(name, short) == short
        data = load(name, **options)
        assert data.options == short
        assert load(name, **short).fingerprint == data.fingerprint
        required = {"path", "picture"} if name in FROM_FILES else set()
        assert not {k for k, v in short.items() if v == DATASETS[name].defaults[k]} - required


@pytest.mark.parametrize("name", sorted(set(DATASETS) - FROM_FILES))
def test_writing_a_default_changes_nothing(name):
    assert resolve(name, DATASETS[name].defaults) == {}


@pytest.mark.parametrize(
    ("wrong", "error"),
    [([-1], IndexError), ([10**9], IndexError), ([0.5], ValueError), ([[0]], ValueError)],
)
def test_wrong_indices(data, wrong, error):
    for method in (data.images, data.factors):
        with pytest.raises(error, match="ind"):
            method(wrong)


def test_wrong_factors(data):
    n = len(data.factor_sizes)
    with pytest.raises(ValueError, match=data.factor_names[-1]):
        data.index([[0] * (n - 1) + [data.factor_sizes[-1]]])
    with pytest.raises(ValueError, match="shape"):
        data.index([[0] * (n + 1)])
    with pytest.raises(ValueError, match="integers"):
        data.index([[0.0] * n])


def test_unknown_names():
    with pytest.raises(ValueError, match=r"'dsprite'.*known are: dsprites, ball"):
        load("dsprite")
    with pytest.raises(ValueError, match=r"'sigma'.*shape, radius, image_size"):
        resolve("ball", {"sigma": 3})


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("ball", {"grid_size": 8.0}, "'grid_size' must be an integer"),
        ("ball", {"grid_size": True}, "must be an integer"),
        ("ball", {"grid_size": 1}, "2 .. 1024"),
        ("ball", {"radius": "4"}, "must be a finite number"),
        ("ball", {"radius": float("nan")}, "must be a finite number"),
        ("ball", {"shape": "square"}, "'blob', 'disc'"),
        ("ball", {"margin": -1}, "0 .. inf"),
        ("ball", {"margin": 32}, "no room"),
        ("ball", {"radius": 12}, "no room .* or set margin: 0"),
        ("ball", {"image_size": "64"}, "must be an integer"),
        ("color_dsprites", {"random_color": 1}, "true or false"),
        ("color_dsprites", {"low": 256}, "0 .. 255"),
        ("noisy_dsprites", {"strength": 1.5}, "0 .. 1"),
        ("dsprites", {"source": "net"}, "'render', 'official', 'auto'"),
        ("file", {}, "needs the option 'path'"),
    ],
)
def test_refused_options(name, options, message):
    with pytest.raises(ValueError, match=message):
        resolve(name, options)


def test_equal_spellings_have_one_form():
    assert resolve("ball", {"radius": 5}) == resolve("ball", {"radius": 5.0}) == {"radius": 5.0}
    # What the default rule gives.
    assert resolve("ball", {"radius": 5, "margin": 15}) == {"radius": 5.0}
    assert resolve("ball", {"shape": "disc", "grid_size": np.int64(16)}) == {
        "shape": "disc",
        "grid_size": 16,
    }
    assert resolve("color_dsprites", {"random_color": True, "low": 128}) == {"random_color": True}
    # What has no effect may be named with its default.
    assert resolve("color_dsprites", {"low": 128, "seed": 0}) == {}
    assert resolve("noisy_dsprites", {"strength": 0, "seed": 0}) == {"strength": 0.0}


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "color_dsprites",
            {"low": 0},
            "'low' has no effect with random_color: false; set random_color: true, or leave low",
        ),
        ("color_dsprites", {"seed": 2}, "'seed' has no effect with random_color: false"),
        (
            "color_dsprites",
            {"random_color": True, "n_colors": 5},
            "'n_colors' .* set random_color: false, or",
        ),
        (
            "noisy_dsprites",
            {"strength": 0, "seed": 2},
            "'seed' has no effect with strength: 0; set another strength",
        ),
        (
            "dsprites_without_shape",
            {"seed": 2},
            "'seed' has no effect with shape: heart; set shape: random, or leave seed out",
        ),
        (
            "dsprites",
            {"path": "/x.npz"},
            "'path' .* source: render; set source: official or source: auto, or",
        ),
        ("scream_dsprites", {"picture": "/x.jpg", "path": "/x.npz"}, "'path' has no effect"),
    ],
)
def test_an_option_without_effect_is_refused(name, options, message):
    with pytest.raises(ValueError, match=f"{name}: option {message}"):
        resolve(name, options)


@pytest.mark.parametrize("name", DATASETS)
def test_what_makes_an_option_idle_is_a_value_of_another(name):
    options = DATASETS[name].options
    for key, option in options.items():
        if option.idle:
            other, values = option.idle
            assert other != key
            assert [options[other].canonical("", value) for value in values] == [*values]


def test_a_name_alone_is_settled_and_stored_options_keep_their_meaning():
    papers, stored = resolve("ball", {}), {}
    assert papers == resolve("ball", {"radius": 7.5, "margin": 0}) == {"radius": 7.5, "margin": 0.0}
    assert load("ball").options == papers
    assert restore("ball", stored).fingerprint == load("ball", radius=4, margin=12).fingerprint
    assert resolve("ball", {"radius": 4}) == stored


def test_options_that_need_one_another_are_all_spelt_in_one_order():
    # A blob of that radius has no room.
    options = {"shape": "disc", "radius": 16.0}
    backwards = dict(reversed(options.items()))
    assert [*spelling("ball", backwards).items()] == [*spelling("ball", options).items()]
    assert spelling("ball", options) == options


def _resolved_or_refused(name, options):
    try:
        return resolve(name, options)
    except ValueError:
        return None


@pytest.mark.parametrize("name", [name for name in DATASETS if name not in FROM_FILES])
def test_what_is_spelt_is_what_is_stored_and_no_shorter_text_is(name):
    for options in ({}, EXAMPLES[name], *VARIED[name]):
        for stored in (
            resolve(name, options),
            DATASETS[name].non_default(DATASETS[name].complete({})),
        ):
            written = spelling(name, stored)
            assert resolve(name, written) == stored
            assert restore(name, stored).fingerprint == load(name, **written).fingerprint
            for left_out in written:
                rest = {key: value for key, value in written.items() if key != left_out}
                assert _resolved_or_refused(name, rest) != stored
    assert spelling(name, resolve(name, {})) == {}


def test_import_is_light_and_no_dataset_moves_global_random_state(options_of):
    code = (
        "import json, random, sys\n"
        "import numpy as np\n"
        "random.seed(1), np.random.seed(1)\n"
        "before = random.getstate(), repr(np.random.get_state())\n"
        "import datasets\n"
        "heavy = {'torch', 'h5py', 'pooch', 'scipy', 'matplotlib', 'PIL', 'bench', 'metrics'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "from tests.datasets.official_files import shrink\n"
        "shrink()\n"
        "for name, options in json.loads(sys.argv[1]).items():\n"
        "    data = datasets.load(name, **options)\n"
        "    data.images([0, 5]), data.factors([1]), data.packed_bits(), data.fingerprint\n"
        "assert before == (random.getstate(), repr(np.random.get_state()))\n"
    )
    every = {name: options_of(name) for name in DATASETS}
    command = [sys.executable, "-c", code, json.dumps(every)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=60)
