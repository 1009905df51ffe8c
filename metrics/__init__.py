"""Disentanglement metrics: pure functions of arrays, numpy, scipy and scikit-learn only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._info import MetricInfo
from ._validation import MetricWarning
from .beta_vae import beta_vae_score
from .kl import active_units, kl_per_dimension
from .mig import mig, mutual_information_matrix

__all__ = [
    "METRICS",
    "MetricInfo",
    "MetricWarning",
    "active_units",
    "beta_vae_score",
    "check_options",
    "kl_per_dimension",
    "mig",
    "mutual_information_matrix",
]

METRICS: dict[str, MetricInfo] = {
    info.name: info
    for info in (
        MetricInfo(
            "beta_vae_score",
            beta_vae_score,
            higher_is_better=True,
            range=(0, 1),
            requires=("means", "factors"),
            invariances=("sign", "relabelling"),
            reference="Higgins et al. 2017",
            description="Accuracy of a linear classifier that tells which factor pairs of images "
            "share; from 1/factors (chance) to 1, higher is better; saturates early.",
        ),
        MetricInfo(
            "mig",
            mig,
            higher_is_better=True,
            range=(0, 1),
            requires=("means", "factors"),
            invariances=("sample_order", "latent_order", "sign", "scale", "relabelling"),
            reference="Chen et al. 2018",
            description="Mutual information gap between the two latents that know most of a "
            "factor, over the factor's entropy; from 0 to 1, higher is better.",
            variants=(
                ("histogram", (("estimator", "histogram"),)),
                ("posterior", (("estimator", "posterior"),)),
            ),
        ),
        MetricInfo(
            "kl_per_dimension",
            kl_per_dimension,
            higher_is_better=None,
            range=(0, None),
            requires=("means", "logvars"),
            invariances=("sample_order", "sign"),
            reference="Kingma & Welling 2014",
            description="Mean KL divergence of each latent's posterior from the prior, in nats.",
        ),
        MetricInfo(
            "active_units",
            active_units,
            higher_is_better=None,
            range=(0, None),
            requires=("means", "logvars"),
            invariances=("sample_order", "latent_order", "sign"),
            reference="Burda et al. 2016",
            description="Number of latents whose means vary over the data.",
        ),
    )
}


def check_options(name: str, options: Mapping[str, Any]) -> None:
    """Refuse options that a metric does not have, or of another type than their default.

    Raises
    ------
    ValueError
        In one line that names the option and lists the known ones.
    """
    known = METRICS[name].options
    for key, value in options.items():
        if key not in known:
            listed = ", ".join(known) or "none"
            raise ValueError(f"{name} has no option {key!r}; known are {listed}")
        numeric = isinstance(known[key], float) and type(value) is int
        if type(value) is not type(known[key]) and not numeric:
            raise ValueError(f"{name}: {key} must be like its default {known[key]!r}")
