"""Evaluator: scores of a model as often as a training loop asks for them, with nothing stored."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .._siblings import datasets, metrics as known_metrics
from ..errors import CodesError
from ..grid import (
    Evaluation,
    MetricRequest,
    arguments as given,
    check_excluded,
    evaluation_indices,
    metric_requests,
)
from ..scoring import BoundCodes, known_bounds, score_request, total
from .arrays import CodesArrays, check_codes, check_given
from .callables import Encode, as_dataset, as_requests, encode_images
from .scores import SLOW_ABOVE

# What to call codes in errors.
_SOURCE = "Evaluator"
# Images of at most so many bytes are kept from one call to the next; more are read every time.
KEPT_BYTES = 512 * 2**20


class EvaluatorScores(dict[str, float]):
    """Scores of a model, column to value; NaN where there is none.

    What a metric has for each latent is in `per_latent`; of the KL divergence the sum is a score,
    `kl`, in nats per image.

    Attributes
    ----------
    reasons : dict of str to str
        Why there is no value, of every column that is NaN, and of those of `per_latent` that lack.
    warnings : dict of str to list of str
        What metrics warned of, such as few images for each value of a factor.
    per_latent : dict of str to list of float
        Column to a number for each latent.
    intervals : dict of str to (float, float)
        Low and high, of metrics that were asked for with `bootstrap`.
    chance, ceiling : dict of str to float
        What codes that know nothing get on these images, and perfect ones; of the columns where a
        higher value is better.
    """

    def __init__(self, chance: dict[str, float], ceiling: dict[str, float]) -> None:
        super().__init__()
        self.chance = chance
        self.ceiling = ceiling
        self.reasons: dict[str, str] = {}
        self.warnings: dict[str, list[str]] = {}
        self.per_latent: dict[str, list[float]] = {}
        self.intervals: dict[str, tuple[float, float]] = {}

    def add(self, entry: dict[str, Any], *, per_latent: bool) -> None:
        """Add what a metric gave for a column; the columns do not depend on whether it could."""
        column, value, reason = entry["column"], entry["value"], entry["reason"]
        summed = column == "kl_per_dimension"
        if value is not None and per_latent:
            self.per_latent[column] = value
        if summed:
            column, value = "kl", total(value)
            reason = reason or "the sum over latents is infinite"
        if summed or not per_latent:
            self[column] = math.nan if value is None else float(value)
        warned = entry.get("warnings", [])
        if warned:
            self.warnings[column] = warned
        if value is None or (column in self and math.isnan(self[column])):
            # What a metric warned of says more than that it is undefined.
            self.reasons[column] = "; ".join(warned) or reason or "is undefined here"
        if "low" in entry and "high" in entry:
            self.intervals[column] = entry["low"], entry["high"]


class Evaluator:
    """Scores what encodes images, on the same images at every call.

    The numbers are those of `bench.score` on the same images. Nothing is written, no global random
    state is touched, and nothing is trained. In a training loop put the model into evaluation mode
    first, and return to training mode after.

    Parameters
    ----------
    dataset : str or FactorDataset
        A dataset's name, or a dataset.
    metrics : sequence, optional
        As in a grid: names, mappings of a name and options, or of a name of your own and
        "package.module:function". By default every metric of a single model, but for the slow
        ones: `dci` and `explicitness`.
    images : int or "all"
        How many, drawn without replacement: those that a grid with this `evaluation` is scored on.
    seed : int
        Which images are drawn.
    batch_size : int
        Images a call of `encode`.
    factor_bins : int, optional
        Into how many quantile bins a factor of more values is cut.
    allow_imports : bool
        Whether `metrics` may import functions of your own.

    Raises
    ------
    CodesError
        If a keyword is out of its range, or a metric compares several models.
    GridError
        If a metric or an option is unknown, or a function may not or cannot be imported.

    Notes
    -----
    Images are read at the first call, and up to 512 MiB of them are kept (10,000 of dSprites are
    41 MB). Chance and ceiling are computed at the first call too, as chance depends on the number
    of latents, so it takes several times as long as those after it; they are kept in the cache
    folder, for every later evaluator of the same images. An evaluator can be pickled;
    its images are then read again.

    Examples
    --------
    >>> evaluate = Evaluator("ball", metrics=["mig", "modularity"], images=500)
    >>> def darkness(images):
    ...     return 1 - images.mean(axis=(1, 2, 3))[:, None] / 255, None
    >>> scores = evaluate(darkness)
    >>> sorted(scores)
    ['mig_histogram', 'mig_posterior', 'modularity']
    >>> scores.reasons["mig_posterior"]
    'the run has no logvars'
    >>> bool(scores.chance["modularity"] < scores.ceiling["modularity"])
    True
    """

    def __init__(
        self,
        dataset: str | datasets.FactorDataset,
        *,
        metrics: Sequence[str | dict[str, Any]] | None = None,
        images: int | Literal["all"] = 10_000,
        seed: int = 0,
        batch_size: int = 256,
        factor_bins: int | None = None,
        allow_imports: bool = False,
    ) -> None:
        self.dataset = as_dataset(dataset, _SOURCE)
        self.requests = _requests(metrics, self.dataset, allow_imports)
        chosen = Evaluation(
            images=check_given(_SOURCE, "images", given.images, images),
            seed=check_given(_SOURCE, "seed", given.SEED, seed),
        )
        self.indices = evaluation_indices(chosen, len(self.dataset))
        self.batch_size = check_given(_SOURCE, "batch_size", given.BATCH_SIZE, batch_size)
        self.factor_bins = factor_bins
        if factor_bins is not None:
            self.factor_bins = check_given(_SOURCE, "factor_bins", given.FACTOR_BINS, factor_bins)
        # By number of latents.
        self._bounds: dict[int, tuple[dict[str, float], dict[str, float]]] = {}

    def __call__(self, encode: Encode) -> EvaluatorScores:
        """Return the scores of a model as it is now.

        Parameters
        ----------
        encode : callable
            Takes images, (n, C, H, W) uint8 in 0..255, and returns a pair, (means, logvars), each
            (n, D); logvars, the logarithm of the variance, may be None. Arrays and tensors do,
            also those on a GPU, that want gradients or are of 16 bits.

        Returns
        -------
        EvaluatorScores
            A dict, column to value.

        Raises
        ------
        CodesError
            If what `encode` returns are no codes, such as NaN of a training that diverged.
        """
        if not callable(encode):
            reason = f"must be a callable, not {type(encode).__name__}"
            raise CodesError(_SOURCE, "encode", reason)
        codes = self._codes(encode)
        arrays: dict[str, Any] = {
            "means": codes.means,
            "logvars": codes.logvars,
            "factors": codes.factors,
        }
        with known_metrics.shared():
            entries = [
                (entry, request.info.per_latent)
                for request in self.requests
                for entry in score_request(request, arrays, codes.factor_names)
            ]
        n_latents = codes.means.shape[1]
        if n_latents not in self._bounds:
            columns = [entry["column"] for entry, _ in entries]
            made = BoundCodes(arrays["factors"], n_latents)
            self._bounds[n_latents] = self._measured(made, columns)
        scores = EvaluatorScores(*map(dict, self._bounds[n_latents]))
        for entry, per_latent in entries:
            scores.add(entry, per_latent=per_latent)
        return scores

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: not the images, which are read again."""
        return {key: value for key, value in self.__dict__.items() if key != "_kept"}

    @cached_property
    def _kept(self) -> NDArray[np.uint8] | None:
        """The images, (N, C, H, W); None where they are too many to keep."""
        n_bytes = len(self.indices) * math.prod(self.dataset.image_shape)
        return self.dataset.images(self.indices) if n_bytes <= KEPT_BYTES else None

    def _images(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        # A copy, either way: `encode` may change what it is given.
        if self._kept is None:
            return self.dataset.images(self.indices[rows])
        return self._kept[rows]

    def _codes(self, encode: Encode) -> CodesArrays:
        rows = np.arange(len(self.indices))
        means, logvars = encode_images(encode, self._images, rows, self.batch_size, _SOURCE)
        return check_codes(
            _SOURCE,
            means,
            logvars,
            self.dataset.factors(self.indices),
            factor_names=self.dataset.factor_names,
            factor_bins=self.factor_bins,
        )

    def _measured(
        self, made: BoundCodes, columns: Sequence[str]
    ) -> tuple[dict[str, float], dict[str, float]]:
        """Return chance and ceiling by column, of those that have them."""
        with known_metrics.shared():
            found = [
                bounds
                for request in self.requests
                for bounds in known_bounds(request, made, self.dataset.factor_names)[0]
            ]
        chance, ceiling = (
            {
                column: bounds[name]
                for column, bounds in zip(columns, found, strict=True)
                if bounds.get(name) is not None
            }
            for name in ("chance", "ceiling")
        )
        return chance, ceiling


def _requests(
    metrics: Sequence[str | dict[str, Any]] | None,
    data: datasets.FactorDataset,
    allow_imports: bool,
) -> list[MetricRequest]:
    """Return what to compute; refuse what compares models, or leaves out what is not there."""
    requests = as_requests(metrics, _SOURCE, _SOURCE, allow_imports=allow_imports)
    if requests is None:
        return metric_requests(
            [
                name
                for name, info in known_metrics.METRICS.items()
                if info.level == "run" and name not in SLOW_ABOVE
            ]
        )
    if not requests:
        raise CodesError(_SOURCE, "metrics", "is an empty list; name a metric at least")
    for request in requests:
        if request.info.level == "group":
            reason = f"{request.name} compares several models, and a training loop has one"
            raise CodesError(_SOURCE, "metrics", reason)
    check_excluded(requests, [(data.factor_names, data.factor_sizes)], _SOURCE)
    return requests
