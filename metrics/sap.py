"""SAP: how much better the best latent predicts a factor than the second best."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ._bootstrap import bootstrapped
from ._correlation import correlations
from ._detail import record
from ._hinge import accuracy_one_feature, fit_one_feature
from ._info import MetricInfo
from ._scale import bounded_scale
from ._split import split_samples
from ._validation import Floats
from .factor_bins import binned

# Of the support vector machines, as in the literature's code.
_PENALTY = 0.01


@binned
@bootstrapped(0, 1)
def sap_score(
    means: ArrayLike,
    factors: ArrayLike,
    *,
    continuous: bool = False,
    standardise: bool = True,
    test_means: ArrayLike | None = None,
    test_factors: ArrayLike | None = None,
    random_state: int | np.random.Generator = 0,
) -> float:
    """Return the separated attribute predictability: a gap of accuracies, mean over factors.

    Per latent and factor a linear support vector machine (squared hinge, C = 0.01, balanced
    classes, one class against the rest) predicts the factor from that one latent; the gap is
    between the two latents of best held-out accuracy.

    Parameters
    ----------
    means : array_like
        (n_samples, n_latents) codes.
    factors : array_like
        (n_samples, n_factors) integer factors.
    continuous : bool
        Take the squared correlation of latent and factor for the accuracy, over all samples,
        without a split.
    standardise : bool
        Standardise latents by the training samples. Without, as in the literature, the score
        depends on the scale of the codes, because the machines are regularised.
    test_means, test_factors : array_like, optional
        Samples to judge the predictors on; by default a random third, at most 5,000, and the
        predictors are fitted on at most 10,000 of the rest.
    random_state : int or Generator
        Source of the split.

    Returns
    -------
    float
        In [0, 1]; higher is better. One line cannot tell many ordered values apart, so even the
        true factors score far below 1: about 0.25 on dSprites.

    Raises
    ------
    ValueError
        If an argument is malformed, no factor varies, or, unless `continuous`, there are fewer than
        two samples for each value of the largest factor.

    Warns
    -----
    MetricWarning
        If a factor is constant; it is left out of the mean.

    Notes
    -----
    The machines are solved exactly and not by the literature's randomised coordinate descent. A
    code on the edge between classes is predicted as each of them, in equal parts.
    With one latent the gap is to 0. A constant latent has the accuracy of a constant guess, or the
    correlation 0.

    Detail: `per_factor`, the gaps; `scores`, the (n_latents, n_factors) accuracies or squared
    correlations.

    References
    ----------
    Kumar et al. 2018, section 3; C and balanced classes after Locatello et al. 2019.

    Examples
    --------
    >>> grid = np.indices((2, 2, 10)).reshape(3, -1).T[:, :2]
    >>> sap_score(grid.astype(float), grid, continuous=True)
    1.0
    """
    if continuous:
        scores = correlations(means, factors) ** 2
    else:
        scores = _accuracies(means, factors, standardise, test_means, test_factors, random_state)
    # With one latent the gap is to a second that knows nothing.
    ranked = np.sort(np.vstack([scores, np.zeros((1, scores.shape[1]))]), axis=0)
    gaps = ranked[-1] - ranked[-2]
    record(per_factor=gaps, scores=scores)
    return float(gaps.mean())


def _accuracies(
    means: ArrayLike,
    factors: ArrayLike,
    standardise: bool,
    test_means: ArrayLike | None,
    test_factors: ArrayLike | None,
    random_state: int | np.random.Generator,
) -> Floats:
    """Return (n_latents, n_factors) held-out accuracies of predictors on one latent."""
    parts = split_samples(means, factors, test_means, test_factors, random_state)
    if standardise:
        train, test = parts.standardised()
    else:
        both = bounded_scale(np.concatenate([parts.codes, parts.test_codes]))
        train, test = np.split(both, [len(parts.codes)])
    accuracies = np.empty((train.shape[1], parts.n_factors))
    for k in range(parts.n_factors):
        labels, truth = parts.values[:, k], parts.test_values[:, k]
        if (labels == labels[0]).all():
            accuracies[:, k] = (truth == labels[0]).mean()
            continue
        for j, (feature, unseen) in enumerate(zip(train.T, test.T, strict=True)):
            machine = fit_one_feature(feature, labels, _PENALTY)
            accuracies[j, k] = accuracy_one_feature(unseen, truth, *machine)
    return accuracies


INFO = MetricInfo(
    sap_score,
    title="SAP score",
    higher_is_better=True,
    range=(0, 1),
    requires=("means", "factors"),
    invariances=("latent_order", "sign", "scale"),
    reference="Kumar et al. 2018",
    description="Gap in accuracy between the two latents that predict a factor best, each by a "
    "linear classifier of its own; far below 1 even for the true factors.",
    cost="N log N · D · K",
    alternatives=(
        ("accuracy, latents standardised", ()),
        ("accuracy, latents as they are", (("standardise", False),)),
        ("squared correlation", (("continuous", True),)),
    ),
)
