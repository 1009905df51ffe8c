"""Bounds that were measured before, by any run of any folder: they are kept in the cache folder.

Chance and ceiling are functions of the factors, the number of latents, the metric with its options,
and the code that computes them. All of that is in a file's name, so none is ever out of date. A
file that is damaged or cannot be read is measured and written again, and a folder that cannot be
written costs the time of measuring only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from .._siblings import datasets, metrics
from ..errors import DisbenchError
from ..grid import MetricRequest
from ..store import SCORED_WITH, dump_json, parse_scores, read_json, versions, write_text
from .bounds import BoundCodes, measured_bounds

Bounds = list[dict[str, Any]]


def known_bounds(
    request: MetricRequest, made: BoundCodes, factor_names: Sequence[str]
) -> tuple[Bounds, bool]:
    """Return what `measured_bounds` does, measured only where nobody has before."""
    path = _path(request, made, factor_names)
    if path is not None and (found := _read(path)) is not None:
        return found, True
    found, final = measured_bounds(request, made, factor_names)
    if path is not None and final:
        with suppress(DisbenchError, OSError, ValueError):
            write_text(path, dump_json({"levels": found}))
    return found, final


def _read(path: Path) -> Bounds | None:
    try:
        found: Bounds = read_json(path)["levels"]
        parse_scores("levels/", {"levels": found})
    except (DisbenchError, OSError, KeyError):
        return None
    return found


def _path(request: MetricRequest, made: BoundCodes, factor_names: Sequence[str]) -> Path | None:
    """Return where bounds are kept; None of those that depend on what cannot be named."""
    info = request.info
    ours = info.function.__module__.startswith(f"{metrics.__name__}.")
    if info.higher_is_better is not True or request.function is not None or not ours:
        return None
    try:
        terms = [
            _code(),
            versions(SCORED_WITH),
            request.name,
            request.without_interval().options,
            # Names matter to a metric that leaves factors out by their names.
            list(factor_names) if "exclude" in request.options else [],
            made.digest,
        ]
        name = hashlib.sha256(json.dumps(terms, sort_keys=True).encode()).hexdigest()
        return datasets.cache_folder() / "bounds" / f"{name[:32]}.json"
    except (OSError, ValueError):
        return None


@cache
def _code() -> str:
    """Return a digest of the code that bounds come from: all metrics, and the codes they score."""
    digest = hashlib.sha256()
    for path in _sources():
        digest.update(f"{path.name}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    yield from sorted(Path(str(metrics.__file__)).parent.glob("*.py"))
    yield from (Path(__file__).with_name(name) for name in ("bounds.py", "evaluate.py"))
