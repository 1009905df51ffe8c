"""Explicitness: whether the factors can be read off the code linearly."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ._bootstrap import bootstrapped
from ._detail import record
from ._info import MetricInfo
from ._split import split_samples
from ._validation import Floats, Ints


@bootstrapped(0, 1)
def explicitness(
    means: ArrayLike,
    factors: ArrayLike,
    *,
    test_means: ArrayLike | None = None,
    test_factors: ArrayLike | None = None,
    random_state: int | np.random.Generator = 0,
) -> float:
    """Return the area under the ROC curve of logistic regressions that tell each value.

    For every value of every factor a logistic regression tells, from the whole code, samples that
    have it from those that have not; held-out areas are averaged over values, then over factors.

    Parameters
    ----------
    means : array_like
        (n_samples, n_latents) codes.
    factors : array_like
        (n_samples, n_factors) integer factors.
    test_means, test_factors : array_like, optional
        Samples to judge the predictors on; by default a random third, at most 5,000, and the
        predictors are fitted on at most 10,000 of the rest.
    random_state : int or Generator
        Source of the split.

    Returns
    -------
    float
        In [0, 1]; chance is 0.5, and it is not rescaled to 0; higher is better. The middle one
        of ordered values is on no side of a line, so even the true factors score below 1.

    Raises
    ------
    ValueError
        If an argument is malformed, no factor varies, or there are fewer than two samples for each
        value of the largest factor.

    Warns
    -----
    MetricWarning
        If a factor is constant; it is left out of the mean.

    Notes
    -----
    L2 penalty with C = 1, free intercept, latents standardised by the training samples. Each
    regression ranks by its own decision value, as in the paper; code of the literature ranks by
    probabilities that it has normalised over values. A value that either part lacks is left
    out; a code that is constant has 0.5.

    Detail: `per_factor`, the mean areas of each factor.

    References
    ----------
    Ridgeway & Mozer 2018, section 3.

    Examples
    --------
    >>> grid = np.indices((2, 2, 10)).reshape(3, -1).T[:, :2]
    >>> explicitness(grid.astype(float), grid)
    1.0
    """
    parts = split_samples(means, factors, test_means, test_factors, random_state)
    train, test = parts.standardised()
    columns = zip(parts.values.T, parts.test_values.T, strict=True)
    areas = [_mean_area(train, labels, test, truth) for labels, truth in columns]
    record(per_factor=areas)
    return float(np.mean(areas))


def _mean_area(train: Floats, labels: Ints, test: Floats, truth: Ints) -> float:
    """Return the area under the ROC curve, mean over the values that are in both parts."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    if (labels == labels[0]).all() or (truth == truth[0]).all():
        return 0.5
    areas = []
    for value in np.intersect1d(labels, truth):
        classifier = LogisticRegression(solver="newton-cholesky", C=1.0, max_iter=1_000)
        classifier.fit(train, labels == value)
        areas.append(roc_auc_score(truth == value, classifier.decision_function(test)))
    return float(np.mean(areas)) if areas else 0.5


INFO = MetricInfo(
    explicitness,
    higher_is_better=True,
    range=(0, 1),
    requires=("means", "factors"),
    invariances=("latent_order", "sign", "scale", "relabelling"),
    reference="Ridgeway & Mozer 2018",
    description="Area under the ROC curve of linear classifiers that tell each value of a factor "
    "from the others; chance is 0.5.",
    cost="N · D² · values of the factors",
)
