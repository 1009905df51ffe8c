"""Disentanglement metrics: pure functions of arrays, numpy, scipy and scikit-learn only.

A new metric is its file, its line in `METRICS` and its test.
"""

from __future__ import annotations

from ._detail import details
from ._info import MetricInfo
from ._validation import MetricWarning
from .beta_vae import INFO as BETA_VAE, beta_vae_score
from .kl import ACTIVE_INFO as ACTIVE, KL_INFO as KL, active_units, kl_per_dimension
from .mig import INFO as MIG, mig, mutual_information_matrix

__all__ = [
    "METRICS",
    "MetricInfo",
    "MetricWarning",
    "active_units",
    "beta_vae_score",
    "details",
    "kl_per_dimension",
    "mig",
    "mutual_information_matrix",
]

METRICS: dict[str, MetricInfo] = {
    info.name: info
    for info in (
        BETA_VAE,
        MIG,
        KL,
        ACTIVE,
    )
}
