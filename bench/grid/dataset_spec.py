"""Which images a run is of: its dataset with its options, and those that it is evaluated on."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from .._siblings import datasets
from ..errors import OwnCodeError
from .fields import Count, Frozen, Seed
from .own_code import is_pinned, own_object


class DatasetSpec(Frozen):
    """A dataset by name with the options that differ from their frozen defaults."""

    name: str
    options: dict[str, Any] = Field(default_factory=dict)

    @property
    def is_own(self) -> bool:
        """Whether it is made by code of the grid's author."""
        return is_pinned(self.name)

    def load(self, *, allow_imports: bool = False) -> datasets.FactorDataset:
        """Return the dataset, without drawing or reading its images yet.

        Raises
        ------
        ValueError, TypeError, OSError
            If it is not known here, or is own code that may not or cannot be imported.
        """
        if not self.is_own:
            return datasets.restore(self.name, self.options)
        if not allow_imports:
            raise OwnCodeError(f"{self.name} is code from outside, which may not be imported here")
        return datasets.restore(own_dataset(self.name), self.options)

    @property
    def spelling(self) -> Mapping[str, Any]:
        """The options that a grid has to name for it; as stored, where it is not known here."""
        try:
            return _spelling(self)
        except (ValueError, TypeError, OSError):
            return self.options

    def __hash__(self) -> int:
        """Hash by meaning, as equality does (a dict field has no hash of its own)."""
        return hash((self.name, json.dumps(self.options, sort_keys=True)))


def own_dataset(name: str) -> datasets.DatasetInfo:
    """Return what is known of a dataset by own code, whose pinned name is given; imports it."""
    return datasets.own_info(name, own_object(name))


# An error is not kept: what is not known here now may be in a moment.
@functools.cache
def _spelling(reference: DatasetSpec) -> Mapping[str, Any]:
    return datasets.spelling(reference.name, reference.options)


class Evaluation(Frozen):
    """Which images are encoded after training: all, or so many drawn without replacement."""

    images: Literal["all"] | Count = "all"
    seed: Seed = 0
