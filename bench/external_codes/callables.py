"""Get codes from a callable that encodes a dataset's images, whatever library it uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._siblings import datasets
from ..errors import CodesError
from ..grid import MetricRequest, metric_requests
from ..grid.arguments import BATCH_SIZE
from .arrays import check_given

# Takes images, (n, C, H, W) uint8; returns means and log-variances, each (n, D), or None for these.
Encode = Callable[[Any], tuple[ArrayLike, ArrayLike | None]]


def as_callables(encode: Encode | Sequence[Encode], source: str) -> list[Encode]:
    """Return what encodes images, as a list of a callable at least.

    Raises
    ------
    CodesError
        If there is none.
    """
    if callable(encode):
        return [encode]
    if isinstance(encode, str) or not isinstance(encode, Sequence):
        reason = f"must be a callable, or a list of them, not {type(encode).__name__}"
        raise CodesError(source, "encode", reason)
    if not encode:
        raise CodesError(source, "encode", "is an empty list; give a callable at least")
    for k, one in enumerate(encode):
        if not callable(one):
            reason = f"must be a callable, not {type(one).__name__}"
            raise CodesError(source, f"encode.{k}", reason)
    return list(encode)


def as_requests(
    metrics: Sequence[str | dict[str, Any]] | None,
    source: str,
    origin: str,
    *,
    allow_imports: bool = False,
) -> list[MetricRequest] | None:
    """Return the metrics of a keyword, None where it has none.

    Parameters
    ----------
    metrics : sequence, optional
        As in a grid.
    source, origin : str
        What to call the codes, and the list, in errors.
    allow_imports : bool
        Whether functions from outside may be imported.

    Raises
    ------
    CodesError
        If it is no list.
    GridError
        If a metric or an option is unknown, or a function may not or cannot be imported.
    """
    if metrics is None:
        return None
    if isinstance(metrics, str) or not isinstance(metrics, Sequence | dict):
        example = metrics if isinstance(metrics, str) else "mig"
        raise CodesError(source, "metrics", f"must be a list, such as [{example!r}]")
    return metric_requests(metrics, origin, allow_imports=allow_imports)


def as_dataset(dataset: object, source: str) -> datasets.FactorDataset:
    """Return a dataset that is given by its name, or as it is.

    Raises
    ------
    CodesError
        If it is neither.
    """
    data = datasets.load(dataset) if isinstance(dataset, str) else dataset
    if not isinstance(data, datasets.FactorDataset):
        reason = f"must be a dataset's name, or a FactorDataset, not {type(data).__name__}"
        raise CodesError(source, "dataset", reason)
    return data


def encode_images(
    encode: Encode,
    images: Callable[[NDArray[np.int64]], NDArray[np.uint8]],
    indices: NDArray[np.int64],
    batch_size: int,
    source: str,
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return what a callable makes of images, batch after batch.

    Parameters
    ----------
    encode : callable
        Returns a pair, of whatever type: means and log-variances, each (n, D) numbers of an array,
        a tensor, on a GPU or not, or nested lists; None in place of log-variances.
    images : callable
        Takes indices, (n,), and returns their images, (n, C, H, W).
    indices : ndarray
        (N,) which of them.
    batch_size : int
        How many a call.
    source : str
        What to call the codes in errors.

    Returns
    -------
    means, logvars : ndarray
        (N, D); logvars may be None.

    Raises
    ------
    CodesError
        If it returns anything else.
    """
    means, logvars = [], []
    batch_size = check_given(source, "batch_size", BATCH_SIZE, batch_size)
    for start in range(0, len(indices), batch_size):
        rows = indices[start : start + batch_size]
        first, second = _pair(source, encode(images(rows)))
        means.append(_batch(source, "means", first, len(rows)))
        if second is not None:
            logvars.append(_batch(source, "logvars", second, len(rows)))
    if len(logvars) not in (0, len(means)):
        raise CodesError(source, "encode", "must return logvars for all images, or for none")
    try:
        return np.concatenate(means), np.concatenate(logvars) if logvars else None
    except ValueError as error:
        raise CodesError(source, "encode", f"must return equally many latents: {error}") from None


def _pair(source: str, answer: Any) -> tuple[Any, Any]:
    """Return both parts of a pair; an array of two rows is none, nor is a mapping of two keys."""
    if not hasattr(answer, "shape") and not isinstance(answer, str | bytes | Mapping | Set):
        try:
            first, second = answer
        except (TypeError, ValueError):
            pass
        else:
            return first, second
    shape = getattr(answer, "shape", None)
    found = type(answer).__name__ + ("" if shape is None else f" of shape {tuple(shape)}")
    reason = f"must return a pair, (means, logvars) or (means, None), not {found}"
    raise CodesError(source, "encode", reason)


def _batch(source: str, name: str, part: Any, n_images: int) -> NDArray[Any]:
    try:
        array = _as_array(part)
    except Exception as error:
        # A foreign array may raise anything when it is converted.
        reason = f"must return {name} that numpy takes as an array: {error}"
        raise CodesError(source, "encode", reason) from None
    if array.ndim != 2 or len(array) != n_images:
        turned = "; is it transposed?" if array.ndim == 2 and array.shape[1] == n_images else ""
        reason = (
            f"must return {name} of shape ({n_images}, n_latents) here, not {array.shape}{turned}"
        )
        raise CodesError(source, "encode", reason)
    return array


def _as_array(part: Any) -> NDArray[Any]:
    if hasattr(part, "detach"):
        # A torch tensor, known by its methods: it may want gradients, lie on a GPU, or be of a
        # type of 16 bits that numpy has not. Codes are scored as 32 bits in any case.
        part = part.detach().cpu()
        part = part.float().numpy() if part.is_floating_point() else part.numpy()
    if np.ma.is_masked(part):
        raise ValueError("it has masked values")
    return np.asarray(part)
