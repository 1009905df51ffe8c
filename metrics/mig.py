"""The mutual information gap and the matrix that it is read from."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ._bootstrap import bootstrapped
from ._detail import record
from ._info import MetricInfo
from ._information import entropy, histogram_information, posterior_information
from ._validation import Floats, check_codes, check_factors, check_logvars, varying_factors

Estimator = Literal["histogram", "posterior"]


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

    References
    ----------
    Chen et al. 2018, equation 6; Locatello et al. 2019 for the histogram.

    Examples
    --------
    >>> grid = np.indices((4, 4)).reshape(2, -1).T
    >>> mutual_information_matrix(grid.astype(float), grid).round(3).tolist()
    [[1.386, 0.0], [0.0, 1.386]]
    """
    codes = check_codes(means)
    values = check_factors(factors, len(codes))
    if estimator == "histogram":
        if n_bins < 2:
            raise ValueError(f"n_bins must be at least 2, not {n_bins}")
        return histogram_information(codes, values, n_bins)
    if estimator != "posterior":
        raise ValueError(f"estimator must be 'histogram' or 'posterior', not {estimator!r}")
    if logvars is None:
        raise ValueError("logvars is needed by estimator='posterior'")
    return posterior_information(codes, check_logvars(logvars, codes), values)


@bootstrapped
def mig(
    means: ArrayLike,
    factors: ArrayLike,
    *,
    estimator: Estimator = "histogram",
    n_bins: int = 20,
    logvars: ArrayLike | None = None,
) -> float:
    """Return the mutual information gap: (I₁ − I₂) / H(v) averaged over factors.

    Parameters
    ----------
    means, factors, estimator, n_bins, logvars
        As in `mutual_information_matrix`.

    Returns
    -------
    float
        In [0, 1]; higher is better. 20 bins cannot resolve 32 or 40 values: by the histogram a
        perfect dSprites code scores below 0.9.

    Raises
    ------
    ValueError
        If an argument is malformed, or no factor varies.

    Warns
    -----
    MetricWarning
        If a factor is constant; it is left out of the mean.

    References
    ----------
    Chen et al. 2018, equation 7.

    Examples
    --------
    >>> grid = np.indices((4, 4)).reshape(2, -1).T
    >>> mig(grid.astype(float), grid)
    1.0
    """
    matrix = mutual_information_matrix(
        means, factors, estimator=estimator, n_bins=n_bins, logvars=logvars
    )
    values = check_factors(factors, len(np.asarray(factors)))
    varying = varying_factors(values)
    entropies = np.array([entropy(np.bincount(values[:, k]).astype(np.float64)) for k in varying])
    # With one latent the gap is to a second that knows nothing.
    ranked = np.sort(np.vstack([matrix, np.zeros((1, matrix.shape[1]))]), axis=0)[::-1]
    gaps = (ranked[0] - ranked[1])[varying] / entropies
    record(per_factor=gaps)
    return float(np.clip(gaps.mean(), 0, 1))


INFO = MetricInfo(
    mig,
    higher_is_better=True,
    range=(0, 1),
    requires=("means", "factors"),
    invariances=("sample_order", "latent_order", "sign", "scale", "relabelling"),
    reference="Chen et al. 2018",
    description="Mutual information gap between the two latents that know most of a factor, over "
    "the factor's entropy.",
    cost="histogram N·D·K; posterior N·D·K and D·values·grid",
    variants=(
        ("histogram", (("estimator", "histogram"),)),
        ("posterior", (("estimator", "posterior"),)),
    ),
)
