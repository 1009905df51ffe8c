"""Statistics over seeds against closed forms."""

import math

import numpy as np
import pytest

from bench.tables import metric_range
from bench.tables.intervals import (
    OF_ENOUGH_SEEDS,
    difference_interval,
    interquartile_mean,
    mean_interval,
)
from metrics import METRICS


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


@pytest.mark.parametrize("n", [2, 3, 5, 6, 7])
@pytest.mark.parametrize("value", [0.1, 0.4996, 1 / 3])
def test_the_mean_of_equal_values_lies_among_them(n, value):
    # Three times 0.1, and five times 0.4996, are rounded: a figure has no bar of −1e-17.
    interval = mean_interval([value] * n, (0, 1))
    assert interval.low <= interval.mean <= interval.high


def test_without_spread_the_interval_is_a_point():
    same, zero = mean_interval([2.0] * 6), mean_interval([0.0] * 6)
    assert (same.low, same.high, same.p_value, same.kind) == (2, 2, 0, "equal")
    assert (zero.low, zero.high, zero.p_value, zero.kind) == (0, 0, 1, "equal")
    # The mean of six times 0.1 is not 0.1, and 1 may come as a little less.
    rounded = mean_interval([0.1] * 6, (0, 1)), mean_interval([1.0] * 5 + [1 - 1e-16], (0, 1))
    assert [(i.kind, i.mean, i.low, i.high) for i in rounded] == [
        ("equal", 0.1, 0.1, 0.1),
        ("equal", 1, 1, 1),
    ]


def test_interval_of_a_bounded_score_is_the_t_interval_of_the_logit():
    # Mean 0.975, s = 0.0418330; half = 2.570582 s / √6 / (0.975 · 0.025) on the scale of the logit.
    values = [0.9, 0.95, 1, 1, 1, 1]
    interval = mean_interval(values, (0, 1))
    half = 2.570582 * np.std(values, ddof=1) / math.sqrt(6) / (0.975 * 0.025)
    centre = math.log(0.975 / 0.025)
    expected = [1 / (1 + math.exp(-(centre + sign * half))) for sign in (-1, 1)]
    assert (interval.low, interval.high) == pytest.approx(expected, abs=1e-6)
    assert (interval.kind, math.isnan(interval.p_value)) == ("logit95", True)
    # Another range is the same on another scale, and a mirror image the mirror image.
    moved = mean_interval([2 * value - 1 for value in values], (-1, 1))
    assert [(end + 1) / 2 for end in (moved.low, moved.high)] == pytest.approx(expected, abs=1e-6)
    mirrored = mean_interval([1 - value for value in values], (0, 1))
    assert [1 - mirrored.high, 1 - mirrored.low] == pytest.approx(expected, abs=1e-6)


def test_interval_of_a_score_from_0_is_the_t_interval_of_the_logarithm():
    values = [0.0, 0, 1, 2, 3, 6]
    interval = mean_interval(values, (0, None))
    half = 2.570582 * np.std(values, ddof=1) / math.sqrt(6) / 2
    assert interval.kind == "log95"
    assert (interval.low, interval.high) == pytest.approx(
        (2 * math.exp(-half), 2 * math.exp(half)), rel=1e-6
    )
    # Far from 0 the scale makes no difference.
    far = [700.0, 701, 702, 700, 699, 703]
    inner, outer = mean_interval(far, (0, None)), mean_interval(far)
    assert (inner.low, inner.high) == pytest.approx((outer.low, outer.high), abs=1e-2)


RANGES = {name: metric_range(name) for name in [*METRICS, "reconstruction", "kl"]}


@pytest.mark.parametrize("name", RANGES)
def test_no_interval_leaves_the_range_of_its_score(name):
    bottom, top = RANGES[name]
    least = 0 if bottom is None else bottom
    size = 1 if top is None else top - least
    rng = np.random.default_rng(0)
    near = [0, 1e-300, 5e-324, 1e-17, 1e-12, 1e-6, 0.01, 0.5]
    shares = [*near, *(1 - np.array(near)), 1 + 1e-12]
    for n in (6, 7, 20):
        for sample in rng.choice(shares, (300, n)):
            interval = mean_interval(least + size * sample, (bottom, top))
            assert interval.kind in OF_ENOUGH_SEEDS
            assert interval.low <= interval.mean * (1 + 1e-9) + 1e-12
            assert interval.high >= interval.mean * (1 - 1e-9) - 1e-12
            assert bottom is None or interval.low >= bottom
            assert top is None or interval.high <= top or interval.kind == "equal"


def test_what_leaves_the_range_of_its_score_has_the_interval_of_one_without_range():
    values = [0.5, 0.5, 0.5, 0.5, 0.5, 1.5]
    assert mean_interval(values, (0, 1)).kind == "t95"
    plain = mean_interval(values)
    assert mean_interval(values, (0, 1)).high == plain.high > 1


def test_differences_lie_where_differences_can():
    values = [1.0, 1, 1, 1, 1, 0]
    plain, cut = mean_interval(values), difference_interval(values, (0, 1))
    assert plain.high > 1 == cut.high
    assert (cut.low, cut.mean, cut.p_value) == (plain.low, plain.mean, plain.p_value)
    assert difference_interval(values, (0, None)) == plain
    assert difference_interval([-2 * value for value in values], (-1, 1)).low == -2


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


@pytest.mark.parametrize("n", [6, 10, 20])
@pytest.mark.parametrize(
    ("a", "b", "ones"), [(20, 1, 0), (5, 1, 0), (50, 2, 0), (8, 2, 0.3), (8, 2, 0.5), (1, 10, 0)]
)
def test_near_a_bound_intervals_cover_the_mean_nearly_as_often_as_they_say(a, b, ones, n):
    rng = np.random.default_rng(0)
    samples = np.where(rng.random((3000, n)) < ones, 1, rng.beta(a, b, (3000, n)))
    mean = ones + (1 - ones) * a / (a + b)

    def share(span):
        intervals = [mean_interval(sample, span) for sample in samples]
        return np.mean([i.low <= mean <= i.high for i in intervals])

    # Three standard errors are 1.2%; the skew of six seeds costs the rest (docs/metrics.md).
    assert share((0, 1)) == pytest.approx(0.95, abs=0.025)
    assert share((0, 1)) > share((None, None))


@pytest.mark.parametrize("span", [(None, None), (0, 1), (0, None)])
@pytest.mark.parametrize("n", [1, 3, 5, 6, 10])
def test_a_mean_lies_in_its_interval_also_where_values_are_equal_but_for_rounding(n, span):
    rng = np.random.default_rng(n)
    for value in rng.random(200):
        for spread in (0.0, 1e-16, 1e-12, 1e-9):
            sample = np.clip(value + spread * rng.standard_normal(n), 0, 1)
            interval = mean_interval(sample, span)
            assert interval.low <= interval.mean <= interval.high
