"""Which objective a run has: one of the suite, by its kind, or one by own code."""

from __future__ import annotations

from ..grid import OwnVAESpec, TrainedSpec, check_objective, own_object
from .objective import Objective
from .objectives import OBJECTIVES


def objective_of(spec: TrainedSpec) -> Objective:
    """Return the objective of a run; own code is imported.

    Raises
    ------
    OwnCodeError
        If it cannot be imported, or is no objective.
    """
    if not isinstance(spec, OwnVAESpec):
        return OBJECTIVES[spec.kind]
    objective: Objective = own_object(spec.objective)
    # A grid has been checked where it started; this is another process, maybe with other packages.
    check_objective(spec.objective, objective)
    return objective
