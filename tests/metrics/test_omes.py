"""OMES: closed forms on full grids, pairs one by one, and what the definition cannot see."""

import numpy as np
import pytest

from metrics import MetricWarning, details, omes

SIZES = np.array([4, 5, 6])
GRID = np.indices(SIZES).reshape(3, -1).T
MEANS = (GRID - GRID.mean(0)) / GRID.std(0)
RNG = np.random.default_rng(0)
# Of a latent that is the factor, over pairs of different values.
STRENGTH = 1 - 1 / (SIZES - 1)


def _detail(means, factors, **options):
    with details() as found:
        score = omes(means, factors, **options)
    return score, found


def _expected(means, factors, alpha=0.5, pooling="mean"):
    """Return the score as it is defined, pair by pair and term by term."""
    n_factors, n_latents = factors.shape[1], means.shape[1]
    strength = np.empty((n_latents, n_factors))
    for k in range(n_factors):
        differs = factors[:, None] != factors[None]
        first, second = np.nonzero((differs.sum(2) == 1) & differs[:, :, k])
        for j in range(n_latents):
            strength[j, k] = 1 - abs(np.corrcoef(means[first, j], means[second, j])[0, 1])
    scores = []
    for k in range(n_factors):
        terms = np.empty((n_latents, 2))
        for j in range(n_latents):
            overlap = 1 - np.abs(np.eye(n_factors)[k] - strength[j]).mean()
            multiple = 1 - np.abs(np.eye(n_latents)[j] - strength[:, k]).mean()
            terms[j] = overlap * strength[j, k], multiple * strength[j, k]
        of_both = terms.max(0) if pooling == "max" else np.average(terms, 0, strength[:, k])
        scores.append(alpha * of_both[0] + (1 - alpha) * of_both[1])
    return np.mean(scores), strength


@pytest.mark.parametrize("pooling", ["mean", "max"])
@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.5, 1.0])
def test_it_is_its_definition_over_all_pairs(alpha, pooling):
    means = GRID @ RNG.normal(size=(3, 4)) + RNG.normal(size=(len(GRID), 4))
    # A part of a grid, some of it several times: cells of unequal size, and equal combinations.
    rows = RNG.integers(len(GRID), size=200)
    noisy = means[rows] + 0.3 * RNG.normal(size=(200, 4))
    for codes, factors in ((means, GRID), (noisy, GRID[rows])):
        score, found = _detail(codes, factors, alpha=alpha, pooling=pooling)
        expected, strength = _expected(codes, factors, alpha, pooling)
        assert found["associations"] == pytest.approx(strength)
        assert score == pytest.approx(expected)
        both = alpha * found["overlap"] + (1 - alpha) * found["multiple_encoding"]
        assert found["per_factor"] == pytest.approx(both)


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_a_perfect_code_is_bounded_by_the_numbers_of_values(alpha):
    dead = np.full((len(GRID), 5), 0.1)
    for means in (MEANS, MEANS[:, ::-1] * [1, -2, 5], np.hstack([dead, MEANS])):
        score, found = _detail(means, GRID, alpha=alpha)
        # The mean |·| is over three factors, or three latents: dead ones are left out.
        assert score == pytest.approx((STRENGTH * (1 - (1 - STRENGTH) / 3)).mean())
        assert np.sort(found["associations"], axis=0)[-1] == pytest.approx(STRENGTH)
        assert omes(means, GRID, alpha=alpha, redrawn=True) == pytest.approx(1)


def test_nobody_encodes_a_binary_factor_unless_it_is_redrawn():
    factors = np.indices((2, 20)).reshape(2, -1).T
    score, found = _detail(factors * 1.0, factors)
    best = 1 - 1 / 19
    assert found["associations"] == pytest.approx(np.diag([0, best]))
    assert score == pytest.approx((0 + best * (1 - (1 - best) / 2)) / 2)
    assert omes(factors * 1.0, factors, redrawn=True) == pytest.approx(1)


def test_redrawn_it_is_the_total_effect_of_sobol():
    means = GRID @ RNG.normal(size=(3, 4)) + 0.2 * (GRID[:, :1] * GRID[:, 1:2]) * RNG.normal(size=4)
    _, found = _detail(means, GRID, redrawn=True)
    table = means.reshape(*SIZES, 4)
    for k in range(3):
        # The variance that is left when all but the factor is known.
        left = table.var(k).reshape(-1, 4).mean(0) / means.var(0)
        assert found["associations"][:, k] == pytest.approx(left)


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_a_factor_twice_costs_compactness_and_two_in_one_modularity(alpha):
    perfect, twice = (
        omes(m, GRID, alpha=alpha, redrawn=True) for m in (MEANS, MEANS[:, [0, 0, 1, 2]])
    )
    assert perfect == pytest.approx(1)
    # Of four latents one more than should be has the factor.
    assert twice == pytest.approx(1 if alpha else (3 / 4 + 1 + 1) / 3)
    joint = np.hstack([MEANS[:, :1] + MEANS[:, 1:2], MEANS[:, 2:]])
    # Half of its variance is gone with either factor: e less S is ½ here and ½ there.
    one = 0.5 * (1 - (0.5 + 0.5) / 3) if alpha else 0.5 * (1 - 0.5 / 2)
    assert omes(joint, GRID, alpha=alpha, redrawn=True) == pytest.approx((2 * one + 1) / 3)


