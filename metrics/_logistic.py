"""Logistic regressions: their optimum, whatever scikit-learn's defaults are.

Metrics fit them by the hundred, to a few thousand samples of a few latents each. Scikit-learn takes
several times as long for these: it checks its input each time, and does not use the processor's
vector units for exponentials. So what is fitted by the hundred is written out here, with its
objectives and its rules of when to stop; tests compare the two.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._imports import imported
from ._validation import Floats, Ints

_TOLERANCE = 1e-4
_MOST_STEPS, _MOST_HALVINGS = 1_000, 20
# A step must gain this share of what the slope promises, or all but rounding.
_GAIN, _ROUNDING = 2.0**-11, 16 * float(np.finfo(np.float64).eps)
# Entries of a table of samples by classes that is worked on at once: it stays in cache.
_ENTRIES = 2**16


def logistic_regression(solver: str = "newton-cholesky", tol: float = _TOLERANCE) -> Any:
    """Return an unfitted logistic regression: L2 penalty with C = 1, free intercept, Newton."""
    regression = imported("sklearn.linear_model").LogisticRegression
    return regression(solver=solver, tol=tol, C=1.0, max_iter=1_000)


def with_constant(features: Floats) -> Floats:
    """Return (n_latents + 1, n_samples) features in rows, the last a constant for intercepts."""
    return np.vstack([features.T, np.ones(len(features))])


def fit_two_classes(rows: Floats, positive: NDArray[np.bool_]) -> Floats:
    """Return the weights of a logistic regression with C = 1, the free intercept last.

    By Newton's method with halved steps, until no entry of the mean loss's gradient is above 1e-4
    and the next step promises no more than that: where scikit-learn's "newton-cholesky" stops.

    Parameters
    ----------
    rows : ndarray
        (n_latents + 1, n_samples), as `with_constant` returns them.
    positive : ndarray
        (n_samples,) whether a sample is of the class, both of which occur.
    """
    signs = np.where(positive, -1.0, 1.0)
    # The penalty of C = 1, over the number of samples as the loss is.
    ridge = np.full(len(rows), 1 / rows.shape[1])
    ridge[-1] = 0
    weights, margins = np.zeros(len(rows)), np.zeros(len(positive))

    def loss_at(weights: Floats, margins: Floats) -> tuple[float, Floats, Floats]:
        """Return the loss, its gradient, and its second derivative by each margin."""
        against = signs * margins
        small = np.exp(-np.abs(against))
        whole = 1 + small
        wrong = np.where(against > 0, 1, small) / whole
        mean = float((np.maximum(against, 0) + np.log(whole)).mean())
        penalty = ridge * weights
        gradient = rows @ (signs * wrong) / len(positive) + penalty
        return mean + float(penalty @ weights) / 2, gradient, small / whole**2

    loss, gradient, slopes = loss_at(weights, margins)
    for _ in range(_MOST_STEPS):
        curvature = (rows * (slopes / len(positive))) @ rows.T + np.diag(ridge)
        step = -np.linalg.solve(curvature, gradient)
        along, promise = step @ rows, float(gradient @ step)
        length, before, size = 1.0, loss, np.abs(gradient).sum()
        for _ in range(_MOST_HALVINGS):
            new, at = weights + length * step, margins + length * along
            loss, gradient, slopes = loss_at(new, at)
            gain = before - loss
            flat = abs(gain) <= _ROUNDING * before and np.abs(gradient).sum() < size
            if flat or gain >= -_GAIN * length * promise:
                break
            length /= 2
        weights, margins = new, at
        if np.abs(gradient).max() <= _TOLERANCE and -promise / 2 <= _TOLERANCE:
            break
    return weights


class Softmax:
    """The mean log loss of a linear classifier of several classes, without a penalty.

    Parameters
    ----------
    rows : ndarray
        (n_latents + 1, n_samples), as `with_constant` returns them.
    labels : ndarray
        (n_samples,) classes, 0 .. n_classes - 1.
    n_classes : int
        How many there are. Of two, the first one's weights are 0, as in scikit-learn.
    """

    def __init__(self, rows: Floats, labels: Ints, n_classes: int) -> None:
        self.n_free = 1 if n_classes == 2 else n_classes
        self._rows, self._labels, self._n_classes = rows, labels, n_classes
        at_once = max(1, _ENTRIES // n_classes)
        self._parts = [slice(k, k + at_once) for k in range(0, len(labels), at_once)]

    def loss_and_gradient(self, weights: Floats) -> tuple[float, Floats]:
        """Return the loss of (n_free, n_latents + 1) weights and its gradient, in their shape."""
        loss, gradient = 0.0, np.zeros((self._n_classes, len(self._rows)))
        for part in self._parts:
            own = self._labels[part], np.arange(len(self._labels[part]))
            table = self._scores(weights, self._rows[:, part])
            loss -= float(table[own].sum())
            np.exp(table, out=table)
            total = table.sum(0)
            loss += float(np.log(total).sum())
            table /= total
            table[own] -= 1
            gradient += table @ self._rows[:, part].T
        free: Floats = gradient[-self.n_free :] / len(self._labels)
        return loss / len(self._labels), free.reshape(weights.shape)

    def probabilities(self, weights: Floats, rows: Floats | None = None) -> Floats:
        """Return the (n_classes, n_samples) probabilities, of new samples where they are given."""
        table = np.exp(self._scores(weights, self._rows if rows is None else rows))
        table /= table.sum(0)
        return table

    def _scores(self, weights: Floats, rows: Floats) -> Floats:
        """Return the scores of all classes, of which the largest of each sample is 0."""
        table = weights.reshape(self.n_free, -1) @ rows
        if self.n_free < self._n_classes:
            table = np.vstack([np.zeros(table.shape[1]), table])
        table -= table.max(0)
        return table
