"""What each score is a mean of, per factor and per latent, as a tidy table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

# The axes of what metrics record. What is not listed here stays only in the scores' own detail.
_AXES: dict[str, tuple[str, ...]] = {
    "per_factor": ("factor",),
    "informativeness_per_factor": ("factor",),
    "multiple_encoding": ("factor",),
    "overlap": ("factor",),
    "pairs": ("factor",),
    "per_latent": ("latent",),
    "informative": ("latent",),
    "associations": ("latent", "factor"),
    "correlations": ("latent", "factor"),
    "importance": ("latent", "factor"),
    "information": ("latent", "factor"),
    "scores": ("latent", "factor"),
}
COLUMNS = ("metric", "detail", "latent", "factor", "value")


def detail_rows(
    metric: str,
    detail: Mapping[str, Any],
    latent_names: Sequence[str],
    factor_names: Sequence[str],
    varying: Sequence[str],
    excluded: Sequence[object] = (),
) -> Iterator[tuple[str, str, str | None, str | None, float]]:
    """Yield a row for every number that a metric recorded beside its score.

    Parameters
    ----------
    metric : str
        Its column.
    detail : mapping
        What it recorded, by name.
    latent_names, factor_names : sequence of str
        The names of all latents and factors.
    varying : sequence of str
        Those of the factors that vary: most metrics leave the others out.
    excluded : sequence
        Names or positions of factors that the metric was told to leave out.

    Yields
    ------
    tuple
        As in `COLUMNS`: metric, what it is, latent and factor (None where it has none), value.

    Examples
    --------
    >>> list(detail_rows("mig", {"per_factor": [0.5, 1.0]}, ["z0"], ["x", "y"], ["x", "y"]))
    [('mig', 'per_factor', None, 'x', 0.5), ('mig', 'per_factor', None, 'y', 1.0)]
    """
    out = {factor_names[e] if isinstance(e, int) else e for e in excluded}
    scored = [name for name in varying if name not in out]
    kept = [name for name in factor_names if name not in out]
    for name, values in detail.items():
        axes = _AXES.get(name)
        array = np.array(values, np.float64) if axes else np.empty(0)
        if axes is None or array.ndim != len(axes):
            continue
        known = {"latent": [latent_names], "factor": [scored, kept, factor_names]}
        labels = [
            next((c for c in known[axis] if len(c) == size), [str(k) for k in range(size)])
            for axis, size in zip(axes, array.shape, strict=True)
        ]
        for place in np.ndindex(array.shape):
            at = {axis: texts[k] for axis, texts, k in zip(axes, labels, place, strict=True)}
            yield metric, name, at.get("latent"), at.get("factor"), float(array[place])
