"""Scores of anyone's codes: python -m bench.score FILE [FILE ...], or `bench.score(encode, data)`.

Codes become runs of an output folder like any others: the same tables, the same page. Nothing here
needs torch. The command exits 0 when everything is scored, 1 when a score failed, 2 when the input
or the folder cannot be used, 130 and 143 on SIGINT and SIGTERM.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from pydantic import ValidationError

from . import stopping
from ._siblings import datasets
from .codes import check_codes
from .codes_file import read_codes
from .codes_run import dataset_entry
from .errors import CodesError, InputError
from .files import DamagedError, WriteError
from .requests import metric_requests
from .score_codes import Model, Scores, score_models
from .specs import DatasetSpec, Evaluation
from .store import StoreError
from .streams import evaluation_indices

# Takes images, (n, C, H, W) uint8; returns means and log-variances, each (n, D), or None for these.
Encode = Callable[[Any], tuple[ArrayLike, ArrayLike | None]]


def score(
    encode: Encode | Sequence[Encode],
    dataset: str | datasets.FactorDataset,
    *,
    name: str = "codes",
    metrics: Sequence[str | dict[str, Any]] | None = None,
    evaluation: int | Literal["all"] = "all",
    seed: int = 0,
    batch_size: int = 256,
    out: str | Path | None = None,
) -> Scores:
    """Score what encodes images, whatever it was made with.

    Parameters
    ----------
    encode : callable, or sequence of callables
        Takes images, (n, C, H, W) uint8 in 0..255, and returns (means, logvars), each (n, D);
        logvars, the logarithm of the variance, may be None. Several are repetitions of one model:
        seeds 0, 1, …
    dataset : str or FactorDataset
        A dataset's name, or a dataset.
    name : str
        What tables call the model.
    metrics : sequence, optional
        As in a grid: names, or mappings of a name and options. By default every metric, less the
        slow ones where there are many images.
    evaluation : int or "all"
        How many images, drawn without replacement.
    seed : int
        Which images are drawn.
    batch_size : int
        Images a call of `encode`.
    out : str or Path, optional
        An output folder, new or that of a grid: the codes become runs of it, in its tables and on
        its page. Without it nothing is kept.

    Returns
    -------
    Scores
        `scores` and `details`, as pandas frames, and `report`, the page if there is one.

    Raises
    ------
    CodesError
        If what `encode` returns are no codes, or the folder has others of that name.
    GridError
        If a metric or an option is unknown.
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
    source = f"codes of {name!r}"
    wanted = None if metrics is None else metric_requests(metrics, "metrics")
    data = datasets.load(dataset) if isinstance(dataset, str) else dataset
    try:
        chosen = Evaluation(images=evaluation, seed=seed)
    except ValidationError:
        reason = f"must be 'all' or a whole number from 1 on, and seed one from 0 on: {evaluation}"
        raise CodesError(source, "evaluation", reason) from None
    indices = evaluation_indices(chosen, len(data))
    entry = {
        "fingerprint": data.fingerprint,
        "n_images": len(data),
        "image_shape": list(data.image_shape),
        "factor_names": list(data.factor_names),
        "factor_sizes": list(data.factor_sizes),
    }
    encoders = encode if isinstance(encode, Sequence) else [encode]
    if not encoders:
        raise CodesError(source, "encode", "is an empty list; give a callable at least")
    models = []
    for k, one in enumerate(encoders):
        means, logvars = _encoded(one, data, indices, batch_size, source)
        codes = check_codes(
            source, means, logvars, data.factors(indices), factor_names=data.factor_names
        )
        models.append(Model(name, k, codes, _reference(data), entry, chosen, indices))
    if out is not None:
        return score_models(Path(out), models, wanted)
    with tempfile.TemporaryDirectory() as folder:
        return score_models(Path(folder) / "scores", models, wanted, page=False)


