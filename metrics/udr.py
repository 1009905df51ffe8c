"""UDR: which models of a group are disentangled, by how well they agree; no factors needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ._detail import record
from ._imports import imported
from ._info import MetricInfo
from ._scale import unit_scale
from ._ties import TIE
from ._validation import Floats, check_codes, check_threshold
from .kl import kl_per_dimension

Similarity = Literal["lasso", "spearman"]
# Of the Lasso on standardised codes, as in the authors' code.
_ALPHA = 0.1


def udr(
    list_of_means: Sequence[ArrayLike],
    list_of_logvars: Sequence[ArrayLike],
    *,
    similarity: Similarity = "lasso",
    kl_threshold: float = 0.01,
) -> Floats:
    """Return the unsupervised disentanglement ranking of models, by other seeds of theirs.

    For every ordered pair of models, the matrix R of similarities of their live latents is as
    close to one-to-one as mean(max² / sum), over columns and over rows, and the two averaged. A
    model's score is the median over its partners.

    Parameters
    ----------
    list_of_means, list_of_logvars : sequence of array_like
        Per model (n_samples, n_latents) parameters of the posteriors, of the same samples in the
        same order.
    similarity : {"lasso", "spearman"}
        Absolute coefficients of a Lasso (alpha = 0.1) from the partner's standardised latents to
        the model's, or absolute rank correlations.
    kl_threshold : float
        Latents of a mean KL from the prior of at most so many nats are dead and left out.

    Returns
    -------
    ndarray
        (n_models,) scores in [0, 1]; higher is better; 0 for a model without live latents.

    Raises
    ------
    ValueError
        If there are fewer than two models, an array is malformed, or models differ in samples.

    Notes
    -----
    Deterministic, over all samples. A column or row of R that is 0 counts 0. An agreement above 1,
    from coefficients above 1 where a partner's latents are nearly collinear, counts 1. Latents of a
    partner that are copies of one another share a coefficient equally.

    Detail: `pairwise`, the (n_models, n_models) agreements, row the partner, column the model.

    References
    ----------
    Duan et al. 2020, section 3, equation 2.

    Examples
    --------
    >>> codes = np.indices((6, 6)).reshape(2, -1).T.astype(float)
    >>> udr([codes, -codes[:, ::-1]], [0 * codes, 0 * codes], similarity="spearman").tolist()
    [1.0, 1.0]
    """
    check_threshold(kl_threshold, "kl_threshold")
    live = _live_latents(list_of_means, list_of_logvars, kl_threshold)
    if similarity == "spearman":
        live = [_ranks(codes) for codes in live]
    elif similarity != "lasso":
        raise ValueError(f"similarity must be 'lasso' or 'spearman', not {similarity!r}")
    live = [(codes - codes.mean(0)) / codes.std(0) for codes in live]
    joint = np.hstack(live)
    covariance = joint.T @ joint / len(joint)
    places = np.split(np.arange(joint.shape[1]), np.cumsum([codes.shape[1] for codes in live])[:-1])
    agreement = np.zeros((len(live), len(live)))
    for i, partner in enumerate(places):
        for j, model in enumerate(places):
            if i != j and len(partner) and len(model):
                matrix = np.abs(covariance[np.ix_(partner, model)])
                if similarity == "lasso":
                    both = np.concatenate([partner, model])
                    matrix = _lasso(covariance[np.ix_(both, both)], len(partner))
                agreement[i, j] = min((_one_to_one(matrix) + _one_to_one(matrix.T)) / 2, 1)
    record(pairwise=agreement)
    others = [np.delete(agreement[:, j], j) for j in range(len(live))]
    scores: Floats = np.median(others, axis=1)
    return scores


def _live_latents(
    list_of_means: Sequence[ArrayLike], list_of_logvars: Sequence[ArrayLike], threshold: float
) -> list[Floats]:
    """Return the codes of each model without dead or constant latents."""
    if len(list_of_means) != len(list_of_logvars):
        raise ValueError(
            f"list_of_means has {len(list_of_means)} models, "
            f"list_of_logvars has {len(list_of_logvars)}"
        )
    if len(list_of_means) < 2:
        raise ValueError("list_of_means needs two models, to compare one with another")
    live: list[Floats] = []
    for i, (means, logvars) in enumerate(zip(list_of_means, list_of_logvars, strict=True)):
        codes = check_codes(means, f"list_of_means[{i}]: means")
        if live and len(codes) != len(live[0]):
            raise ValueError(
                f"list_of_means[{i}] has {len(codes)} samples, list_of_means[0] has {len(live[0])}"
            )
        alive = (kl_per_dimension(codes, logvars) > threshold) & (np.ptp(codes, axis=0) > 0)
        live.append(unit_scale(codes[:, alive]))
    return live


def _ranks(codes: Floats) -> Floats:
    """Return the rank of each sample in each latent, equal ones with their mean rank."""
    ranks: Floats = imported("scipy.stats").rankdata(codes, axis=0)
    return ranks


def _lasso(covariance: Floats, n_partner: int) -> Floats:
    """Return (partner's latents, model's latents) absolute coefficients."""
    # A Lasso sees samples by their covariance only: as few rows as there are columns, of the same
    # covariance, have the same coefficients.
    values, vectors = np.linalg.eigh(covariance)
    rows = (vectors * np.sqrt(np.maximum(values, 0) * len(values))).T
    # To the optimum, and not to where the order of latents still shows.
    # It draws a number whether it needs one or not: not from the global state.
    model = imported("sklearn.linear_model").Lasso
    lasso = model(alpha=_ALPHA, fit_intercept=False, tol=1e-12, max_iter=100_000, random_state=0)
    # Of latents that are the same or mirrored there is no one optimum: they share a coefficient.
    twins = np.abs(covariance[:n_partner, :n_partner]) > 1 - TIE
    kept, first = np.unique(twins.argmax(1), return_inverse=True)
    fitted = lasso.fit(rows[:, kept], rows[:, n_partner:])
    coefficients: Floats = np.abs(fitted.coef_.reshape(-1, len(kept))).T
    shares: Floats = coefficients[first] / twins.sum(1)[:, None]
    return shares


def _one_to_one(matrix: Floats) -> float:
    """Return the mean over columns of the greatest entry squared over the sum."""
    total = matrix.sum(0)
    return float((matrix.max(0) ** 2 / np.where(total > 0, total, 1)).mean())


INFO = MetricInfo(
    udr,
    title="UDR",
    higher_is_better=True,
    range=(0, 1),
    requires=("means", "logvars"),
    invariances=("sample_order", "latent_order", "sign"),
    reference="Duan et al. 2020",
    description="Agreement of a model's latents with those of other seeds, one to one; needs no "
    "factors.",
    cost="N · (models · D)²",
    level="group",
    alternatives=(("Lasso", ()), ("Spearman", (("similarity", "spearman"),))),
)
