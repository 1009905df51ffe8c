"""JEMMIG: the gap of MIG, less what the best latent holds beside its factor."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ._bootstrap import bootstrapped
from ._detail import record
from ._info import MetricInfo
from ._information import factor_entropies, histogram_information
from ._matrix import check_bins, gap
from ._ties import TIE
from ._validation import check_data, columns_of, varying_factors, warn_of_few_samples
from .factor_bins import binned


@binned
@bootstrapped(0, 1)
def jemmig(means: ArrayLike, factors: ArrayLike, *, n_bins: int = 20) -> float:
    """Return JEMMIG, normalised so that higher is better.

    The joint entropy minus mutual information gap of factor v with its best latent z₁ and second
    best z₂ is H(z₁, v) − I(z₁; v) + I(z₂; v), in nats and the lower the better. The score is
    1 − that / (H(v) + ln n_bins), mean over factors: 1 where the best latent tells the factor and
    nothing else.

    Parameters
    ----------
    means : array_like
        (n_samples, n_latents) codes.
    factors : array_like
        (n_samples, n_factors) integer factors.
    n_bins : int
        Bins of a latent, of equal width over its range.

    Returns
    -------
    float
        In [0, 1]; higher is better. A factor that no latent knows anything of scores 0.

    Raises
    ------
    ValueError
        If an argument is malformed, or no factor varies.

    Warns
    -----
    MetricWarning
        If a factor is constant (it is left out of the mean), or continuous: more than 20
        values with fewer than 10 samples each.

    Notes
    -----
    Detail: `per_factor`, the normalised scores.

    Variant: codes are the means in equal-width bins (the paper bins samples of the posterior), and
    factors keep their values. With fewer bins than values even a perfect code stays below 1. By the
    formula alone, a collapsed code would get about one half, for its low joint entropy. Where
    several latents know equally much, the least joint entropy counts.

    References
    ----------
    Do & Tran 2020, "Theory and Evaluation Metrics for Learning Disentangled Representations",
    on JEMMIG; normalised as in Carbonneau et al. 2022, "Measuring Disentanglement".

    Examples
    --------
    >>> grid = np.indices((4, 4)).reshape(2, -1).T
    >>> jemmig(grid.astype(float), grid)
    1.0
    """
    codes, values = check_data(means, factors)
    check_bins(n_bins)
    varying = varying_factors(values)
    warn_of_few_samples(values, varying)
    values = columns_of(values, varying)
    matrix, joint = histogram_information(codes, values, n_bins)
    best = np.where(matrix >= matrix.max(0) - TIE, joint, np.inf).min(0)
    scores = 1 - (best - gap(matrix, axis=0)) / (factor_entropies(values) + np.log(n_bins))
    scores = np.where(matrix.max(0) > TIE, np.clip(scores, 0, 1), 0)
    record(per_factor=scores)
    return float(scores.mean())


INFO = MetricInfo(
    jemmig,
    title="JEMMIG",
    higher_is_better=True,
    range=(0, 1),
    requires=("means", "factors"),
    invariances=("sample_order", "latent_order", "sign", "scale", "relabelling"),
    reference="Do & Tran 2020",
    description="Mutual information gap less the joint entropy of a factor and its best latent, "
    "normalised to [0, 1].",
    cost="N·D·K",
    alternatives=(
        ("histogram of 20 bins", ()),
        ("histogram of 10 bins", (("n_bins", 10),)),
        ("histogram of 40 bins", (("n_bins", 40),)),
    ),
)
