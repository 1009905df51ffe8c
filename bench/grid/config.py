"""Grid: what a grid file may contain. Messages about what it may not are in `problems`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from .dataset_spec import Evaluation
from .fields import Frozen, Reference, Seed
from .specs import KINDS

# What `train` may hold; an entry of `models` may override any of it for its own runs.
TRAIN_KEYS = (
    "architecture",
    "initialisation",
    "likelihood",
    "n_latents",
    "steps",
    "batch_size",
    "learning_rate",
    "allow_partial_anneal",
)
# What an entry of `models` may have of its own in place of the grid's.
OWN_LISTS = ("datasets", "seeds")
# What a grid gives to a run otherwise than by its entry of `models`.
OF_A_RUN = ("dataset", "seed", "evaluation")
# What some kind has, and only an entry of `models` may hold.
MODEL_KEYS = {key for kind in KINDS.values() for key in kind.model_fields} - {
    *TRAIN_KEYS,
    *OF_A_RUN,
    "name",
    "content",
}
DEFAULT_METRICS: tuple[str | dict[str, Any], ...] = ("beta_vae_score", "mig", "kl_per_dimension")

Scalar = bool | int | float | str
Entry = dict[str, Scalar | list[Scalar]]
# An option of a dataset may be a mapping, as `correlated` is; the dataset itself checks it.
DatasetEntry = dict[str, Scalar | dict[str, Any] | list[Scalar | dict[str, Any]]]
# An entry of `models` may also hold `datasets`, whose entries are mappings themselves, and own
# objectives have `options`.
ModelEntry = dict[str, Scalar | list[Scalar | DatasetEntry] | dict[str, Any]]


class Grid(Frozen):
    """A validated grid.yaml. Values of `models`, `train` and dataset options may be lists (axes).

    An entry of `models` may override anything of `train`, and bring `datasets` and `seeds` of its
    own in place of the grid's.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    datasets: Annotated[list[str | DatasetEntry], Field(min_length=1)]
    seeds: Annotated[list[Seed], Field(min_length=1)]
    models: Annotated[list[ModelEntry], Field(min_length=1)]
    train: Entry = Field(default_factory=dict)
    metrics: list[str | dict[str, Any]] | dict[str, str] = Field(
        default_factory=lambda: [*DEFAULT_METRICS]
    )
    baselines: bool = False
    evaluation: Evaluation = Evaluation()
    # At so many steps of training, evenly spaced in their logarithm, what is trained is scored. Of
    # no run's identity: the same is trained without it.
    metrics_at: Annotated[int, Field(ge=1, le=100)] | None = None
    # Own figures, "package.module:function". Of no run's identity either.
    figures: list[Reference] = Field(default_factory=list)
