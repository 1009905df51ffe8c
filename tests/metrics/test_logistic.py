"""Logistic regressions that are written out, against those of scikit-learn."""

import warnings

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from metrics._logistic import Softmax, fit_two_classes, logistic_regression, with_constant

RNG = np.random.default_rng(0)
CODES = RNG.normal(size=(700, 4))
NOISY = CODES @ RNG.normal(size=(4, 5)) + RNG.normal(size=(700, 5))
CLASSES = {
    "several": NOISY.argmax(1),
    "two": (NOISY[:, 0] > 0.5).astype(int),
    "separable": (CODES[:, 0] > 0.3).astype(int),
    "rare": np.arange(700) // 699,
}


@pytest.mark.parametrize("name", CLASSES)
def test_two_classes_are_told_as_by_scikit_learn(name):
    positive = CLASSES[name] == CLASSES[name].max()
    weights = fit_two_classes(with_constant(CODES), positive)
    fitted = logistic_regression().fit(CODES, positive)
    assert weights == pytest.approx([*fitted.coef_[0], *fitted.intercept_], rel=1e-9, abs=1e-9)


def test_features_far_apart_in_scale_end_at_the_optimum():
    # Here whole steps go too far, and are halved.
    codes = 30 * CODES**3
    positive = CLASSES["two"] == 1
    weights = fit_two_classes(with_constant(codes), positive)
    fitted = LogisticRegression(solver="lbfgs", tol=1e-12, max_iter=100_000).fit(codes, positive)
    assert weights == pytest.approx([*fitted.coef_[0], *fitted.intercept_], rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("name", ["several", "two"])
def test_the_loss_of_several_classes_has_the_optimum_of_scikit_learn(name, monkeypatch):
    # More than one chunk.
    monkeypatch.setattr("metrics._logistic._ENTRIES", 1_000)
    labels = CLASSES[name]
    problem = Softmax(with_constant(CODES), labels, labels.max() + 1)
    start = np.zeros(problem.n_free * 5)
    found = minimize(
        problem.loss_and_gradient, start, jac=True, method="BFGS", options={"gtol": 1e-8}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = LogisticRegression(C=np.inf, tol=1e-9, max_iter=10_000).fit(CODES, labels)
    probabilities = problem.probabilities(found.x, with_constant(CODES))
    assert pytest.approx(fitted.predict_proba(CODES), abs=1e-5) == probabilities.T


def test_large_scores_do_not_overflow():
    problem = Softmax(with_constant(CODES), CLASSES["several"], 5)
    loss, gradient = problem.loss_and_gradient(1e6 * RNG.normal(size=(5, 5)))
    assert np.isfinite(loss)
    assert np.isfinite(gradient).all()
    assert gradient.sum(0) == pytest.approx(0, abs=1e-9)
