"""Draws of samples that share the value of a factor, by index from the codes at hand."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ._validation import Floats, Ints, MetricWarning, check_samples, varying_factors

# Draws at a time: bounds memory at any number of points.
_CHUNK = 400_000


def check_counts(**counts: int) -> None:
    """Refuse a number of draws below 1, naming the argument."""
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"{name} must be at least 1, not {count}")


def shared_factors(values: Ints, least: int = 2) -> Ints:
    """Return the positions of the factors of which samples can share a value.

    Raises
    ------
    ValueError
        If fewer than `least` factors vary, or two samples of a value are not to be expected.

    Warns
    -----
    MetricWarning
        If a factor is constant, or a value has one sample, which shares it with none.
    """
    varying = varying_factors(values, least=least)
    n_values = int(values.max()) + 1
    why = f"drawing samples that share one of {n_values} values of a factor"
    check_samples(len(values), 2 * n_values, why)
    alone = [(k, int((np.bincount(values[:, k]) == 1).sum())) for k in varying]
    listed = ", ".join(f"{number} in column {k}" for k, number in alone if number)
    if listed:
        message = f"factors has values of a single sample, which are left out: {listed}"
        warnings.warn(message, MetricWarning, stacklevel=3)
    return varying


def by_label(values: Ints) -> Ints:
    """Return the positions of samples ordered by label, those of a label as they come."""
    # Sorting is linear in 16 bits.
    short = values.astype(np.uint16) if values.max() < 2**16 else values
    return np.argsort(short, kind="stable")


def draw_sharing(values: Ints, n_groups: int, size: int, rng: np.random.Generator) -> Ints:
    """Return (size, n_groups) positions of samples; those of a group share a value.

    A group's value is uniform over those of several samples, then its samples over those that have
    it, with replacement. With the whole grid this equals drawing all other factors afresh.
    """
    order = by_label(values)
    counts = np.bincount(values)
    starts = np.cumsum(counts) - counts
    several = np.flatnonzero(counts > 1)
    shared = several[rng.integers(len(several), size=n_groups)]
    drawn: Ints = order[starts[shared] + rng.integers(counts[shared], size=(size, n_groups))]
    return drawn


def labelled_points(
    n_points: int, n_labels: int, draws: int, rng: np.random.Generator
) -> tuple[Ints, Iterator[tuple[int, Ints]]]:
    """Return a uniform label per point, and the points label by label in chunks of bounded size.

    Points of one label are worked on together: no loop over points, and one sort per factor.
    """
    labels = rng.integers(n_labels, size=n_points)

    def chunks() -> Iterator[tuple[int, Ints]]:
        step = max(1, _CHUNK // draws)
        for label in range(n_labels):
            rows = np.flatnonzero(labels == label)
            for start in range(0, len(rows), step):
                yield label, rows[start : start + step]

    return labels, chunks()


def recall(right: Floats | NDArray[np.bool_], labels: Ints, n_labels: int) -> list[float]:
    """Return the accuracy over the points of each label; NaN where there is no such point."""
    return [
        float(right[labels == label].mean()) if (labels == label).any() else np.nan
        for label in range(n_labels)
    ]
