"""IRS: how far a latent stays in place while other factors than its own change."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import ArrayLike

from ._bootstrap import bootstrapped
from ._detail import record
from ._info import MetricInfo
from ._sampling import by_label, shared_factors
from ._scale import common_scale
from ._ties import TIE
from ._validation import Floats, Ints, MetricWarning, check_data, warn_of_few_samples
from .factor_bins import binned


@binned
@bootstrapped(0, 1)
def irs(means: ArrayLike, factors: ArrayLike, *, diff_quantile: float = 0.99) -> float:
    """Return the interventional robustness score.

    While a factor keeps its value, all others change; a latent deviates from its mean by at most
    so much (a high quantile), averaged over the values. Relative to the greatest deviation from
    its overall mean, and taken from 1, that is the latent's robustness given the factor. A
    latent counts with its best factor, weighted by its greatest deviation.

    Parameters
    ----------
    means : array_like
        (n_samples, n_latents) codes.
    factors : array_like
        (n_samples, n_factors) integer factors.
    diff_quantile : float
        The quantile of deviations, in (0, 1]; 1 is the paper's maximum.

    Returns
    -------
    float
        In [0, 1]; higher is better. Pure noise does not score 0 where the quantile is below 1: a
        quantile of deviations is less than their maximum.

    Raises
    ------
    ValueError
        If an argument is malformed, no factor varies, or there are fewer than two samples for each
        value of the largest factor.

    Warns
    -----
    MetricWarning
        If a factor is constant or a value has one sample (they are left out), a factor is
        continuous (more than 20 values with fewer than 10 samples each: a few samples hardly
        deviate from their own mean), or all latents are constant: the score is 0 then.

    Notes
    -----
    Constant latents are left out. A skewed latent can deviate further from the mean of a value
    than from its overall mean; its robustness is 0 then, where the literature's goes below. A
    latent counts by its scale: the score is free of a common scale, not of each latent's own.

    Detail: `per_latent`, the robustness of each latent, 0 for a constant one; `per_factor`, the
    share of the weight of the latents whose best factor it is; equally good factors share it.

    References
    ----------
    Suter et al. 2019, section 4; the quantile after Locatello et al. 2019.

    Examples
    --------
    >>> grid = np.indices((8, 8)).reshape(2, -1).T
    >>> irs(grid.astype(float), grid)
    1.0
    """
    codes, values = check_data(means, factors)
    if not 0 < diff_quantile <= 1:
        raise ValueError(f"diff_quantile must be in (0, 1], not {diff_quantile}")
    varying = shared_factors(values, least=1)
    warn_of_few_samples(values, varying)
    codes = common_scale(codes)
    robustness, shares = np.zeros(codes.shape[1]), np.zeros(len(varying))
    alive = np.flatnonzero(np.ptp(codes, axis=0) > 0)
    if len(alive):
        active = codes[:, alive]
        greatest = np.abs(active - active.mean(0)).max(0)
        kept = [_deviation(active, values[:, k], diff_quantile) / greatest for k in varying]
        robustness[alive] = np.clip(1 - np.min(kept, axis=0), 0, 1)
        weights = greatest / greatest.sum()
        best = kept <= np.min(kept, axis=0) + TIE
        shares = best / best.sum(0) @ weights
        score = min(float(weights @ robustness[alive]), 1.0)
    else:
        warnings.warn("all latents are constant: the score is 0", MetricWarning, stacklevel=2)
        score = 0.0
    record(per_latent=robustness, per_factor=shares)
    return score


def _deviation(codes: Floats, values: Ints, quantile: float) -> Floats:
    """Return the quantile of each latent's deviations from its mean per value, mean over values.

    A sample that is alone with its value does not deviate from itself, which says nothing.
    """
    order = by_label(values)
    groups = np.split(codes[order], np.cumsum(np.bincount(values))[:-1])
    several = [np.abs(group - group.mean(0)) for group in groups if len(group) > 1]
    deviations: Floats = np.mean(
        [np.quantile(group, quantile, axis=0) for group in several], axis=0
    )
    return deviations


INFO = MetricInfo(
    irs,
    title="IRS",
    higher_is_better=True,
    range=(0, 1),
    requires=("means", "factors"),
    invariances=("sample_order", "latent_order", "sign", "scale", "relabelling"),
    reference="Suter et al. 2019",
    description="How far a latent stays in place while all factors but its own change.",
    cost="N log N · D · K",
    alternatives=(
        ("99% quantile of deviations", ()),
        ("greatest deviation", (("diff_quantile", 1.0),)),
    ),
)
