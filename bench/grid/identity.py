"""What a run is called and sorted by: the id its settings hash to, and its name in messages.

`run_id` and `group_id` hash the canonical dump of a spec: the fields that differ from their frozen
default. A field added later with a default therefore changes no id and retrains nothing.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from .own_code import short_name
from .specs import KINDS, BaseSpec

# What distinguishes the runs of a group.
_PER_RUN = ("seed", "content")


def canonical(spec: BaseSpec) -> dict[str, Any]:
    """Return the fields of `spec` that differ from their defaults, as plain JSON values."""
    return spec.model_dump(mode="json", exclude_defaults=True)


def run_id(spec: BaseSpec) -> str:
    """Return the identity of a run: 16 hexadecimal digits that depend on its meaning alone."""
    return _digest(canonical(spec))


def group_id(spec: BaseSpec) -> str:
    """Return the identity of a run without its seed; runs that share it are repetitions."""
    return identities(spec)[1]


def identities(spec: BaseSpec) -> tuple[str, str]:
    """Return `run_id` and `group_id`, in less time than one after the other."""
    fields = canonical(spec)
    whole = _digest(fields)
    return whole, _digest({key: value for key, value in fields.items() if key not in _PER_RUN})


def run_name(spec: BaseSpec) -> str:
    """Return what a run is called: dataset, model, seed; runs that differ elsewhere share a name.

    Examples
    --------
    >>> from bench.grid import DatasetSpec
    >>> from bench.grid.specs import RandomBaseline
    >>> run_name(RandomBaseline(kind="baseline_random", dataset=DatasetSpec(name="ball"), seed=3))
    'ball random codes seed 3'
    """
    return f"{short_name(spec.dataset.name)} {spec.title} seed {spec.seed}"


def sort_key(spec: BaseSpec) -> tuple[Any, ...]:
    """Return the key by which tables are sorted: dataset, kind, hyper-parameters, seed."""
    fields = spec.model_dump(mode="json", exclude={"dataset", "kind", *_PER_RUN})
    return (
        spec.dataset.name,
        # A dataset as it is comes before its variants.
        len(spec.dataset.spelling),
        json.dumps(spec.dataset.options, sort_keys=True),
        list(KINDS).index(spec.kind),
        *(_sortable(value) for value in fields.values()),
        spec.seed,
    )


def _sortable(value: Any) -> Any:
    """Return a field's value as one that has an order; options by name, then by their number."""
    if not isinstance(value, dict):
        return value
    numbers = all(isinstance(one, float) for one in value.values())
    return sorted(value.items()) if numbers else json.dumps(value)


def _digest(value: dict[str, Any]) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
