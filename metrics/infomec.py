"""InfoMEC: modularity, explicitness and compactness, all in shares of a factor's entropy."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ._detail import record
from ._imports import imported
from ._info import MetricInfo, Part
from ._information import entropy, factor_entropies, histogram_information
from ._logistic import Softmax, with_constant
from ._matrix import check_bins
from ._scale import common_scale, unit_scale
from ._split import split_samples
from ._threads import one_thread
from ._validation import (
    Floats,
    Ints,
    MetricWarning,
    check_data,
    check_threshold,
    columns_of,
    generator,
    varying_factors,
    warn_of_few_samples,
)
from .factor_bins import binned

# What the authors' code does: neighbours of the estimator, iterations of the predictor.
_NEIGHBOURS, _ITERATIONS = 10, 100
# Least probability that a predictor is charged for.
_IMPOSSIBLE = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class InfoMEC:
    """Modularity, explicitness and compactness.

    Attributes
    ----------
    infom : float
        How much a latent's information is about one factor.
    infoe : float
        How much of the factors a linear predictor reads from the code.
    infoc : float
        How much of the information about a factor is in one latent.
    """

    infom: float
    infoe: float
    infoc: float


@binned
def infomec(
    means: ArrayLike,
    factors: ArrayLike,
    *,
    estimator: Literal["histogram", "knn"] = "histogram",
    n_bins: int = 20,
    prune_below: float = 0.05,
    test_means: ArrayLike | None = None,
    test_factors: ArrayLike | None = None,
    random_state: int | np.random.Generator = 0,
) -> InfoMEC:
    """Return InfoM, InfoE and InfoC.

    Mutual information over the entropy of the factor makes a matrix, of the latents that are
    active. InfoM is the largest share in each latent's row of the row's sum, InfoC in each factor's
    column; both are rescaled so that equal shares are 0. InfoE is the predictive information of a
    multinomial logistic regression, over the entropy of the factor.

    Parameters
    ----------
    means : array_like
        (n_samples, n_latents) codes.
    factors : array_like
        (n_samples, n_factors) integer factors.
    estimator : {"histogram", "knn"}
        Of mutual information: equal-width bins with Miller and Madow's correction, deterministic;
        or the ten nearest neighbours, the literature's, with seeded jitter.
    n_bins : int
        Bins of the histogram estimator.
    prune_below : float
        A latent is active if its range exceeds this share of the largest range.
    test_means, test_factors : array_like, optional
        What the predictor is judged on; else a random third of the samples, 5,000 at most.
    random_state : int or Generator
        Source of the split and of the jitter.

    Returns
    -------
    InfoMEC
        Each in [0, 1]; higher is better. All 0 if all latents are constant.

    Raises
    ------
    ValueError
        If an argument is malformed, no factor varies, or there are too few samples for a split.

    Warns
    -----
    MetricWarning
        If a factor is constant (it is left out), or continuous: more than 20 values with
        fewer than 10 samples each.

    Notes
    -----
    Detail: `per_factor`, the explicitness of each factor; `per_latent`, the modularity of each
    latent, 0 where it is not active; `information`, the matrix of all latents.

    Variant: the authors estimate by nearest neighbours with unseeded jitter, and judge the
    predictor, with classes weighted alike, on the samples it was fitted on. Here the default
    estimator has no chance in it, and the predictor is judged on held-out samples, against the
    entropy of the factor there. A row or column without information counts 0, and with one latent
    or factor alone its share is 1.

    The predictor is stopped after 100 iterations, as in the authors' code. Where it would go on (a
    factor that a plane separates has no best one) rounding shows: `infoe` is within 1e-5 of that of
    scikit-learn's fit there, and within 1e-8 elsewhere.

    References
    ----------
    Hsu et al. 2023, "Disentanglement via Latent Quantization", on InfoMEC.

    Examples
    --------
    >>> grid = np.indices((4, 4, 10)).reshape(3, -1).T[:, :2]
    >>> score = infomec(grid.astype(float), grid)
    >>> score.infom, round(score.infoe, 1), score.infoc
    (1.0, 1.0, 1.0)
    """
    codes, values = check_data(means, factors)
    check_threshold(prune_below, "prune_below")
    check_bins(n_bins)
    rng = generator(random_state)
    with warnings.catch_warnings():
        # The matrix below speaks of constant factors.
        warnings.simplefilter("ignore", MetricWarning)
        split = split_samples(means, factors, test_means, test_factors, rng)
    varying = varying_factors(values)
    warn_of_few_samples(values, varying)
    values = columns_of(values, varying)
    if estimator == "histogram":
        matrix, _ = histogram_information(codes, values, n_bins, corrected=True)
    elif estimator == "knn":
        matrix = _neighbour_information(unit_scale(codes), values, rng)
    else:
        raise ValueError(f"estimator must be 'histogram' or 'knn', not {estimator!r}")
    matrix = np.clip(matrix / factor_entropies(values), 0, 1)
    ranges = np.ptp(common_scale(codes), axis=0)
    active = ranges > prune_below * ranges.max()
    if not active.any():
        record(per_factor=np.zeros(values.shape[1]), information=matrix)
        return InfoMEC(0.0, 0.0, 0.0)
    modularities = _concentration(matrix[active])
    train, test = map(with_constant, split.standardised())
    columns = zip(split.values.T, split.test_values.T, strict=True)
    with one_thread():
        explicit = np.array([_explicitness(train, test, *column) for column in columns])
    per_latent = np.zeros(len(matrix))
    per_latent[active] = modularities
    record(per_factor=explicit, per_latent=per_latent, information=matrix)
    compactnesses = _concentration(matrix[active].T)
    return InfoMEC(float(modularities.mean()), float(explicit.mean()), float(compactnesses.mean()))


def _concentration(shares: Floats) -> Floats:
    """Return the largest entry of each row over its sum, rescaled so that equal entries are 0."""
    n = shares.shape[1]
    total = shares.sum(1)
    largest = np.where(total > 0, shares.max(1) / np.where(total > 0, total, 1), 1 / n)
    if n == 1:
        return np.where(total > 0, 1.0, 0.0)
    scores: Floats = (largest - 1 / n) / (1 - 1 / n)
    return scores


def _neighbour_information(codes: Floats, values: Ints, rng: np.random.Generator) -> Floats:
    """Return the (n_latents, n_factors) mutual information by nearest neighbours."""
    estimate = imported("sklearn.feature_selection").mutual_info_classif
    seed = int(rng.integers(2**31))
    columns = [
        estimate(codes, column, discrete_features=False, n_neighbors=_NEIGHBOURS, random_state=seed)
        for column in values.T
    ]
    return np.stack(columns, axis=1)


def _explicitness(train: Floats, test: Floats, labels: Ints, test_labels: Ints) -> float:
    """Return the predictive information of a linear classifier over the factor's entropy."""
    known = entropy(np.bincount(test_labels))
    if known == 0 or len(np.unique(labels)) < 2:
        return 0.0
    classes, labels = np.unique(labels, return_inverse=True)
    problem = Softmax(train, labels, len(classes))
    # No penalty, so a separable factor has no best classifier: the iterations end the fit. What
    # ends it otherwise is as in scikit-learn's logistic regression, which the authors' code fits.
    stop = {"maxiter": _ITERATIONS, "gtol": 1e-4, "ftol": 64 * np.finfo(np.float64).eps}
    fitted = imported("scipy.optimize").minimize(
        problem.loss_and_gradient,
        np.zeros(problem.n_free * len(train)),
        method="L-BFGS-B",
        jac=True,
        options={**stop, "maxls": 50},
    )
    probabilities = np.zeros((int(max(classes.max(), test_labels.max())) + 1, len(test_labels)))
    probabilities[classes] = problem.probabilities(fitted.x, test)
    charged = probabilities[test_labels, np.arange(len(test_labels))]
    loss = float(-np.log(np.maximum(charged, _IMPOSSIBLE)).mean())
    return max(0.0, 1 - loss / known)


INFO = MetricInfo(
    infomec,
    title="InfoMEC",
    higher_is_better=True,
    range=(0, 1),
    requires=("means", "factors"),
    invariances=("sign", "scale"),
    reference="Hsu et al. 2023",
    description="Modularity (a latent knows one factor), explicitness (a linear predictor reads "
    "the factors) and compactness (a factor is in one latent), in shares of entropy.",
    cost="N·D·K; the predictor 10,000·D·values at most",
    outputs=("infom", "infoe", "infoc"),
    parts=(
        Part("infom", "InfoMEC modularity", "This part, InfoM: each latent knows one factor."),
        Part(
            "infoe", "InfoMEC explicitness", "This part, InfoE: a linear predictor reads factors."
        ),
        Part("infoc", "InfoMEC compactness", "This part, InfoC: each factor is in one latent."),
    ),
    alternatives=(
        ("histogram, corrected for bias", ()),
        ("nearest neighbours", (("estimator", "knn"),)),
    ),
)