def main(argv: Sequence[str] | None = None) -> int:
    """Score files and return the exit code."""
    options = _parser().parse_args(argv)
    stopping.install()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        wanted = None
        if options.metrics is not None:
            wanted = metric_requests(options.metrics.split(","), "--metrics")
        models = _read(options.files, options.name, options.dataset)
        out = options.out or Path("results") / models[0].name
        found = score_models(out, models, wanted, workers=options.workers)
    except (InputError, StoreError, DamagedError, WriteError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except stopping.Stopped as stopped:
        name = signal.Signals(stopped.number).name
        print(f"stopped by {name}; the same command goes on from here", file=sys.stderr)
        return 128 + stopped.number
    _show(found.scores)
    print(f"report: {found.report}")
    return 1 if found.failed else 0


def _read(paths: Sequence[Path], name: str | None, dataset: str) -> list[Model]:
    """Return the codes of files: seeds of one model if it has a name, else a model each."""
    models: list[Model] = []
    for k, path in enumerate(paths):
        codes = read_codes(path)
        reference = DatasetSpec(name=dataset, options={"factors": codes.labels_digest})
        if name is None:
            model = Model(path.stem, 0, codes, reference, dataset_entry(codes))
        else:
            model = Model(name, k, codes, reference, dataset_entry(codes))
        if name is not None and models and models[0].dataset != reference:
            reason = f"must be those of {paths[0]}: seeds of a model are scored on the same images"
            raise CodesError(str(path), "factors", reason)
        if name is None and path.stem in [other.name for other in models]:
            reason = f"another file is called {path.stem} too; rename one, or give --name"
            raise CodesError(str(path), "", reason)
        models.append(model)
    return models


def _encoded(
    encode: Encode,
    data: datasets.FactorDataset,
    indices: NDArray[np.int64],
    batch_size: int,
    source: str,
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return what a callable makes of the images, batch after batch."""
    means, logvars = [], []
    for start in range(0, len(indices), batch_size):
        rows = indices[start : start + batch_size]
        answer = encode(data.images(rows))
        if not isinstance(answer, tuple) or len(answer) != 2:
            raise CodesError(source, "encode", "must return a pair, (means, logvars or None)")
        means.append(_batch(source, "means", answer[0], len(rows)))
        if answer[1] is not None:
            logvars.append(_batch(source, "logvars", answer[1], len(rows)))
    if len(logvars) not in (0, len(means)):
        raise CodesError(source, "encode", "must return logvars for all images, or for none")
    try:
        return np.concatenate(means), np.concatenate(logvars) if logvars else None
    except ValueError as error:
        raise CodesError(source, "encode", f"must return equally many latents: {error}") from None


def _batch(source: str, name: str, part: ArrayLike, n_images: int) -> NDArray[Any]:
    array = np.asarray(part)
    if array.ndim != 2 or len(array) != n_images:
        reason = f"must return {name} of shape ({n_images}, n_latents) here, not {array.shape}"
        raise CodesError(source, "encode", reason)
    return array


def _reference(data: datasets.FactorDataset) -> DatasetSpec:
    """Return what a grid calls a dataset; one that no grid knows is told by its content."""
    if data.name in datasets.DATASETS:
        try:
            known = datasets.load(data.name, **data.options)
        except (ValueError, TypeError, OSError):
            known = None
        if known is not None and known.fingerprint == data.fingerprint:
            options = datasets.resolve(data.name, data.options)
            return DatasetSpec(name=data.name, options=options)
    return DatasetSpec(name=data.name, options={"content": data.fingerprint})


def _show(scores: pd.DataFrame) -> None:
    """Print a line for every metric: its value for every model, or why there is none."""
    columns = [*dict.fromkeys(zip(scores["model"], scores["seed"], strict=True))]
    print("metric: " + ", ".join(f"{model} seed {seed}" for model, seed in columns))
    for metric, part in scores.groupby("metric", sort=False):
        found = part.set_index(["model", "seed"])["value"]
        texts = [f"{found.get(column, float('nan')):.4f}" for column in columns]
        reasons = dict.fromkeys(part["reason"].dropna())
        if found.isna().all():
            texts = [*reasons] or ["in tables/kl_per_dimension.csv"]
        print(f"{metric}: {', '.join(texts)}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.score", description="Score codes that were made elsewhere."
    )
    parser.add_argument(
        "files",
        type=Path,
        nargs="+",
        metavar="FILE",
        help=".npz or .h5 with means, and logvars, factors, factor_names where there are any, or "
        ".csv with columns mean_<latent>, logvar_<latent>, factor_<factor>; a model each",
    )
    parser.add_argument("--name", help="one model's name: the files are its seeds 0, 1, ...")
    parser.add_argument("--dataset", default="codes", help="what tables call the images")
    parser.add_argument("--out", type=Path, help="output folder, default results/<first model>")
    parser.add_argument("--metrics", metavar="A,B", help="by default all that the data allow")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    return parser


class _CallableModule(ModuleType):
    """`bench.score` is the function, also where this module of the same name has been imported."""

    __call__ = staticmethod(score)


sys.modules[__name__].__class__ = _CallableModule

if __name__ == "__main__":
    sys.exit(main())
