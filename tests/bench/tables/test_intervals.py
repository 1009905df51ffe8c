"""Statistics over seeds against closed forms."""

import math

import numpy as np
import pytest

from bench.tables.intervals import interquartile_mean, mean_interval


def test_t_interval_of_a_known_sample():
    # 1..6: mean 3.5, s = sqrt(3.5), t(0.975, 5) = 2.570582.
    interval = mean_interval(range(1, 7))
    half = 2.570582 * math.sqrt(3.5 / 6)
    assert (interval.n, interval.kind) == (6, "t95")
    assert interval.low == pytest.approx(3.5 - half, abs=1e-5)
    assert interval.high == pytest.approx(3.5 + half, abs=1e-5)
    # t = 3.5 / sqrt(3.5 / 6) = 4.5826 with 5 degrees of freedom.
    assert interval.p_value == pytest.approx(0.005934, abs=1e-6)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_with_few_seeds_there_is_a_range_and_no_test(n):
    interval = mean_interval(range(n))
    assert (interval.kind, interval.low, interval.high) == ("range", 0, n - 1)
    assert math.isnan(interval.p_value)
    assert math.isnan(interval.std) == (n == 1)


def test_without_spread_the_interval_is_a_point():
    same, zero = mean_interval([2.0] * 6), mean_interval([0.0] * 6)
    assert (same.low, same.high, same.p_value) == (2, 2, 0)
    assert (zero.low, zero.high, zero.p_value) == (0, 0, 1)


def test_interquartile_mean_drops_a_quarter_on_each_side_and_waits_for_seeds():
    values = [-1000.0] * 5 + list(range(10)) + [1000.0] * 5
    centre, low, high = interquartile_mean(values)
    assert centre == 4.5
    assert low < centre < high
    assert interquartile_mean(values) == (centre, low, high)
    assert interquartile_mean([3.0] * 20) == (3, 3, 3)
    assert all(math.isnan(value) for value in interquartile_mean(values[:19]))


def test_the_interval_covers_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    samples = rng.standard_normal((2000, 6))
    covered = [interval.low <= 0 <= interval.high for interval in map(mean_interval, samples)]
    # Three standard errors of 2,000 draws at 95% are 1.5%.
    assert np.mean(covered) == pytest.approx(0.95, abs=0.015)
