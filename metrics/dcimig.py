"""DCIMIG: a factor counts by the latent that knows it and nothing else."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ._bootstrap import bootstrapped
from ._detail import record
from ._info import MetricInfo
from ._matrix import Estimator, gap, information_and_entropies
from .factor_bins import binned


@binned
@bootstrapped(0, 1)
def dcimig(
    means: ArrayLike,
    factors: ArrayLike,
    *,
    estimator: Estimator = "histogram",
    n_bins: int = 20,
    logvars: ArrayLike | None = None,
) -> float:
    """Return DCIMIG, also called 3CharM.

    Every latent goes to the factor that it knows most of, with the gap in nats to the factor that
    it knows second most of. A factor counts by the largest gap among its latents; the score is the
    sum over factors, divided by the sum of their entropies.

    Parameters
    ----------
    means : array_like
        (n_samples, n_latents) codes.
    factors : array_like
        (n_samples, n_factors) integer factors.
    estimator : {"histogram", "posterior"}
        As in `mutual_information_matrix`.
    n_bins : int
        Bins of the histogram estimator.
    logvars : array_like, optional
        (n_samples, n_latents); needed by the posterior estimator.

    Returns
    -------
    float
        In [0, 1]; higher is better. A second latent of the same factor costs nothing. With one
        factor the gap is to 0.

    Raises
    ------
    ValueError
        If an argument is malformed, or no factor varies.

    Warns
    -----
    MetricWarning
        If a factor is constant (it is left out), or continuous: more than 20 values with
        fewer than 10 samples each.

    Notes
    -----
    Detail: `per_factor`, the gap over the entropy of each factor.

    The score divides a sum by a sum, so factors weigh by their entropies; it is not the mean of
    `per_factor`.

    References
    ----------
    Sepliarskaia et al. 2019, "How to Not Measure Disentanglement", on 3CharM.

    Examples
    --------
    >>> grid = np.indices((4, 4)).reshape(2, -1).T
    >>> dcimig(grid.astype(float), grid)
    1.0
    """
    matrix, entropies = information_and_entropies(
        means, factors, estimator=estimator, n_bins=n_bins, logvars=logvars
    )
    assigned = np.zeros_like(matrix)
    latents = np.arange(len(matrix))
    assigned[latents, matrix.argmax(1)] = gap(matrix, axis=1)
    best = np.minimum(assigned.max(0), entropies)
    record(per_factor=best / entropies)
    return float(best.sum() / entropies.sum())


INFO = MetricInfo(
    dcimig,
    title="DCIMIG",
    higher_is_better=True,
    range=(0, 1),
    requires=("means", "factors"),
    invariances=("sample_order", "latent_order", "sign", "scale", "relabelling"),
    reference="Sepliarskaia et al. 2019",
    description="Each factor by the latent that knows it and little else, in shares of the entropy "
    "of all factors.",
    cost="N·D·K",
    alternatives=(
        ("histogram", ()),
        ("aggregate posterior", (("estimator", "posterior"),)),
    ),
)
