"""The FactorVAE score: whether the latent that varies least tells which factor is fixed."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import ArrayLike

from ._bootstrap import bootstrapped
from ._detail import record
from ._info import MetricInfo
from ._prune import pruned
from ._sampling import check_counts, draw_sharing, labelled_points, recall, shared_factors
from ._ties import tie_of
from ._validation import Floats, MetricWarning, check_data, generator
from .factor_bins import binned


@binned
@bootstrapped(0, 1)
def factor_vae_score(
    means: ArrayLike,
    factors: ArrayLike,
    *,
    batch_size: int = 64,
    n_train: int = 10_000,
    n_test: int = 5_000,
    prune_below: float = 0.05,
    absolute: bool = False,
    random_state: int | np.random.Generator = 0,
) -> float:
    """Return the FactorVAE score.

    For every vote a factor is drawn, then a batch of samples that share the value of that factor;
    the vote is the latent of least variance, each latent scaled by its standard deviation over
    all samples. A majority-vote classifier predicts the factor from the latent. Latents whose least
    variance is equal but for rounding share a vote, and factors of equally many votes a prediction.

    Parameters
    ----------
    means : array_like
        (n_samples, n_latents) codes.
    factors : array_like
        (n_samples, n_factors) integer factors.
    batch_size, n_train, n_test : int
        Samples a vote, votes the classifier counts, votes it is judged on.
    prune_below : float
        Latents with a standard deviation below this share of the largest have no vote.
    absolute : bool
        Compare the standard deviation with `prune_below` itself, as in the literature; then the
        score depends on the scale of the codes.
    random_state : int or Generator
        Source of the batches.

    Returns
    -------
    float
        Accuracy in [0, 1]; chance is 1 / n_factors; higher is better.

    Raises
    ------
    ValueError
        If an argument has the wrong shape, or a value that is not finite, fewer than two factors
        vary, or there are fewer than two samples for each value of the largest factor.

    Warns
    -----
    MetricWarning
        If a factor is constant or a value has one sample (they are never drawn), or no latent is
        left to vote: the score is chance then.

    Notes
    -----
    A constant latent never votes, also with `prune_below=0`. Code of the literature prunes nothing
    by default and takes the least of 0 / 0 for a dead latent's vote: a perfect code with dead
    latents scores near chance there. With two factors turned by 45 degrees both latents vary
    equally, whichever of the factors is fixed: there rounding or the order of latents has the vote.
    Here equal is within 1e-9 of the least variance, within 8e-6 for codes in single precision.

    Detail: `per_factor`, the accuracy on the votes of each factor; `per_latent`, the share of
    the training votes that each latent gets.

    References
    ----------
    Kim & Mnih 2018, section 4 and appendix A; protocol of Locatello et al. 2019.

    Examples
    --------
    >>> grid = np.indices((8, 8)).reshape(2, -1).T
    >>> factor_vae_score(grid.astype(float), grid, n_train=500, n_test=500)
    1.0
    """
    codes, values = check_data(means, factors)
    check_counts(n_train=n_train, n_test=n_test)
    if batch_size < 2:
        raise ValueError(f"batch_size must be at least 2, to have a variance, not {batch_size}")
    varying = shared_factors(values)
    active, unit, deviations = pruned(codes, prune_below, absolute=absolute)
    if not len(active):
        warnings.warn("no latent is left to vote: the score is chance", MetricWarning, stacklevel=2)
        record(
            per_factor=np.full(len(varying), 1 / len(varying)), per_latent=np.zeros(codes.shape[1])
        )
        return 1 / len(varying)
    scaled = unit / deviations
    rng = generator(random_state)
    votes = np.empty((n_train + n_test, len(active)))
    labels, chunks = labelled_points(len(votes), len(varying), batch_size, rng)
    for label, rows in chunks:
        batches = draw_sharing(values[:, varying[label]], len(rows), batch_size, rng)
        votes[rows] = _shares([_variance(code[batches]) for code in scaled.T], tie_of(means)).T
    train, test = labels[:n_train], labels[n_train:]
    counts = np.stack([votes[:n_train][train == k].sum(0) for k in range(len(varying))])
    # Shares of votes add up to whole numbers but for rounding.
    majority = counts > counts.max(0) - 1e-6
    right = (votes[n_train:] * (majority / majority.sum(0))[test]).sum(1)
    per_latent = np.zeros(codes.shape[1])
    per_latent[active] = counts.sum(0) / n_train
    record(per_factor=recall(right, test, len(varying)), per_latent=per_latent)
    return min(float(right.mean()), 1.0)


def _shares(variances: list[Floats], tie: float) -> Floats:
    """Return the (n_latents, n_votes) part of each vote that a latent gets."""
    table = np.stack(variances)
    # Deviations below this part of a latent's own are rounding, and its variance is 0.
    least = table <= table.min(0) * (1 + tie) + tie**2
    shares: Floats = least / least.sum(0)
    return shares


def _variance(batches: Floats) -> Floats:
    """Return the variance of each column; exactly 0 where a batch is constant."""
    # Relative to the first sample, so that equal values cancel without rounding.
    offsets = batches - batches[0]
    deviations = offsets - offsets.mean(0)
    variances: Floats = np.einsum("ij,ij->j", deviations, deviations)
    return variances


INFO = MetricInfo(
    factor_vae_score,
    title="FactorVAE score",
    higher_is_better=True,
    range=(0, 1),
    requires=("means", "factors"),
    invariances=("latent_order", "sign", "scale", "relabelling"),
    reference="Kim & Mnih 2018",
    description="Accuracy of a majority vote that tells which factor a batch shares by the latent "
    "that varies least; chance is 1 / factors.",
    cost="votes · batch · D, whatever N",
    alternatives=(
        ("pruned below 0.05 of the largest standard deviation", ()),
        ("pruned below a standard deviation of 0.05", (("absolute", True),)),
        ("only constant latents pruned", (("prune_below", 0.0),)),
    ),
)
