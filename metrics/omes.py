"""OMES: which latents a change of one factor alone reaches, read off correlations of pairs."""

from __future__ import annotations

import warnings
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ._bootstrap import bootstrapped
from ._detail import record
from ._info import MetricInfo
from ._prune import pruned
from ._shared import once
from ._validation import (
    Floats,
    Ints,
    MetricWarning,
    check_data,
    columns_of,
    relabel,
    varying_factors,
)
from .factor_bins import binned

# A correlation of fewer pairs is uncertain by 0.1 or more.
FEW_PAIRS = 100


@binned
@bootstrapped(0, 1)
def omes(
    means: ArrayLike,
    factors: ArrayLike,
    *,
    alpha: float = 0.5,
    pooling: Literal["mean", "max"] = "mean",
    redrawn: bool = False,
    prune_below: float = 0.05,
    absolute: bool = False,
) -> float:
    """Return the overlap and multiple encoding scores, mixed; mean over factors.

    Over all pairs of samples that differ in factor k alone, S_jk = 1 − |r| says how far latent j
    changes with it, r being the correlation of the latent's two values. With the unit vector e and
    means over K factors or D latents,

        overlap:           O_jk = 1 − mean |e_k − S_j·|     (does the latent encode other factors?)
        multiple encoding: M_jk = 1 − mean |e_j − S_·k|     (do other latents encode the factor?)

    A factor has the mean of (α O_jk + (1 − α) M_jk) S_jk over latents, weighted by S_jk.

    Parameters
    ----------
    means : array_like
        (n_samples, n_latents) codes.
    factors : array_like
        (n_samples, n_factors) integer factors.
    alpha : float
        Weight of the overlap score, in [0, 1]: 1 is that alone (modularity), 0 multiple encoding
        alone (compactness).
    pooling : {"mean", "max"}
        Over latents: the mean weighted by S_jk, or the best latent.
    redrawn : bool
        Draw the second value of the factor afresh, so that it may be the first: then
        S = (1 − 1/V)(1 − r) for V values, the share of the latent's variance that is gone once
        all other factors are known (Sobol's total effect, for values equally frequent).
    prune_below : float
        Latents with a standard deviation below this share of the largest are left out.
    absolute : bool
        Compare the standard deviation with `prune_below` itself, as in the authors' code; then the
        score depends on the scale of the codes.

    Returns
    -------
    float
        In [0, 1]; higher is better. A perfect code scores below 1, and noise above 0 (see Notes).

    Raises
    ------
    ValueError
        If an argument is malformed, no factor varies, or no two samples differ in one factor alone.

    Warns
    -----
    MetricWarning
        If a factor is constant or no two samples differ in it alone (it is left out), a factor has
        fewer than 100 such pairs and no full grid, or no latent is left: the score is 0 then.

    Notes
    -----
    The two values of a factor always differ, so a latent that is the factor has r = −1 / (V − 1)
    over a full grid: S is 1 − 1 / (V − 1), and **0 of a binary factor**, as if nobody encoded it.
    `redrawn=True` has 1 of a perfect code whatever V. Of codes that are independent of the image
    r is 0 and S is 1 throughout: noise scores 1/K by overlap and 1/D by multiple encoding, a
    collapsed code 0.

    The authors' code draws disjoint pairs at random, from one code for each combination of factors,
    and rounds S to four digits. Here are all ordered pairs, which is its limit, by sums over groups
    of samples and without randomness; several samples of a combination all count.

    Samples drawn from a large grid hold few pairs: 10,000 images of dSprites some 140 that differ
    in shape alone.

    Detail: `per_factor`; `overlap` and `multiple_encoding` of each factor; `associations`, the
    (n_latents, n_factors) S, 0 for latents left out; `pairs`, how many a factor has. A factor
    without pairs has NaN.

    References
    ----------
    Dapueto, Noceti & Odone 2024; α, pooling and pruning as in the authors' code.

    Examples
    --------
    >>> grid = np.indices((8, 8)).reshape(2, -1).T
    >>> round(omes(grid.astype(float), grid), 4)
    0.7959
    >>> omes(grid.astype(float), grid, redrawn=True)
    1.0
    """
    codes, values = check_data(means, factors)
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha must be in [0, 1], not {alpha}")
    if pooling not in ("mean", "max"):
        raise ValueError(f"pooling must be 'mean' or 'max', not {pooling!r}")
    varying = varying_factors(values)
    values = columns_of(values, varying)
    active, found, pairs = _correlations(codes, values, prune_below, absolute)
    _check_pairs(pairs, values, varying)
    n_values = values.max(0) + 1
    strength = (1 - 1 / n_values) * (1 - found) if redrawn else 1 - np.abs(found)
    strength = np.clip(strength, 0, 1)
    overlap, multiple = _scores(strength[:, pairs > 0], pooling)
    if not len(active):
        warnings.warn("no latent is left: the score is 0", MetricWarning, stacklevel=2)
    associations = np.zeros((codes.shape[1], values.shape[1]))
    associations[active] = strength
    mixed = alpha * overlap + (1 - alpha) * multiple
    record(
        per_factor=_spread(mixed, pairs > 0),
        overlap=_spread(overlap, pairs > 0),
        multiple_encoding=_spread(multiple, pairs > 0),
        associations=associations,
        pairs=pairs,
    )
    return float(mixed.mean())


