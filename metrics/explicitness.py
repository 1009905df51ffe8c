"""Explicitness: whether the factors can be read off the code linearly."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._bootstrap import bootstrapped
from ._detail import record
from ._info import MetricInfo
from ._logistic import fit_two_classes, logistic_regression, with_constant
from ._split import split_samples
from ._threads import one_thread
from ._ties import TIE, tied_ranks
from ._validation import Floats, Ints
from .factor_bins import binned

Classifier = Literal["one_versus_rest", "multinomial"]


@binned
@bootstrapped(0, 1)
def explicitness(
    means: ArrayLike,
    factors: ArrayLike,
    *,
    classifier: Classifier = "one_versus_rest",
    test_means: ArrayLike | None = None,
    test_factors: ArrayLike | None = None,
    random_state: int | np.random.Generator = 0,
) -> float:
    """Return the area under the ROC curve of logistic regressions that tell each value.

    For every value of every factor, samples that have it are told from those that have not by the
    whole code; held-out areas are averaged over values, then over factors.

    Parameters
    ----------
    means : array_like
        (n_samples, n_latents) codes.
    factors : array_like
        (n_samples, n_factors) integer factors.
    classifier : {"one_versus_rest", "multinomial"}
        A logistic regression for each value, as in the paper, or one of all values of a factor,
        whose probability of the value ranks the samples: what current implementations compute. Part
        of the score's name.
    test_means, test_factors : array_like, optional
        Samples to judge the predictors on; by default a random third, at most 5,000, and the
        predictors are fitted on at most 10,000 of the rest.
    random_state : int or Generator
        Source of the split.

    Returns
    -------
    float
        In [0, 1]; chance is 0.5, and it is not rescaled to 0; higher is better. By one versus rest
        the middle one of ordered values is on no side of a line, so even the true factors score
        below 1: 0.78 on dSprites, where the multinomial has 0.99.

    Raises
    ------
    ValueError
        If an argument is malformed, no factor varies, there are fewer than two samples for each
        value of the largest factor, or the classifier is unknown.

    Warns
    -----
    MetricWarning
        If a factor is constant; it is left out of the mean.

    Notes
    -----
    L2 penalty with C = 1, free intercept, latents standardised by the training samples. Each
    regression ranks by its own decision value, as in the paper. A value that either part lacks is
    left out; decision values that are equal but for rounding are ties, which count half; a code
    that is constant has 0.5.

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
    if classifier not in _DECISIONS:
        raise ValueError(
            f"classifier must be 'one_versus_rest' or 'multinomial', not {classifier!r}"
        )
    decide = _DECISIONS[classifier]
    rows, unseen = with_constant(train), with_constant(test)
    with one_thread():
        areas = [_mean_area(decide, rows, labels, unseen, truth) for labels, truth in columns]
    record(per_factor=areas)
    return float(np.mean(areas))


def _one_versus_rest(train: Floats, labels: Ints, test: Floats, values: Ints) -> Iterator[Floats]:
    """Yield the decision values of the test samples for each value."""
    for value in values:
        yield fit_two_classes(train, labels == value) @ test


def _multinomial(train: Floats, labels: Ints, test: Floats, values: Ints) -> Iterator[Floats]:
    """Yield the log-odds of each value, in the order of its probabilities but never saturated."""
    # Of forty values, three times as fast as with the whole matrix of second derivatives.
    classifier = logistic_regression(solver="newton-cg", tol=1e-8)
    with warnings.catch_warnings():
        # Where rounding ends the descent before the tolerance does.
        warnings.simplefilter("ignore")
        fitted = classifier.fit(train[:-1].T, labels)
    decisions = fitted.decision_function(test[:-1].T)
    if decisions.ndim == 1:
        decisions = np.stack([np.zeros(test.shape[1]), decisions], axis=1)
    # Of all values but one: of those before it and of those after it.
    none = np.full((len(decisions), 1), -np.inf)
    before = np.logaddexp.accumulate(decisions, axis=1)[:, :-1]
    after = np.logaddexp.accumulate(decisions[:, ::-1], axis=1)[:, -2::-1]
    others = np.logaddexp(np.hstack([none, before]), np.hstack([after, none]))
    yield from (decisions - others)[:, np.searchsorted(fitted.classes_, values)].T


_DECISIONS = {"one_versus_rest": _one_versus_rest, "multinomial": _multinomial}


def _mean_area(
    decide: Callable[[Floats, Ints, Floats, Ints], Iterator[Floats]],
    train: Floats,
    labels: Ints,
    test: Floats,
    truth: Ints,
) -> float:
    """Return the area under the ROC curve, mean over the values that are in both parts."""
    values = np.intersect1d(labels, truth)
    if not len(values) or (labels == labels[0]).all() or (truth == truth[0]).all():
        return 0.5
    decided = zip(values, decide(train, labels, test, values), strict=True)
    return float(np.mean([_area(decisions, truth == value) for value, decisions in decided]))


def _area(decisions: Floats, positive: NDArray[np.bool_]) -> float:
    """Return the share of pairs of a positive and another sample that are in order; ties half."""
    ranks = tied_ranks(decisions, absolute=TIE * np.abs(decisions).max())
    n = np.count_nonzero(positive)
    return float((ranks[positive].sum() - n * (n + 1) / 2) / (n * (len(positive) - n)))


INFO = MetricInfo(
    explicitness,
    title="explicitness",
    higher_is_better=True,
    range=(0, 1),
    requires=("means", "factors"),
    invariances=("latent_order", "sign", "scale", "relabelling"),
    reference="Ridgeway & Mozer 2018",
    description="Area under the ROC curve of linear classifiers that tell each value of a factor "
    "from the others; chance is 0.5.",
    cost="N · D² · values of the factors; multinomial N · D² · values²",
    alternatives=(
        ("one versus rest", ()),
        ("multinomial", (("classifier", "multinomial"),)),
    ),
)
