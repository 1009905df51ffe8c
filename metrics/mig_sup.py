"""MIG-sup: the gap per latent over factors, which a latent that mixes factors does not pass."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ._bootstrap import bootstrapped
from ._detail import record
from ._info import MetricInfo
from ._matrix import Estimator, gap, information_and_entropies
from ._validation import check_threshold
from .factor_bins import binned


@binned
@bootstrapped(0, 1)
def mig_sup(
    means: ArrayLike,
    factors: ArrayLike,
    *,
    estimator: Estimator = "histogram",
    n_bins: int = 20,
    logvars: ArrayLike | None = None,
    least_information: float = 0.05,
) -> float:
    """Return the gap between the two factors that a latent knows most of, mean over latents.

    Information is divided by the entropy of its factor. Where MIG asks whether a factor is in one
    latent, this asks whether a latent has one factor; a good code has both.

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
    least_information : float
        Share of a factor's entropy that an informative latent knows of at least one factor. The
        others are left out of the mean: a dead latent mixes nothing.

    Returns
    -------
    float
        In [0, 1]; higher is better; 0 where no latent is informative. With one factor the gap is
        to 0.

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
    Detail: `per_latent`, the gaps of all latents; `informative`, which of them are in the mean.

    References
    ----------
    Li et al. 2020, "Progressive Learning and Disentanglement of Hierarchical Representations",
    on MIG-sup.

    Examples
    --------
    >>> grid = np.indices((4, 4)).reshape(2, -1).T
    >>> mig_sup(grid.astype(float), grid)
    1.0
    """
    check_threshold(least_information, "least_information")
    matrix, entropies = information_and_entropies(
        means, factors, estimator=estimator, n_bins=n_bins, logvars=logvars
    )
    normalised = np.minimum(matrix / entropies, 1)
    gaps = gap(normalised, axis=1)
    informative = normalised.max(1) >= least_information
    record(per_latent=gaps, informative=informative)
    return float(gaps[informative].mean()) if informative.any() else 0.0


INFO = MetricInfo(
    mig_sup,
    title="MIG-sup",
    higher_is_better=True,
    range=(0, 1),
    requires=("means", "factors"),
    invariances=("sample_order", "latent_order", "sign", "scale", "relabelling"),
    reference="Li et al. 2020",
    description="Gap between the two factors that a latent knows most of, in shares of their "
    "entropies, mean over informative latents.",
    cost="N·D·K",
    alternatives=(
        ("informative latents, histogram", ()),
        ("all latents, histogram", (("least_information", 0.0),)),
        ("informative latents, aggregate posterior", (("estimator", "posterior"),)),
    ),
)
