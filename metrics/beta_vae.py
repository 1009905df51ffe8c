"""The β-VAE score: whether a linear classifier can tell which factor two images share."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import ArrayLike

from ._bootstrap import bootstrapped
from ._detail import record
from ._imports import imported
from ._info import MetricInfo
from ._logistic import logistic_regression
from ._sampling import check_counts, draw_sharing, labelled_points, recall, shared_factors
from ._scale import bounded_scale
from ._validation import Floats, Ints, MetricWarning, check_data, generator
from .factor_bins import binned


@binned
@bootstrapped(0, 1)
def beta_vae_score(
    means: ArrayLike,
    factors: ArrayLike,
    *,
    n_pairs: int = 64,
    n_train: int = 10_000,
    n_test: int = 5_000,
    random_state: int | np.random.Generator = 0,
) -> float:
    """Return the β-VAE score.

    For every point a factor is drawn, then `n_pairs` pairs of samples that share the value of that
    factor; the feature is the mean of |μ₁ − μ₂| over the pairs. A linear classifier predicts the
    factor.

    Parameters
    ----------
    means : array_like
        (n_samples, n_latents) codes.
    factors : array_like
        (n_samples, n_factors) integer factors.
    n_pairs, n_train, n_test : int
        Pairs a point, points the classifier is fitted on, points it is judged on.
    random_state : int or Generator
        Source of the pairs.

    Returns
    -------
    float
        Accuracy in [0, 1]; chance is 1 / n_factors; higher is better. It saturates: 1.0 for most
        imperfect codes.

    Raises
    ------
    ValueError
        If an argument has the wrong shape, or a value that is not finite, fewer than two factors
        vary, or there are fewer than two samples for each value of the largest factor.

    Warns
    -----
    MetricWarning
        If a factor is constant, or a value has one sample; they are never drawn.

    Notes
    -----
    The classifier is one multinomial logistic regression, L2 penalty with C = 1 and a free
    intercept, on features as they are: not free of scale, because it is regularised. That is the
    optimum that scikit-learn's default (lbfgs) approaches since its version 0.22; here it is found
    by Newton's method, which also gets there where latents are large. The study of 2019 ran older
    defaults (one-versus-rest, penalised intercept).

    Detail: `per_factor`, the accuracy on the points of each factor.

    References
    ----------
    Higgins et al. 2017, section 3; protocol of Locatello et al. 2019.

    Examples
    --------
    >>> grid = np.indices((8, 8)).reshape(2, -1).T
    >>> beta_vae_score(grid.astype(float), grid, n_train=500, n_test=500)
    1.0
    """
    codes, values = check_data(means, factors)
    check_counts(n_pairs=n_pairs, n_train=n_train, n_test=n_test)
    varying = shared_factors(values)
    codes = bounded_scale(codes)
    rng = generator(random_state)
    points = np.empty((n_train + n_test, codes.shape[1]))
    labels, chunks = labelled_points(len(points), len(varying), 2 * n_pairs, rng)
    for label, rows in chunks:
        first, second = draw_sharing(values[:, varying[label]], len(rows) * n_pairs, 2, rng)
        for j, code in enumerate(codes.T):
            difference = np.abs(code[first] - code[second])
            points[rows, j] = difference.reshape(len(rows), n_pairs).mean(1)
    predicted = _classify(points[:n_train], labels[:n_train], points[n_train:])
    right = predicted == labels[n_train:]
    record(per_factor=recall(right, labels[n_train:], len(varying)))
    return float(right.mean())


def _classify(train: Floats, labels: Ints, test: Floats) -> Ints:
    """Return the labels that a multinomial logistic regression predicts for the test points."""
    if (labels == labels[0]).all():
        return np.full(len(test), labels[0])
    classifier = logistic_regression()
    not_converged = imported("sklearn.exceptions").ConvergenceWarning
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        classifier.fit(train, labels)
    if any(issubclass(found.category, not_converged) for found in caught):
        warnings.warn("the classifier did not converge", MetricWarning, stacklevel=4)
    predicted: Ints = classifier.predict(test)
    return predicted


INFO = MetricInfo(
    beta_vae_score,
    title="β-VAE score",
    higher_is_better=True,
    range=(0, 1),
    requires=("means", "factors"),
    invariances=("sign", "relabelling"),
    reference="Higgins et al. 2017",
    description="Accuracy of a linear classifier that tells which factor pairs of images share; "
    "chance is 1 / factors; saturates early.",
    cost="points · pairs · D, whatever N",
)
