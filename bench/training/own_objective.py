"""Which objective a run has: one of the suite, by its kind, or one by own code."""

from __future__ import annotations

from ..errors import OwnCodeError
from ..grid import OwnVAESpec, TrainedSpec, own_object
from .objective import Objective
from .objectives import OBJECTIVES

# What a history has a column for.
_CONTROLS = ("beta", "c")


def objective_of(spec: TrainedSpec) -> Objective:
    """Return the objective of a run; own code is imported.

    Raises
    ------
    OwnCodeError
        If it cannot be imported, or is no objective.
    """
    if not isinstance(spec, OwnVAESpec):
        return OBJECTIVES[spec.kind]
    objective = own_object(spec.objective)
    if not isinstance(objective, Objective):
        what = type(objective).__name__
        raise OwnCodeError(f"{spec.objective} is no {Objective.__module__}.Objective, but {what}")
    if objective.control_name not in _CONTROLS:
        raise OwnCodeError(
            f"{spec.objective} must have the control_name 'beta' or 'c', which names a column of "
            f"the curves, not {objective.control_name!r}"
        )
    return objective
