"""Datasets by a user's own code: their options come from a signature, what they give is checked."""

import sys

import numpy as np
import pytest

from datasets import FactorDataset, from_arrays, own_info, resolve, restore


def stripes(width: int = 2, phase: float = 0.0, side: int = 8, upright: bool = True):
    """Stripes of a width."""
    image = (np.arange(side) + phase) // width % 2
    images = np.broadcast_to(image, (side, side))
    return from_arrays(np.stack([images if upright else images.T] * 3), np.arange(3))


class Lazy(FactorDataset):
    """Draws when it is asked."""

    def __init__(self, n: int = 4) -> None:
        super().__init__("lazy", {}, ["n"], [n], (1, 16, 16))

    @property
    def fingerprint(self):
        return "lazy/1"

    def images(self, indices):
        return np.zeros((len(indices), 1, 16, 16), np.uint8)


STRIPES = own_info("a:stripes", stripes)


def test_equal_spellings_are_equal_and_defaults_are_left_out():
    assert resolve(STRIPES, {"width": 2, "phase": 1}) == {"phase": 1.0}
    assert resolve(STRIPES, {"phase": 1.0, "upright": True}) == {"phase": 1.0}
    assert STRIPES.description == "Stripes of a width."
    first, second = (restore(STRIPES, {"width": width}).images([0]) for width in (1, 4))
    assert first[0, 0, 0].tolist() == [0, 255] * 4
    assert second[0, 0, 0].tolist() == [0] * 4 + [255] * 4


def test_what_every_dataset_has_it_has_too():
    options = resolve(STRIPES, {"resize": 16})
    assert restore(STRIPES, options).image_shape == (1, 16, 16)
    assert restore(own_info("a:Lazy", Lazy), {"n": 7}).factor_sizes == (7,)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"widht": 3}, "'a:stripes' has no option 'widht'; its options are: width, phase, side"),
        ({"width": 2.5}, "'width' must be an integer, got 2.5"),
        ({"upright": 1}, "'upright' must be true or false"),
    ],
)
def test_wrong_options_are_refused(options, reason):
    with pytest.raises(ValueError, match=reason):
        resolve(STRIPES, options)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda n: None, "'n' must have a default that is a number"),
        (lambda n=None: None, "'n' must have a default"),
        (lambda n=float("nan"): None, "'n' must have a default"),
        (lambda *n: None, "'n' must have a default"),
        (lambda resize=3: None, "every dataset has an option 'resize'"),
        (lambda name="a": None, "every dataset has an option 'name'"),
        (3, "is no function or class that makes a dataset"),
    ],
)
def test_what_has_other_parameters_is_refused(make, reason):
    with pytest.raises(ValueError, match=f"^a:b.*{reason}"):
        own_info("a:b", make)


def test_a_dataset_of_another_copy_of_the_package_says_what_to_import():
    # In a checkout with `disbench` installed there are two classes of that name.
    other = type("FactorDataset", (), {"__module__": "disbench.datasets._base"})
    found = type("ArrayDataset", (other,), {})
    reason = (
        "^a:b made no FactorDataset, but ArrayDataset of another copy of this package, "
        "disbench.datasets: write from datasets import …$"
    )
    with pytest.raises(ValueError, match=reason):
        resolve(own_info("a:b", lambda: found()), {})


def _raising():
    raise KeyError("no")


class _Wrong(Lazy):
    def __init__(self, given) -> None:
        super().__init__()
        self._given = given

    def images(self, indices):
        return self._given()


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_raising, "made no dataset: KeyError: 'no'"),
        (sys.exit, "made no dataset: SystemExit"),
        (dict, "made no FactorDataset, but dict"),
        (lambda: _Wrong(_raising), "does not give its first image: KeyError"),
        (lambda: _Wrong(sys.exit), "does not give its first image: SystemExit"),
        (
            lambda: _Wrong(lambda: np.zeros((1, 16, 16), np.uint8)),
            r"must be uint8 of shape \(1, 1, 16, 16\), not uint8 of shape \(1, 16, 16\)",
        ),
        (lambda: _Wrong(lambda: np.zeros((1, 1, 16, 16))), "must be uint8 .*, not float64"),
        (lambda: _Wrong(lambda: None), "must be uint8 .*, not NoneType"),
    ],
)
def test_what_gives_no_images_is_refused(make, reason):
    with pytest.raises(ValueError, match=f"^a:b:? .*{reason}"):
        resolve(own_info("a:b", lambda: make()), {})
