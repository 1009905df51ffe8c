"""Pack: runs that are trained together, and how they are executed."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from .identity import canonical, run_id
from .specs import BaseSpec, OwnVAESpec, TrainedSpec, VAESpec

Precision = Literal["float32", "tf32", "bfloat16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
Device = Literal["auto", "cpu", "cuda"]
DEVICES: tuple[Device, ...] = get_args(Device)


@dataclass(frozen=True)
class Execution:
    """How runs are computed. Never part of their identity, always part of their record.

    `auto` is a GPU where there is one; which it is gets decided before anything is computed.
    """

    device: Device = "cpu"
    precision: Precision = "float32"
    threads: int = 1


@dataclass(frozen=True)
class Pack:
    """Runs of one family that go through a producer together; one is the ordinary case."""

    specs: tuple[BaseSpec, ...]
    execution: Execution = Execution()

    @property
    def run_ids(self) -> tuple[str, ...]:
        """The members' identities, in order."""
        return tuple(run_id(spec) for spec in self.specs)

    @property
    def steps(self) -> int:
        """Model-steps of work: what a progress bar counts (a run without training counts one)."""
        return sum(spec.steps if isinstance(spec, TrainedSpec) else 1 for spec in self.specs)


# Members of a pack share these; seeds, β, γ, C and schedules may differ.
_SHARED = {*VAESpec.model_fields, "channel", "channel_rate"} - {"kind", "seed"}


def make_packs(specs: Iterable[BaseSpec], execution: Execution, size: int = 1) -> list[Pack]:
    """Group runs into packs of at most `size`; only trained models of one shape share a pack.

    Those of a shape are divided evenly, as a small last pack would take a GPU nearly as long.
    """
    families: dict[str, list[BaseSpec]] = {}
    for spec in specs:
        if size > 1 and isinstance(spec, TrainedSpec):
            shape = {key: value for key, value in canonical(spec).items() if key in _SHARED}
            # A second network takes longer than a VAE, which would wait for it at every step; an
            # own objective may fail, and the others go on.
            own = (isinstance(spec, VAESpec), second_network(spec), own_objective(spec))
            family = repr((own, sorted(shape.items())))
        else:
            family = run_id(spec)
        families.setdefault(family, []).append(spec)
    return [
        Pack(tuple(members[start : start + even]), execution)
        for members in families.values()
        for start, even in _parts(len(members), size)
    ]


def second_network(spec: BaseSpec) -> bool:
    """Return whether the objective of a run trains a network of its own beside the model."""
    return isinstance(spec, VAESpec) and spec.second_network


def own_objective(spec: BaseSpec) -> str | None:
    """Return the objective of a run that has one by own code."""
    return spec.objective if isinstance(spec, OwnVAESpec) else None


def _parts(count: int, size: int) -> list[tuple[int, int]]:
    """Return where the parts of so many members begin, and how large they are at most."""
    even = math.ceil(count / math.ceil(count / size))
    return [(start, even) for start in range(0, count, even)]