@once
def _correlations(
    codes: Floats, values: Ints, prune_below: float, absolute: bool
) -> tuple[Ints, Floats, Ints]:
    """Return correlations over pairs that differ in one factor alone.

    Returns
    -------
    active : ndarray
        The latents that are left.
    correlations : ndarray
        (n_active, n_factors); 1 where a latent is the same in all samples that are in a pair; NaN
        without pairs.
    pairs : ndarray
        (n_factors,) numbers of unordered pairs.
    """
    active, codes, _ = pruned(codes, prune_below, absolute=absolute)
    n_factors = values.shape[1]
    points = _groups(values)
    found = np.full((len(active), n_factors), np.nan)
    pairs = np.zeros(n_factors, np.int64)
    for k in range(n_factors):
        # All of a cell are pairs, but for those that have one value of the factor too.
        cells = _groups(np.delete(values, k, axis=1))
        partners = np.bincount(cells)[cells] - np.bincount(points)[points]
        total = int(partners.sum())
        pairs[k] = total // 2
        if not total:
            continue
        centred = codes - partners @ codes / total
        variance = partners @ centred**2 / total
        joint = (_sums(centred, cells) ** 2).sum(0) - (_sums(centred, points) ** 2).sum(0)
        varies = np.ptp(codes[partners > 0], axis=0) > 0
        found[:, k] = np.where(varies, joint / total / np.where(varies, variance, 1), 1)
    return active, np.clip(found, -1, 1), pairs


def _groups(columns: Ints) -> Ints:
    """Return a number for each sample, equal where all columns are."""
    groups = np.zeros(len(columns), np.int64)
    for column in columns.T:
        groups = relabel(groups * (column.max() + 1) + column)
    return groups


def _sums(codes: Floats, groups: Ints) -> Floats:
    """Return the (n_groups, n_latents) sums of codes over the samples of each group."""
    n_groups = groups.max() + 1
    sums = np.empty((n_groups, codes.shape[1]))
    for j, code in enumerate(codes.T):
        sums[:, j] = np.bincount(groups, code, n_groups)
    return sums


def _check_pairs(pairs: Ints, values: Ints, columns: Ints) -> None:
    """Refuse samples without pairs; say of which columns there are none, or few and not all."""
    if not pairs.any():
        raise ValueError(
            "factors has no two samples that differ in one factor alone; take more samples"
        )
    listed = ", ".join(map(str, columns[pairs == 0]))
    if listed:
        message = f"factors has no pair that differs in it alone, and is left out: column {listed}"
        warnings.warn(message, MetricWarning, stacklevel=3)
    of_whole_grid = len(values) * values.max(0) / 2
    few = (pairs > 0) & (pairs < np.minimum(FEW_PAIRS, of_whole_grid))
    listed = ", ".join(f"{n} in column {k}" for n, k in zip(pairs[few], columns[few], strict=True))
    if listed:
        message = f"factors has few pairs that differ in it alone: {listed}"
        warnings.warn(message, MetricWarning, stacklevel=3)


def _scores(strength: Floats, pooling: str) -> tuple[Floats, Floats]:
    """Return the overlap and multiple encoding scores of each factor, from S."""
    n_latents, n_factors = strength.shape
    if not n_latents:
        return np.zeros(n_factors), np.zeros(n_factors)
    missing = 1 - strength
    overlap = 1 - (missing + strength.sum(1, keepdims=True) - strength) / n_factors
    multiple = 1 - (missing + strength.sum(0) - strength) / n_latents
    return _pooled(overlap, strength, pooling), _pooled(multiple, strength, pooling)


def _pooled(scores: Floats, strength: Floats, pooling: str) -> Floats:
    """Return a score of each factor; 0 of one that no latent encodes."""
    if pooling == "max":
        best: Floats = (scores * strength).max(0)
        return best
    total = strength.sum(0)
    mean: Floats = (scores * strength**2).sum(0) / np.where(total > 0, total, 1)
    return mean


def _spread(scores: Floats, there: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Floats:
    """Return scores at the places of the factors that have one, NaN elsewhere."""
    spread = np.full(len(there), np.nan)
    spread[there] = scores
    return spread


INFO = MetricInfo(
    omes,
    title="OMES",
    higher_is_better=True,
    range=(0, 1),
    requires=("means", "factors"),
    invariances=("sample_order", "latent_order", "sign", "scale", "relabelling"),
    reference="Dapueto et al. 2024",
    description="How far a change of one factor alone reaches one latent and no other; a perfect "
    "code scores below 1, the less values a factor has, and a binary factor 0.",
    cost="N · D · K + N · K²",
    alternatives=(
        ("mean of overlap and multiple encoding", ()),
        ("overlap", (("alpha", 1.0),)),
        ("multiple encoding", (("alpha", 0.0),)),
        ("best latent", (("pooling", "max"),)),
        ("factor redrawn", (("redrawn", True),)),
        ("pruned below a standard deviation of 0.05", (("absolute", True),)),
    ),
)
