"""Linear support vector machines on one feature, solved exactly for all classes at once."""

from __future__ import annotations

import numpy as np

from ._validation import Floats, Ints

_TIE = 1e-7
_STEPS = 200
_HALVINGS = 40


def fit_one_feature(feature: Floats, labels: Ints, penalty: float) -> tuple[Ints, Floats, Floats]:
    """Return classes, slopes and intercepts of scikit-learn's LinearSVC with balanced classes.

    Per class c, ½(w² + b²) + Σ C_n max(0, 1 − y_n (w x_n + b))² is minimised, the intercept
    penalised like the slope. One class against the rest weighs its own samples by
    n / (classes · n_c) and the rest by 1, as liblinear does; of two classes there is one problem,
    in which both weigh balanced, and one slope and intercept.

    The loss is piecewise quadratic, and which samples are inside the margin follows from a
    threshold on x: with sums of 1, x and x² over the sorted samples, a step of Newton's method
    costs a search a class, whatever the number of samples.

    Parameters
    ----------
    feature : ndarray
        (n_samples,) values.
    labels : ndarray
        (n_samples,) classes, at least two.
    penalty : float
        C.
    """
    classes, index, counts = np.unique(labels, return_inverse=True, return_counts=True)
    balanced = penalty * len(labels) / (len(classes) * counts)
    if len(classes) == 2:
        problem = _Problem(feature, index, np.array([1]), balanced[1:], balanced[:1])
    else:
        everyone = np.arange(len(classes))
        rest = np.full(len(classes), penalty)
        problem = _Problem(feature, index, everyone, balanced, rest)
    slopes, intercepts = problem.solve()
    return classes, slopes, intercepts


def accuracy_one_feature(
    feature: Floats, truth: Ints, classes: Ints, slopes: Floats, intercepts: Floats
) -> float:
    """Return how often the class of the largest decision value is the true one.

    Classes whose decision values are equal but for rounding share a prediction: codes on the edge
    between two classes are many where they have few different values.
    """
    if len(classes) == 2:
        # One problem decides between two: the other class has the opposite decision.
        slopes, intercepts = np.append(-slopes, slopes), np.append(-intercepts, intercepts)
    problems = list(zip(slopes, intercepts, strict=True))
    best = np.full(len(feature), -np.inf)
    for slope, intercept in problems:
        best = np.maximum(best, slope * feature + intercept)
    size = (np.abs(slopes) * np.sqrt((feature**2).mean()) + np.abs(intercepts)).max()
    # The solver ends within 1e-10 of its first gradient.
    enough = best - _TIE * size
    tied, right = np.zeros(len(feature)), np.zeros(len(feature))
    for label, (slope, intercept) in zip(classes, problems, strict=True):
        won = slope * feature + intercept >= enough
        tied += won
        right += won & (truth == label)
    return float((right / tied).mean())


class _Problem:
    """The problems of some classes against the rest, as functions of sums over sorted samples."""

    def __init__(
        self, feature: Floats, index: Ints, positive: Ints, weight: Floats, rest: Floats
    ) -> None:
        # What is equal adds the same to every sum, in whatever order it stands.
        order = np.argsort(feature)
        self._sorted = feature[order]
        self._sums = _running(self._sorted)
        # Samples by class, then by rank: one ascending key, in which the number of a class's
        # samples among the first ranks is found by bisection.
        self._radix = len(feature) + 1
        keys = index[order] * self._radix + np.arange(len(feature))
        by_class = np.argsort(keys)
        self._keys = keys[by_class]
        self._class_sums = _running(self._sorted[by_class])
        self._positive, self._weight, self._rest_weight = positive, weight, rest
        counts = np.bincount(index)
        end = np.cumsum(counts)[positive]
        self._start = self._class_sums[:, end - counts[positive]]
        self._own = self._class_sums[:, end] - self._start
        self._rest = self._sums[:, -1:] - self._own

    def solve(self) -> tuple[Floats, Floats]:
        """Return slopes and intercepts at the optimum, by Newton's method with halved steps."""
        w, b = np.zeros(len(self._positive)), np.zeros(len(self._positive))
        loss, gradient, hessian = self._evaluate(w, b)
        target = 1e-10 * np.hypot(*gradient)
        for _ in range(_STEPS):
            open_ = np.hypot(*gradient) > target
            if not open_.any():
                break
            (hww, hwb, hbb), (gw, gb) = hessian, gradient
            determinant = hww * hbb - hwb**2
            step_w = np.where(open_, (hwb * gb - hbb * gw) / determinant, 0)
            step_b = np.where(open_, (hwb * gw - hww * gb) / determinant, 0)
            slope = step_w * gw + step_b * gb
            length = np.ones(len(w))
            for _ in range(_HALVINGS):
                new_w, new_b = w + length * step_w, b + length * step_b
                new_loss, gradient, hessian = self._evaluate(new_w, new_b)
                # Rounding of the sums must not halve the last steps away.
                slack = 1e-12 * np.abs(loss)
                worse = new_loss > loss + 1e-4 * length * slope + slack
                if not worse.any():
                    break
                length = np.where(worse, length / 2, length)
            if np.array_equal(new_w, w) and np.array_equal(new_b, b):
                break
            w, b, loss = new_w, new_b, new_loss
        return w, b

    def _evaluate(self, w: Floats, b: Floats) -> tuple[Floats, tuple[Floats, ...], Floats]:
        """Return the loss, its gradient and its second derivatives (ww, wb, bb)."""
        # Inside the margin are own samples below +1 and the others above −1, seen along w.
        own_left, _ = self._left_of(w, 1 - b)
        _, rest_left = self._left_of(w, -1 - b)
        rising = w >= 0
        n, x, xx = self._weight * np.where(rising, own_left, self._own - own_left)
        m, y, yy = self._rest_weight * np.where(rising, self._rest - rest_left, rest_left)
        loss = (
            0.5 * (w**2 + b**2)
            + (1 - b) ** 2 * n
            - 2 * (1 - b) * w * x
            + w**2 * xx
            + (1 + b) ** 2 * m
            + 2 * (1 + b) * w * y
            + w**2 * yy
        )
        gw = w + 2 * (w * (xx + yy) - (1 - b) * x + (1 + b) * y)
        gb = b + 2 * (w * (x + y) - (1 - b) * n + (1 + b) * m)
        hessian = np.stack([1 + 2 * (xx + yy), 2 * (x + y), 1 + 2 * (n + m)])
        return loss, (gw, gb), hessian

    def _left_of(self, w: Floats, level: Floats) -> tuple[Floats, Floats]:
        """Return sums over own and over other samples left of where w x reaches a level."""
        flat = w == 0
        edge = np.where(flat, np.copysign(np.inf, level), level / np.where(flat, 1, w))
        rank = np.searchsorted(self._sorted, edge)
        found = np.searchsorted(self._keys, self._positive * self._radix + rank)
        own = self._class_sums[:, found] - self._start
        return own, self._sums[:, rank] - own


def _running(values: Floats) -> Floats:
    """Return (3, n + 1) sums of 1, x and x² over the first 0 .. n values."""
    sums = np.zeros((3, len(values) + 1))
    np.cumsum([np.ones(len(values)), values, values**2], axis=1, out=sums[:, 1:])
    return sums
