"""Chance and ceiling do not change with what does not change their metrics."""

import dataclasses

import numpy as np
import pytest

from bench.scoring.bounds import BoundCodes, chance_codes, perfect_codes
from metrics import METRICS, mig

GRID = np.indices((4, 5, 3)).reshape(3, -1).T
RANDOM = np.random.default_rng(7)
# Part of a grid, in any order: no symmetry helps.
PART = np.stack([RANDOM.integers(size, size=90) for size in (3, 4, 5)], axis=1)
GAPS = np.array([0, 1, 1000, 1001, 10**12])
FEW = {"n_pairs": 8, "n_train": 400, "n_test": 400}
N_LATENTS = 4


def _shuffled_labels(factors):
    shuffled = [
        np.random.default_rng(k).permutation(column.max() + 1) for k, column in enumerate(factors.T)
    ]
    return np.stack([new[column] for new, column in zip(shuffled, factors.T, strict=True)], axis=1)


# What each invariance does to factors; codes are made for them, so nothing else is left of it.
ON_FACTORS = {
    "sample_order": [lambda f: f[::-1], lambda f: f[np.random.default_rng(1).permutation(len(f))]],
    "relabelling": [lambda f: 7 - f, lambda f: GAPS[f], lambda f: -GAPS[f]],
    "latent_order": [],
    "sign": [],
    "scale": [],
}


def _levels(name, factors):
    """Return what a metric, as it is by default, gives codes that know nothing and perfect ones."""
    info = METRICS[name]
    options = {key: value for key, value in FEW.items() if key in info.options}
    values = []
    made = BoundCodes(factors, N_LATENTS)
    for arrays in (made.chance, made.perfect):
        value = info.function(*(arrays[key] for key in info.requires), **options)
        outputs = dataclasses.asdict(value) if dataclasses.is_dataclass(value) else {"": value}
        values += [outputs[output] for output in info.outputs or [""]]
    return np.array(values)


@pytest.mark.parametrize(
    ("name", "factors"),
    [
        pytest.param(name, factors, id=f"{name}-{kind}")
        for name, info in METRICS.items()
        for kind, factors in (("grid", GRID), ("part", PART))
        if info.higher_is_better and info.level == "run"
        # The symmetry of a grid matters where all its values do.
        if kind == "part" or "relabelling" in info.invariances
    ],
)
def test_levels_have_the_invariances_of_their_metrics(name, factors):
    # Every metric numbers labels by rank, whether it takes them for an order or not.
    changes = [lambda f: GAPS[f]]
    for invariance in METRICS[name].invariances:
        changes += ON_FACTORS[invariance]
    before = _levels(name, factors)
    # Values are drawn by label there, so other labels are other draws.
    slack = 0.08 if name in ("beta_vae_score", "factor_vae_score") else 1e-9
    for change in changes:
        assert _levels(name, change(factors)) == pytest.approx(before, abs=slack)


@pytest.mark.parametrize("factors", [GRID, PART], ids=["grid", "part"])
def test_levels_are_of_the_same_samples_in_any_order_and_by_any_labels(factors):
    order = np.random.default_rng(2).permutation(len(factors))
    expected = BoundCodes(factors, N_LATENTS).factors
    assert sorted(map(tuple, expected)) == sorted(map(tuple, factors))
    assert (BoundCodes(factors[order], N_LATENTS).factors == expected).all()
    # Of other labels, the same up to what the labels are called.
    renamed = BoundCodes(_shuffled_labels(factors)[order], N_LATENTS).factors
    for column, other in zip(expected.T, renamed.T, strict=True):
        pairs = set(zip(column.tolist(), other.tolist(), strict=True))
        assert len(pairs) == column.max() + 1


def test_a_perfect_code_is_perfect_whatever_its_labels():
    factors = GAPS[GRID]
    assert mig(perfect_codes(factors)["means"], factors) == pytest.approx(1)


def test_levels_of_labels_that_are_ranks_stay_what_they_were():
    # Stored levels of ordinary datasets are as good as new ones.
    made = BoundCodes(GRID, 2)
    assert made.of_ranks
    assert (made.factors == GRID).all()
    assert (made.perfect["means"] == (2 * GRID / [3, 4, 2] - 1).astype(np.float32)).all()
    assert (made.chance["means"] == chance_codes(GRID, 2)["means"]).all()
    assert not BoundCodes(GAPS[GRID], 2).of_ranks
