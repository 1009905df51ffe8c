"""Modularity: whether each latent knows one factor only."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ._bootstrap import bootstrapped
from ._detail import record
from ._info import MetricInfo
from ._matrix import Estimator, information_and_entropies
from ._ties import TIE
from .factor_bins import binned


@binned
@bootstrapped(0, 1)
def modularity(
    means: ArrayLike,
    factors: ArrayLike,
    *,
    estimator: Estimator = "histogram",
    n_bins: int = 20,
    logvars: ArrayLike | None = None,
) -> float:
    """Return the modularity: 1 − Σ off-best I² / (best I² (K − 1)) per latent, mean over latents.

    Parameters
    ----------
    means : array_like
        (n_samples, n_latents) codes.
    factors : array_like
        (n_samples, n_factors) integer factors, K of which vary.
    estimator : {"histogram", "posterior"}
        As in `mutual_information_matrix`.
    n_bins : int
        Bins of the histogram estimator.
    logvars : array_like, optional
        (n_samples, n_latents); needed by the posterior estimator.

    Returns
    -------
    float
        In [0, 1]; higher is better. A latent without information counts 0, so dead latents lower
        the score.

    Raises
    ------
    ValueError
        If an argument is malformed, or fewer than two factors vary.

    Warns
    -----
    MetricWarning
        If a factor is constant (it is left out), or continuous: more than 20 values with
        fewer than 10 samples each.

    Notes
    -----
    Detail: `per_latent`, the latents' scores.

    The ratio hides how much there is to know: pure noise scores high (0.67 was seen), by the
    chance with which a histogram finds more in one factor than in another. Read it beside a score
    that sees information, such as MIG.

    References
    ----------
    Ridgeway & Mozer 2018, "Learning Deep Disentangled Embeddings With the F-Statistic Loss",
    section 3; histogram of 20 bins as Locatello et al. 2019.

    Examples
    --------
    >>> grid = np.indices((4, 4)).reshape(2, -1).T
    >>> modularity(grid.astype(float), grid)
    1.0
    """
    matrix, _ = information_and_entropies(
        means, factors, estimator=estimator, n_bins=n_bins, logvars=logvars, least_factors=2
    )
    best = matrix.max(1)
    informative = best > TIE
    shares = (matrix / np.where(informative, best, 1)[:, None]) ** 2
    scores = np.where(informative, 1 - (shares.sum(1) - 1) / (matrix.shape[1] - 1), 0)
    record(per_latent=scores)
    return float(scores.mean())


INFO = MetricInfo(
    modularity,
    title="modularity",
    higher_is_better=True,
    range=(0, 1),
    requires=("means", "factors"),
    invariances=("sample_order", "latent_order", "sign", "scale", "relabelling"),
    reference="Ridgeway & Mozer 2018",
    description="Whether each latent knows one factor only, whatever little it knows: noise can "
    "score high.",
    cost="N·D·K",
    alternatives=(
        ("histogram", ()),
        ("aggregate posterior", (("estimator", "posterior"),)),
    ),
)
