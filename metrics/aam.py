"""The axis alignment metric: the best latent against all others together."""

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
def aam(
    means: ArrayLike,
    factors: ArrayLike,
    *,
    estimator: Estimator = "histogram",
    n_bins: int = 20,
    logvars: ArrayLike | None = None,
) -> float:
    """Return the axis alignment: max(0, I₁ − Σ others) / I₁ averaged over factors.

    Parameters
    ----------
    means : array_like
        (n_samples, n_latents) codes.
    factors : array_like
        (n_samples, n_factors) integer factors.
    estimator : {"histogram", "posterior"}
        As in `mutual_information_matrix`. The original is of the posterior; the bias of a histogram
        adds up over the other latents.
    n_bins : int
        Bins of the histogram estimator.
    logvars : array_like, optional
        (n_samples, n_latents); needed by the posterior estimator.

    Returns
    -------
    float
        In [0, 1]; higher is better. Says nothing about how much of a factor is known; a factor that
        no latent knows scores 0.

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
    Detail: `per_factor`, the factors' scores.

    References
    ----------
    Dubois et al. 2019, "Disentangling VAE", the evaluator of that PyTorch suite.

    Examples
    --------
    >>> grid = np.indices((4, 4)).reshape(2, -1).T
    >>> aam(grid.astype(float), grid)
    1.0
    """
    matrix, _ = information_and_entropies(
        means, factors, estimator=estimator, n_bins=n_bins, logvars=logvars
    )
    best = matrix.max(0)
    known = best > TIE
    excess = np.maximum(2 * best - matrix.sum(0), 0)
    scores = np.where(known, excess / np.where(known, best, 1), 0)
    record(per_factor=scores)
    return float(scores.mean())


INFO = MetricInfo(
    aam,
    title="AAM",
    higher_is_better=True,
    range=(0, 1),
    requires=("means", "factors"),
    invariances=("sample_order", "latent_order", "sign", "scale", "relabelling"),
    reference="Dubois et al. 2019",
    description="Information of the best latent about a factor less that of all others, over the "
    "best.",
    cost="N·D·K",
    alternatives=(
        ("histogram", ()),
        ("aggregate posterior", (("estimator", "posterior"),)),
    ),
)
