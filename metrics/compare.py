"""What else goes by a metric's name, on the same codes."""

from __future__ import annotations

import dataclasses
import inspect
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import ArrayLike

from ._info import MetricInfo
from ._shared import shared
from ._validation import MetricWarning
from .factor_bins import binned

# Options that take minutes where others take seconds: trees by the thousand, and nearest neighbours
# of all of dSprites.
SLOW_OPTIONS = {("learner", "gradient_boosting"), ("estimator", "knn")}


@binned
def compare_variants(
    name: str,
    means: ArrayLike,
    factors: ArrayLike | None = None,
    *,
    logvars: ArrayLike | None = None,
    factor_names: Sequence[str] = (),
    slow: bool = False,
    known: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Return every definition that goes by a metric's name, on the same codes.

    Parameters
    ----------
    name : str
        A metric of one run, as in `METRICS`.
    means : array_like
        (n_samples, n_latents) codes.
    factors : array_like, optional
        (n_samples, n_factors) integer factors, where the metric needs them.
    logvars : array_like, optional
        (n_samples, n_latents); variants that need them are left out without.
    factor_names : sequence of str
        Names of the columns of `factors`. Where one is "shape", metrics that can leave factors out
        are also given without it, as Chen et al. 2018 do.
    slow : bool
        Also variants that take minutes.
    known : mapping of str to float, optional
        Values that are known, in the form that is returned; their definitions are not computed.

    Returns
    -------
    dict of str to float
        Label to value; for a metric of several outputs "label: output" to value. A metric of one
        definition has its own name for label.

    Raises
    ------
    ValueError
        If there is no such metric, it scores groups or returns arrays, or none of its definitions
        can be had of these data: the reason of the first.

    Warns
    -----
    MetricWarning
        If a definition cannot be had of these data, and is left out, while others can.

    Examples
    --------
    >>> grid = np.indices((8, 8)).reshape(2, -1).T
    >>> for label, value in compare_variants("irs", grid * 1.0, grid).items():
    ...     print(label, value)
    99% quantile of deviations 1.0
    greatest deviation 1.0
    """
    from . import METRICS

    if name not in METRICS:
        raise ValueError(f"there is no metric {name!r}; known are {', '.join(METRICS)}")
    info = METRICS[name]
    if info.level == "group":
        raise ValueError(f"{name} scores a group of models, not one")
    given = {"means": means, "factors": factors, "logvars": logvars}
    compared: dict[str, float] = {}
    refused: dict[str, Exception] = {}
    with shared():
        for label, options in info.definitions(factor_names):
            there = {key: known[key] for key in info.labels(label) if known and key in known}
            compared.update(there)
            if there or not (slow or SLOW_OPTIONS.isdisjoint(options.items())):
                continue
            try:
                value = _evaluate(info, given, options)
                if value is not None:
                    compared.update(_labelled(label, value, info))
            except Exception as error:
                # One definition that fails, of too little memory for one, leaves the others.
                refused[label] = error
    if refused and not compared:
        raise next(iter(refused.values()))
    for label, refusal in refused.items():
        reason = refusal if isinstance(refusal, ValueError) else repr(refusal)
        warnings.warn(f"{name}, {label}: {reason}", MetricWarning, stacklevel=2)
    return compared


def _evaluate(info: MetricInfo, given: dict[str, Any], options: dict[str, Any]) -> Any:
    """Return a variant's value, None where it needs log-variances that are not given."""
    parameters = inspect.signature(info.function).parameters
    arguments = {key: given[key] for key in parameters if given.get(key) is not None}
    missing = [key for key in info.requires if key not in arguments]
    if "factors" in missing:
        raise ValueError(f"factors is needed by {info.name}")
    if any(parameters[key].default is inspect.Parameter.empty for key in missing):
        return None
    try:
        return info.function(**arguments, **options)
    except ValueError as error:
        if given["logvars"] is None and "logvars is needed" in str(error):
            return None
        raise


def _labelled(label: str, value: Any, info: MetricInfo) -> dict[str, float]:
    """Return a value, or each output of a dataclass, under its label."""
    if dataclasses.is_dataclass(value):
        outputs = [float(getattr(value, output)) for output in info.outputs]
        return dict(zip(info.labels(label), outputs, strict=True))
    if not isinstance(value, int | float):
        raise ValueError(f"{info.name} returns an array, of which there are no variants")
    return {label: float(value)}
