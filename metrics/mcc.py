"""MCC: the mean correlation of factors and latents, each latent matched with one factor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ._bootstrap import bootstrapped
from ._correlation import correlations
from ._detail import record
from ._imports import imported
from ._info import MetricInfo, Part
from .factor_bins import binned


@binned
@bootstrapped(0, 1)
def mcc(
    means: ArrayLike,
    factors: ArrayLike,
    *,
    correlation: Literal["pearson", "spearman"] = "pearson",
    exclude: Sequence[int] = (),
) -> float:
    """Return the mean correlation coefficient, of nonlinear independent component analysis.

    The absolute correlation of every latent with every factor; each factor is matched with a latent
    of its own so that the sum of their correlations is the largest; the mean over factors.

    Parameters
    ----------
    means : array_like
        (n_samples, n_latents) codes.
    factors : array_like
        (n_samples, n_factors) integer factors, which are taken as they are numbered.
    correlation : {"pearson", "spearman"}
        Of the values, which a linear code has at 1, or of their ranks, which any monotonic one has.
    exclude : sequence of int
        Columns of factors that are left out: those whose numbers are names (shape), or that go
        round (orientation).

    Returns
    -------
    float
        In [0, 1]; higher is better. Noise has the largest of the correlations that chance gives, of
        the order of 1 / √n_samples.

    Raises
    ------
    ValueError
        If an argument is malformed, or no factor is left that varies.

    Warns
    -----
    MetricWarning
        If a factor is constant; it is left out of the mean.

    Notes
    -----
    With fewer latents than factors, those without a latent count as 0. Code of the literature,
    where the numbers are equal, takes the mean over the pairs there are: one latent of one factor
    has 1 there. A constant latent has the correlation 0, where numpy's is NaN; latents that are
    left over cost nothing.

    A correlation sees order. A factor without order (shape) has a score that depends on how its
    values are numbered, and a periodic one (orientation) is in no latent of a perfect code: of an
    angle over the whole circle its sine has 0.78, its cosine 0. Leave them out by `exclude`.

    Matching and correlation are of the same samples, as in the source. Continuous sources need no
    bins here: numbered finely, `np.rint(1000 * source)`, they have their own correlation.

    Detail: `per_factor`, the correlations of the pairs; `matching`, the latent of each factor, -1
    where there is none; `correlations`, the (n_latents, n_factors) absolute ones.

    References
    ----------
    Hyvärinen & Morioka 2016; Khemakhem et al. 2020, whose code matches by linear assignment.

    Examples
    --------
    >>> grid = np.indices((4, 5)).reshape(2, -1).T
    >>> round(mcc(-3.0 * grid[:, ::-1], grid), 6)
    1.0
    >>> round(mcc(np.exp(grid), grid), 2), round(mcc(np.exp(grid), grid, correlation="spearman"), 6)
    (0.91, 1.0)
    """
    if correlation not in ("pearson", "spearman"):
        raise ValueError(f"correlation must be 'pearson' or 'spearman', not {correlation!r}")
    found = correlations(means, factors, exclude=exclude, of_ranks=correlation == "spearman")
    found = np.abs(found)
    latents, matched = imported("scipy.optimize").linear_sum_assignment(found, maximize=True)
    matching = np.full(found.shape[1], -1)
    matching[matched] = latents
    per_factor = np.zeros(found.shape[1])
    per_factor[matched] = found[latents, matched]
    record(per_factor=per_factor, matching=matching, correlations=found)
    return float(per_factor.mean())


INFO = MetricInfo(
    mcc,
    title="MCC",
    higher_is_better=True,
    range=(0, 1),
    requires=("means", "factors"),
    invariances=("sample_order", "latent_order", "sign", "scale"),
    reference="Hyvärinen & Morioka 2016, Khemakhem et al. 2020",
    description="Mean absolute correlation of the factors with latents, each matched with one of "
    "its own; it takes factors as ordered, so shape and orientation keep it low.",
    cost="N log N · (D + K) + N · D · K",
    parts=(
        Part("pearson", "MCC", "Correlation of the values."),
        Part("spearman", "MCC", "Correlation of the ranks."),
    ),
    variants=(
        ("pearson", (("correlation", "pearson"),)),
        ("spearman", (("correlation", "spearman"),)),
    ),
    alternatives=(
        ("Pearson", (("correlation", "pearson"),)),
        ("Spearman", (("correlation", "spearman"),)),
    ),
)