def test_two_factors_turned_by_45_degrees():
    a, b, c = MEANS.T
    turned = np.stack([(a + b) / np.sqrt(2), (a - b) / np.sqrt(2), c], axis=1)
    _, found = _detail(turned, GRID, redrawn=True)
    half = 0.5 * (1 - 1 / 3)
    assert found["overlap"] == pytest.approx([half, half, 1])
    assert found["multiple_encoding"] == pytest.approx([half, half, 1])


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_noise_has_the_parts_of_one_and_collapse_nothing(pooling):
    # What is independent of the image changes with everything: S is 1 throughout.
    factors = np.indices((20, 20, 20)).reshape(3, -1).T
    noise = np.random.default_rng(0).normal(size=(8_000, 5))
    options = {"pooling": pooling}
    assert omes(noise, factors, alpha=1.0, **options) == pytest.approx(1 / 3, abs=0.02)
    assert omes(noise, factors, alpha=0.0, **options) == pytest.approx(1 / 5, abs=0.02)
    with pytest.warns(MetricWarning, match="no latent is left"):
        assert omes(np.full(GRID.shape, 0.1), GRID, **options) == 0


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_a_factor_that_no_latent_has_scores_nothing(pooling):
    score, found = _detail(MEANS[:, :1], GRID, pooling=pooling, redrawn=True)
    assert found["per_factor"] == pytest.approx([1, 0, 0])
    assert score == pytest.approx(1 / 3)


def test_hardly_varying_latents_are_left_out_relative_or_by_their_deviation():
    noise = RNG.normal(size=(len(GRID), 2))
    with_noise = np.hstack([MEANS, 0.04 * noise / noise.std(0)])
    assert omes(with_noise, GRID) == pytest.approx(omes(MEANS, GRID))
    assert omes(with_noise, GRID, prune_below=0.03) < omes(MEANS, GRID) - 0.1
    assert omes(0.01 * with_noise, GRID) == pytest.approx(omes(MEANS, GRID))
    with pytest.warns(MetricWarning, match="no latent is left"):
        assert omes(0.01 * with_noise, GRID, absolute=True) == 0
    assert omes(2 * with_noise, GRID, absolute=True) < omes(MEANS, GRID) - 0.1


def test_factors_of_which_no_pair_differs_are_left_out_and_few_are_said():
    # The last column follows from the first, of which two values go with one of it.
    factors = np.hstack([GRID, GRID[:, :1] // 2])
    few = pytest.warns(MetricWarning, match="few pairs.*: 60 in column 0$")
    with few, pytest.warns(MetricWarning, match="left out: column 3$"):
        score, found = _detail(MEANS, factors)
    assert found["pairs"].tolist() == [60, 240, 300, 0]
    assert np.isnan(found["per_factor"][3])
    assert score == pytest.approx(found["per_factor"][:3].mean())
    # Codes −3 and −1, or 1 and 3 (halved): of a variance of 5, pairs share 3.
    assert found["associations"][0, 0] == pytest.approx(1 - 3 / 5)
    line = np.arange(30)[:, None]
    with pytest.raises(ValueError, match="no two samples that differ in one factor alone"):
        omes(np.hstack([line, line]) * 1.0, np.hstack([line, line]))


def test_a_latent_that_varies_in_samples_without_a_partner_alone_encodes_nothing():
    factors = np.vstack([GRID, [9, 9, 9]])
    rare = (factors[:, :1] == 9) * 1.0
    _, found = _detail(np.hstack([factors, rare]), factors, prune_below=0)
    assert (found["associations"][3] == 0).all()
    assert found["associations"][:3] == pytest.approx(np.diag(STRENGTH))


def test_one_factor_has_all_samples_of_other_values_for_pairs():
    labels = np.repeat(np.arange(5), 6)[:, None]
    score, found = _detail(labels * 1.0, labels)
    assert found["pairs"].tolist() == [10 * 36]
    # S, and the mean |·| over one factor and one latent is what it lacks of 1.
    assert score == pytest.approx(0.75 * 0.75)


def test_constant_factors_are_left_out_and_bad_arguments_refused():
    with pytest.warns(MetricWarning, match="column 0"):
        assert omes(MEANS[:, 1:], GRID * [0, 1, 1], redrawn=True) == pytest.approx(1)
    for alpha in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match="alpha must be in"):
            omes(MEANS, GRID, alpha=alpha)
    with pytest.raises(ValueError, match="pooling must be 'mean' or 'max'"):
        omes(MEANS, GRID, pooling="avg")


def test_the_interval_covers_the_value_and_shrinks_with_samples():
    widths = []
    for copies in (3, 100):
        factors = np.tile(GRID, (copies, 1))
        means = factors + np.random.default_rng(1).normal(size=factors.shape)
        value, low, high = omes(means, factors, bootstrap=30)
        assert low <= value <= high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2
