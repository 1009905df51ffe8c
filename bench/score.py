"""Score anyone's codes: disbench score FILE [FILE ...], or `bench.score(encode, data)`.

Codes become ordinary runs of an output folder, with the same tables and the same page. Nothing here
needs torch. Exit codes: 0 when everything is scored, 1 when a score failed, 2 when the input or the
folder cannot be used; those after a signal are in `commands`.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np
import pandas as pd

from ._siblings import datasets
from .commands import command, say
from .errors import CodesError
from .external_codes import (
    CodesArrays,
    Encode,
    ExternalCodes,
    Scores,
    as_callables,
    as_dataset,
    as_requests,
    check_codes,
    check_given,
    check_name,
    dataset_entry,
    default_folder,
    encode_images,
    read_codes,
    score_models,
)
from .grid import (
    DatasetSpec,
    Evaluation,
    arguments as given,
    evaluation_indices,
    is_own,
    metric_requests,
)
from .options.score import parser
from .store import describe


def score(
    encode: Encode | Sequence[Encode],
    dataset: str | datasets.FactorDataset,
    *,
    name: str = "codes",
    metrics: Sequence[str | dict[str, Any]] | None = None,
    evaluation: int | Literal["all"] = "all",
    seed: int = 0,
    batch_size: int = 256,
    factor_bins: int | None = None,
    out: str | Path | None = None,
    allow_imports: bool = False,
) -> Scores:
    """Score what encodes images, whatever it was made with.

    Parameters
    ----------
    encode : callable, or sequence of callables
        Takes images, (n, C, H, W) uint8 in 0..255, and returns a pair, (means, logvars), each
        (n, D); logvars, the logarithm of the variance, may be None. Arrays and tensors do, also
        those on a GPU, that want gradients or are of 16 bits. Several callables are repetitions
        of one model: seeds 0, 1, …
    dataset : str or FactorDataset
        A dataset's name, or a dataset.
    name : str
        What tables call the model.
    metrics : sequence, optional
        As in a grid: names, mappings of a name and options, or of a name of your own and
        "package.module:function". By default every metric, less the slow ones where there are many
        images.
    evaluation : int or "all"
        How many images, drawn without replacement.
    seed : int
        Which images are drawn.
    batch_size : int
        Images a call of `encode`.
    factor_bins : int, optional
        Into how many quantile bins a factor of more values is cut.
    out : str or Path, optional
        An output folder, new or that of a grid: the codes become runs of it, in its tables and on
        its page. Without it nothing is kept.
    allow_imports : bool
        Whether `metrics` may import functions of your own.

    Returns
    -------
    Scores
        `scores` and `details`, as pandas frames, and `report`, the page if there is one.

    Raises
    ------
    CodesError
        If what `encode` returns are no codes, a number is out of its range, or the folder has
        other codes of that name.
    GridError
        If a metric or an option is unknown, or a function may not or cannot be imported.
    StoreError
        If the folder cannot be used.

    Examples
    --------
    >>> def darkness(images):
    ...     return 1 - images.mean(axis=(1, 2, 3))[:, None] / 255, None
    >>> found = score(darkness, "ball", metrics=["mig", "modularity"], evaluation=500)
    >>> found.scores.set_index("metric").loc["mig_posterior", "reason"]
    'the run has no logvars'
    """
    check_name("codes of", name, "name")
    source = f"codes of {name!r}"
    wanted = as_requests(metrics, source, "metrics", allow_imports=allow_imports)
    folder = None if out is None else check_given(source, "out", given.path, out)
    data = as_dataset(dataset, source)
    chosen = Evaluation(
        images=check_given(source, "evaluation", given.images, evaluation),
        seed=check_given(source, "seed", given.SEED, seed),
    )
    indices = evaluation_indices(chosen, len(data))
    bins = factor_bins
    if bins is not None:
        bins = check_given(source, "factor_bins", given.FACTOR_BINS, factor_bins)
    reference, entry = _reference(data), describe(data)
    if bins is not None:
        # Other labels make other data: no table has both.
        options = {**reference.options, "factor_bins": bins}
        reference = DatasetSpec(name=reference.name, options=options)
        entry["fingerprint"] = f"{data.fingerprint} in {bins} bins"
    models: list[ExternalCodes] = []
    for k, one in enumerate(as_callables(encode, source)):
        means, logvars = encode_images(one, data.images, indices, batch_size, source)
        factors = data.factors(indices)
        names = data.factor_names
        codes = check_codes(source, means, logvars, factors, factor_names=names, factor_bins=bins)
        if bins is not None:
            entry["factor_sizes"] = list(codes.factor_sizes)
        if models:
            _check_latents(source, f"encode.{k}", codes, "encode.0", models[0].codes)
        models.append(ExternalCodes(name, k, codes, reference, entry, chosen, indices))
    if folder is not None:
        return score_models(folder, models, wanted)
    with tempfile.TemporaryDirectory() as passing:
        return score_models(Path(passing) / "scores", models, wanted, page=False)


def main(argv: Sequence[str] | None = None) -> int:
    """Score files and return the exit code."""
    return command(lambda: _score(argv))


def _score(argv: Sequence[str] | None) -> int:
    options = parser().parse_args(argv)
    wanted = None
    if options.metrics is not None:
        entries = [_entry(text.strip()) for text in options.metrics.split(",")]
        wanted = metric_requests(entries, "--metrics", allow_imports=options.allow_imports)
    out = options.out or default_folder(options.name or options.files[0].stem)
    models = _read(options.files, options.name, options.dataset, options.factor_bins)
    found = score_models(out, models, wanted, workers=options.workers)
    say("\n".join([*_lines(found.scores), f"report: {found.report}"]))
    return 1 if found.failed else 0


def _entry(text: str) -> str | dict[str, str]:
    """Return a metric as a grid has it: its name, or a name and the function that it is."""
    name, equals, function = text.partition("=")
    if not equals:
        return text
    if not is_own(function):
        reason = f"{text} must be a metric's name, or NAME=package.module:function"
        raise CodesError("--metrics", "", reason)
    return {name: function}


def _read(
    paths: Sequence[Path], name: str | None, dataset: str, factor_bins: int | None
) -> list[ExternalCodes]:
    """Return the codes of files: seeds of one model if it has a name, else a model each."""
    models: list[ExternalCodes] = []
    for k, path in enumerate(paths):
        codes = read_codes(path, factor_bins)
        if name is not None and models:
            _check_latents(str(path), "means", codes, str(paths[0]), models[0].codes)
        reference = DatasetSpec(name=dataset, options={"factors": codes.labels_digest})
        if name is None:
            model = ExternalCodes(path.stem, 0, codes, reference, dataset_entry(codes))
        else:
            model = ExternalCodes(name, k, codes, reference, dataset_entry(codes))
        if name is not None and models and models[0].dataset != reference:
            reason = f"must be those of {paths[0]}: seeds of a model are scored on the same images"
            raise CodesError(str(path), "factors", reason)
        if name is None and path.stem in [other.name for other in models]:
            reason = f"another file is called {path.stem} too; rename one, or give --name"
            raise CodesError(str(path), "", reason)
        models.append(model)
    return models


def _check_latents(
    source: str, path: str, codes: CodesArrays, first: str, others: CodesArrays
) -> None:
    """Refuse seeds of one model that have different numbers of latents: they are two models."""
    own, other = codes.means.shape[1], others.means.shape[1]
    if own != other:
        reason = f"has {own} latents, {first} has {other}; seeds of a model have equally many"
        raise CodesError(source, path, f"{reason}: give each model a name of its own (--name)")


def _reference(data: datasets.FactorDataset) -> DatasetSpec:
    """Return a dataset as a grid names it, or by its content if no grid can name it."""
    if data.name in datasets.DATASETS:
        try:
            known = datasets.restore(data.name, data.options)
        except (ValueError, TypeError, OSError):
            known = None
        if known is not None and known.fingerprint == data.fingerprint:
            return DatasetSpec(name=data.name, options=dict(data.options))
    return DatasetSpec(name=data.name, options={"content": data.fingerprint})


def _lines(scores: pd.DataFrame) -> Iterator[str]:
    """Yield a line for every metric: its value for every model, or why there is none.

    Warnings of metrics come last, each once.
    """
    warnings: dict[str, dict[str, None]] = {}
    columns = [*dict.fromkeys(zip(scores["model"], scores["seed"], strict=True))]
    yield "metric: " + ", ".join(f"{model} seed {seed}" for model, seed in columns)
    for metric, part in scores.groupby("metric", sort=False):
        found = part.set_index(["model", "seed"])["value"]
        texts = [f"{found.get(column, float('nan')):.4f}" for column in columns]
        reasons = "; ".join(dict.fromkeys(part["reason"].dropna()))
        if found.isna().all():
            # Without value and reason, it has a number for each latent.
            yield f"{metric}: {reasons or 'in tables/kl_per_dimension.csv'}"
        else:
            yield f"{metric}: {', '.join(texts)}" + (f" ({reasons})" if reasons else "")
        for entry in part.to_dict("records"):
            if not np.isnan(entry["value"]):
                for text in entry.get("warnings") or ():
                    warnings.setdefault(text, {})[str(metric)] = None
    for text, metrics in warnings.items():
        yield f"warning: {text} ({', '.join(metrics)})"


class _CallableModule(ModuleType):
    """`bench.score` is the function, also where this module of the same name has been imported."""

    __call__ = staticmethod(score)


sys.modules[__name__].__class__ = _CallableModule

if __name__ == "__main__":
    sys.exit(main())
