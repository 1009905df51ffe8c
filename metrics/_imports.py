"""Imports that a metric does when it is first called: scikit-learn takes a second."""

from __future__ import annotations

import importlib
import random
from typing import Any

import numpy as np


def imported(name: str) -> Any:
    """Return a module, without a draw from global random state.

    A package that others bring along may draw when it is imported, as rich does for its styles, and
    a metric would then change what its caller draws next.
    """
    states = random.getstate(), np.random.get_state()  # noqa: NPY002 - what callers may draw from
    try:
        return importlib.import_module(name)
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
