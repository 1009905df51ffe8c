"""What is asked for: a grid, the runs and metrics that it names, and random numbers by address.

Plain frozen values; nothing is drawn or trained here. A grid file becomes a `Grid` (`load_grid`), a
grid its runs (`expand`), a run is a spec that hashes to its identity (`run_id`), and runs of one
shape make a `Pack`. Metrics are named by `MetricRequest`s.
"""

from .config import Grid
from .expand import expand
from .imported_metric import ForeignError
from .load import load_grid, parse_grid
from .metric_requests import MetricRequest, check_excluded, column_name, metric_requests
from .packs import DEVICES, PRECISIONS, Execution, Pack, Precision, make_packs
from .specs import (
    KINDS,
    SPEC_ADAPTER,
    BaseSpec,
    Codes,
    DatasetSpec,
    Evaluation,
    FactorChannelSpec,
    LatentSpec,
    ModelSpec,
    RunSpec,
    TrainedSpec,
    UntrainedBaseline,
    VAESpec,
    group_id,
    labels,
    run_id,
    sort_key,
)
from .streams import evaluation_indices, generator

__all__ = [
    "DEVICES",
    "KINDS",
    "PRECISIONS",
    "SPEC_ADAPTER",
    "BaseSpec",
    "Codes",
    "DatasetSpec",
    "Evaluation",
    "Execution",
    "FactorChannelSpec",
    "ForeignError",
    "Grid",
    "LatentSpec",
    "MetricRequest",
    "ModelSpec",
    "Pack",
    "Precision",
    "RunSpec",
    "TrainedSpec",
    "UntrainedBaseline",
    "VAESpec",
    "check_excluded",
    "column_name",
    "evaluation_indices",
    "expand",
    "generator",
    "group_id",
    "labels",
    "load_grid",
    "make_packs",
    "metric_requests",
    "parse_grid",
    "run_id",
    "sort_key",
]
