"""The β-VAE score: whether a linear classifier can tell which factor two images share."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ._bootstrap import bootstrapped
from ._info import MetricInfo
from ._validation import Floats, Ints, check_data, generator

# Pairs drawn at a time: bounds memory at any n_train.
_POINTS = 2_000


@bootstrapped
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
    factor; the feature is the mean of |μ₁ − μ₂| over the pairs. A logistic regression predicts the
    factor. Not free of scale: the classifier is regularised.

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
        Accuracy in [0, 1]; chance is 1 / n_factors; higher is better.

    Raises
    ------
    ValueError
        If an argument has the wrong shape, or a value that is not finite, or there is one factor.

    References
    ----------
    Higgins et al. 2017, section 3; protocol of Locatello et al. 2019.

    Examples
    --------
    >>> grid = np.indices((8, 8)).reshape(2, -1).T
    >>> beta_vae_score(grid.astype(float), grid, n_train=500, n_test=500)
    1.0
    """
    from sklearn.linear_model import LogisticRegression

    codes, values = check_data(means, factors)
    varying = np.flatnonzero(values.max(0) > 0)
    if len(varying) < 2:
        raise ValueError("factors needs two factors that vary, to tell one from another")
    rng = generator(random_state)
    labels = rng.integers(len(varying), size=n_train + n_test)
    points = np.empty((len(labels), codes.shape[1]))
    for position, factor in enumerate(varying):
        rows = np.flatnonzero(labels == position)
        for start in range(0, len(rows), _POINTS):
            chunk = rows[start : start + _POINTS]
            points[chunk] = _differences(codes, values[:, factor], len(chunk), n_pairs, rng)
    classifier = LogisticRegression(solver="lbfgs", C=1.0, max_iter=1_000)
    classifier.fit(points[:n_train], labels[:n_train])
    return float(classifier.score(points[n_train:], labels[n_train:]))


def _differences(
    codes: Floats, values: Ints, n_points: int, n_pairs: int, rng: np.random.Generator
) -> Floats:
    """Return (n_points, n_latents) mean absolute differences over pairs that share a value."""
    order = np.argsort(values, kind="stable")
    counts = np.bincount(values)
    starts = np.cumsum(counts) - counts
    shared = rng.integers(len(counts), size=(n_points, n_pairs))
    first, second = (order[starts[shared] + rng.integers(counts[shared])] for _ in range(2))
    differences: Floats = np.abs(codes[first] - codes[second]).mean(1)
    return differences


INFO = MetricInfo(
    beta_vae_score,
    higher_is_better=True,
    range=(0, 1),
    requires=("means", "factors"),
    invariances=("sign", "relabelling"),
    reference="Higgins et al. 2017",
    description="Accuracy of a linear classifier that tells which factor pairs of images share; "
    "chance is 1 / factors; saturates early.",
    cost="points · pairs · D, whatever N",
)
