"""What anybody may draw from: the global random states, which nothing here may change."""

import random

import numpy as np
import torch


def global_states():
    """Return the global random states, to be compared."""
    # NPY002: the legacy state is what this is about.
    drawn = repr(np.random.get_state(legacy=False))  # noqa: NPY002
    return drawn, random.getstate(), torch.get_rng_state().tolist()
