"""The mutual information gap and the matrix that it is read from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ._bootstrap import bootstrapped
from ._detail import record
from ._info import MetricInfo, Part
from ._matrix import Estimator, gap, information, information_and_entropies
from ._validation import Floats, check_data, warn_of_few_samples
from .factor_bins import binned


@binned
def mutual_information_matrix(
    means: ArrayLike,
    factors: ArrayLike,
    *,
    estimator: Estimator = "histogram",
    n_bins: int = 20,
    logvars: ArrayLike | None = None,
) -> Floats:
    """Return the mutual information of every latent with every factor.

    Parameters
    ----------
    means : array_like
        (n_samples, n_latents) codes.
    factors : array_like
        (n_samples, n_factors) integer factors.
    estimator : {"histogram", "posterior"}
        Plug-in estimate of codes in equal-width bins, or that of the aggregate posterior.
    n_bins : int
        Bins of the histogram estimator.
    logvars : array_like, optional
        (n_samples, n_latents); needed by the posterior estimator.

    Returns
    -------
    ndarray
        (n_latents, n_factors) nats, at least 0.

    Raises
    ------
    ValueError
        If an argument has the wrong shape, a value that is not finite, or logvars is missing.

    Warns
    -----
    MetricWarning
        If a factor continuous: more than 20 values with
        fewer than 10 samples each.

    References
    ----------
    Chen et al. 2018, equation 6; Locatello et al. 2019 for the histogram.

    Examples
    --------
    >>> grid = np.indices((4, 4)).reshape(2, -1).T
    >>> mutual_information_matrix(grid.astype(float), grid).round(3).tolist()
    [[1.386, 0.0], [0.0, 1.386]]
    """
    codes, values = check_data(means, factors)
    warn_of_few_samples(values, range(values.shape[1]))
    return information(codes, values, estimator, n_bins, logvars)


@binned
@bootstrapped(0, 1)
def mig(
    means: ArrayLike,
    factors: ArrayLike,
    *,
    estimator: Estimator = "histogram",
    n_bins: int = 20,
    logvars: ArrayLike | None = None,
    exclude: Sequence[int] = (),
) -> float:
    """Return the mutual information gap: (I₁ − I₂) / H(v) averaged over factors.

    Parameters
    ----------
    means, factors, logvars : array_like
        As in `mutual_information_matrix`.
    estimator : {"histogram", "posterior"}
        As in `mutual_information_matrix`.
    n_bins : int
        Bins of the histogram estimator.
    exclude : sequence of int
        Columns of factors left out of the mean. Chen et al. leave out shape: its three values have
        no order that one latent could follow.

    Returns
    -------
    float
        In [0, 1]; higher is better. 20 bins cannot resolve 32 or 40 values: by the histogram a
        perfect dSprites code scores below 0.9.

    Raises
    ------
    ValueError
        If an argument is malformed, or no factor is left that varies.

    Warns
    -----
    MetricWarning
        If a factor is constant (it is left out of the mean), or continuous: more than 20
        values with fewer than 10 samples each.

    Notes
    -----
    Detail: `per_factor`, the normalised gaps of the factors in the mean.

    References
    ----------
    Chen et al. 2018, equation 7.

    Examples
    --------
    >>> grid = np.indices((4, 4)).reshape(2, -1).T
    >>> mig(grid.astype(float), grid)
    1.0
    """
    matrix, entropies = information_and_entropies(
        means, factors, estimator=estimator, n_bins=n_bins, logvars=logvars, exclude=exclude
    )
    gaps = np.clip(gap(matrix, axis=0) / entropies, 0, 1)
    record(per_factor=gaps)
    return float(gaps.mean())


INFO = MetricInfo(
    mig,
    title="MIG",
    higher_is_better=True,
    range=(0, 1),
    requires=("means", "factors"),
    invariances=("sample_order", "latent_order", "sign", "scale", "relabelling"),
    reference="Chen et al. 2018",
    description="Mutual information gap between the two latents that know most of a factor, over "
    "the factor's entropy.",
    cost="histogram N·D·K; posterior N·D·K + D·values·grid",
    variants=(
        ("histogram", (("estimator", "histogram"),)),
        ("posterior", (("estimator", "posterior"),)),
    ),
    parts=(
        Part("histogram", "MIG", "Information is counted in 20 bins of each latent's mean."),
        Part(
            "posterior", "MIG", "Information is that of the aggregate posterior, as by Chen et al."
        ),
    ),
    alternatives=(
        ("histogram of 20 bins", ()),
        ("histogram of 10 bins", (("n_bins", 10),)),
        ("histogram of 40 bins", (("n_bins", 40),)),
        ("aggregate posterior", (("estimator", "posterior"),)),
    ),
)
