"""Training and test samples of the metrics that fit a predictor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ._scale import exponents, scaled_down
from ._validation import (
    Floats,
    Ints,
    check_codes,
    check_data,
    check_factors,
    check_samples,
    factor_columns,
    generator,
    relabel,
    varying_factors,
)

# Samples that the study of Locatello et al. (2019) fits predictors on, and judges them on.
N_TRAIN, N_TEST = 10_000, 5_000


@dataclass(frozen=True)
class Split:
    """Codes of both parts, and of the factors that vary, relabelled alike in both parts."""

    codes: Floats
    values: Ints
    test_codes: Floats
    test_values: Ints

    @property
    def n_factors(self) -> int:
        """How many factors vary."""
        return int(self.values.shape[1])

    def standardised(self) -> tuple[Floats, Floats]:
        """Return both parts' codes by mean and deviation of the training part.

        A latent that is constant there is 0 in both parts: no predictor has learnt to read it.
        """
        powers = exponents(self.codes)
        unit = scaled_down(self.codes, powers)
        mean, spread = unit.mean(0), unit.std(0)
        varies = np.ptp(unit, axis=0) > 0
        train, test = (
            np.where(varies, (codes - mean) / np.where(varies, spread, 1), 0)
            for codes in (unit, scaled_down(self.test_codes, powers))
        )
        return train, test


def split_samples(
    means: ArrayLike,
    factors: ArrayLike,
    test_means: ArrayLike | None,
    test_factors: ArrayLike | None,
    rng: int | np.random.Generator,
) -> Split:
    """Return the test samples that are given, or a random third of all, and the rest for training.

    A split takes at most `N_TRAIN` and `N_TEST` samples: the study's numbers, at which scores of
    different data are comparable and boosted trees end. Arrays that are given are taken whole.

    Raises
    ------
    ValueError
        If an argument is malformed, only one of the two test arrays is given, no factor varies, or
        there are fewer than two samples for each value of the largest factor.
    """
    codes, values = check_data(means, factors)
    varying = varying_factors(values)
    if (test_means is None) != (test_factors is None):
        raise ValueError("test_means and test_factors are given together or not at all")
    n_values = int(values.max()) + 1
    check_samples(
        len(codes), max(3, 2 * n_values), f"a predictor of a factor with {n_values} values"
    )
    if test_means is None or test_factors is None:
        order = generator(rng).permutation(len(codes))
        n_test = min(N_TEST, len(codes) // 3)
        test, train = order[:n_test], order[n_test:][:N_TRAIN]
        chosen = values[:, varying]
        return Split(codes[train], chosen[train], codes[test], chosen[test])
    test_codes = check_codes(test_means, "test_means")
    test_values = check_factors(test_factors, len(test_codes), "test_factors")
    for name, given, expected in (
        ("test_means", test_codes, codes),
        ("test_factors", test_values, values),
    ):
        if given.shape[1] != expected.shape[1]:
            raise ValueError(
                f"{name} has {given.shape[1]} columns for {expected.shape[1]} of the training part"
            )
    # The same label for the same value in both parts, whichever values either part lacks.
    pairs = zip(
        factor_columns(factors, "factors"),
        factor_columns(test_factors, "test_factors"),
        strict=True,
    )
    joint = np.stack([relabel(np.concatenate(pair)) for pair in pairs], axis=1)[:, varying]
    return Split(codes, joint[: len(codes)], test_codes, joint[len(codes) :])
