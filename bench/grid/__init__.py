"""What is asked for: a grid, the runs and metrics it names, and reproducible random numbers.

Everything is a plain frozen value; nothing is drawn or trained here. A grid file is loaded as a
`Grid` (`load_grid`) and expanded into its runs (`expand`). A run is a spec that hashes to its id
(`run_id`). Runs of one shape are trained together as a `Pack`. A `MetricRequest` names a metric.
"""

from .config import Grid
from .dataset_spec import DatasetSpec, Evaluation
from .expand import expand
from .fields import as_written
from .identity import group_id, identities, run_id, run_name, sort_key
from .imported_metric import ForeignError
from .load import load_grid, parse_grid
from .metric_requests import MetricRequest, check_excluded, column_name, metric_requests
from .own_checks import check_objective
from .own_code import is_own, is_pinned, own_object, pinned, short_digest, short_name
from .packs import DEVICES, PRECISIONS, Execution, Pack, Precision, make_packs, second_network
from .specs import (
    KINDS,
    SPEC_ADAPTER,
    BaseSpec,
    Codes,
    FactorChannelSpec,
    LatentSpec,
    ModelSpec,
    OwnVAESpec,
    RunSpec,
    TrainedSpec,
    UntrainedBaseline,
    VAESpec,
)
from .streams import Stream, evaluation_indices, generator

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
    "OwnVAESpec",
    "Pack",
    "Precision",
    "RunSpec",
    "Stream",
    "TrainedSpec",
    "UntrainedBaseline",
    "VAESpec",
    "as_written",
    "check_excluded",
    "check_objective",
    "column_name",
    "evaluation_indices",
    "expand",
    "generator",
    "group_id",
    "identities",
    "is_own",
    "is_pinned",
    "load_grid",
    "make_packs",
    "metric_requests",
    "own_object",
    "parse_grid",
    "pinned",
    "run_id",
    "run_name",
    "second_network",
    "short_digest",
    "short_name",
    "sort_key",
]
