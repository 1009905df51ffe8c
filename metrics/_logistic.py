"""The logistic regression of the metrics: its optimum, whatever scikit-learn's defaults are."""

from __future__ import annotations

from typing import Any

from ._imports import imported


def logistic_regression(solver: str = "newton-cholesky", tol: float = 1e-4) -> Any:
    """Return an unfitted logistic regression: L2 penalty with C = 1, free intercept, Newton."""
    regression = imported("sklearn.linear_model").LogisticRegression
    return regression(solver=solver, tol=tol, C=1.0, max_iter=1_000)
