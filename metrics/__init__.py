"""Disentanglement metrics: pure functions of arrays, numpy, scipy and scikit-learn only.

A new metric is its file, its line in `METRICS` and its test.
"""

from __future__ import annotations

from ._detail import details
from ._info import MetricInfo
from ._shared import shared
from ._validation import MetricWarning
from .aam import INFO as AAM, aam
from .beta_vae import INFO as BETA_VAE, beta_vae_score
from .compare import compare_variants
from .dci import DCI, INFO as DCI_INFO, dci, dci_from_importance
from .dcimig import INFO as DCIMIG, dcimig
from .explicitness import INFO as EXPLICITNESS, explicitness
from .factor_bins import bin_factors
from .factor_regression import INFO as FACTOR_REGRESSION, factor_regression
from .factor_vae import INFO as FACTOR_VAE, factor_vae_score
from .gaussian_total_correlation import (
    INFO as GAUSSIAN_TC,
    gaussian_total_correlation,
)
from .infomec import INFO as INFOMEC, InfoMEC, infomec
from .irs import INFO as IRS, irs
from .jemmig import INFO as JEMMIG, jemmig
from .kl import ACTIVE_INFO as ACTIVE, KL_INFO as KL, active_units, kl_per_dimension
from .kl_decomposition import INFO as KL_PARTS, KLDecomposition, kl_decomposition
from .mcc import INFO as MCC, mcc
from .mig import INFO as MIG, mig, mutual_information_matrix
from .mig_sup import INFO as MIG_SUP, mig_sup
from .modularity import INFO as MODULARITY, modularity
from .omes import INFO as OMES, omes
from .posterior_std import INFO as POSTERIOR_STD, posterior_std_per_dimension
from .sap import INFO as SAP, sap_score
from .smoothness import INFO as SMOOTHNESS, smoothness
from .trustworthiness import INFO as TRUSTWORTHINESS, trustworthiness
from .udr import INFO as UDR, udr

__all__ = [
    "DCI",
    "METRICS",
    "InfoMEC",
    "KLDecomposition",
    "MetricInfo",
    "MetricWarning",
    "aam",
    "active_units",
    "beta_vae_score",
    "bin_factors",
    "compare_variants",
    "dci",
    "dci_from_importance",
    "dcimig",
    "details",
    "explicitness",
    "factor_regression",
    "factor_vae_score",
    "gaussian_total_correlation",
    "infomec",
    "irs",
    "jemmig",
    "kl_decomposition",
    "kl_per_dimension",
    "mcc",
    "mig",
    "mig_sup",
    "modularity",
    "mutual_information_matrix",
    "omes",
    "posterior_std_per_dimension",
    "sap_score",
    "shared",
    "smoothness",
    "trustworthiness",
    "udr",
]

METRICS: dict[str, MetricInfo] = {
    info.name: info
    for info in (
        BETA_VAE,
        FACTOR_VAE,
        DCI_INFO,
        SAP,
        EXPLICITNESS,
        IRS,
        OMES,
        MCC,
        UDR,
        MIG,
        MIG_SUP,
        DCIMIG,
        JEMMIG,
        MODULARITY,
        AAM,
        INFOMEC,
        FACTOR_REGRESSION,
        SMOOTHNESS,
        TRUSTWORTHINESS,
        KL,
        POSTERIOR_STD,
        KL_PARTS,
        GAUSSIAN_TC,
        ACTIVE,
    )
}
