"""RunSpec: the frozen values that define a run, one class per kind.

Defaults below are part of every stored identity: never change one, add a field instead.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import (
    Field,
    GetCoreSchemaHandler,
    TypeAdapter,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from .dataset_spec import DatasetSpec, Evaluation
from .fields import (
    Architecture,
    Count,
    Frozen,
    NonNegative,
    Number,
    Pinned,
    Positive,
    Seed,
    Several,
    Share,
    Steps,
    Width,
)
from .own_code import is_pinned, short_name

# Of a learnt factor channel whose grid names none: see docs/fig3.md.
CHANNEL_RATE = 1.5e-4


# The class of every kind of run. Their order, which is that of their definitions below, is the one
# of tables and figures.
KINDS: dict[str, type[BaseSpec]] = {}


class BaseSpec(Frozen):
    """What every run has; a subclass that pins `kind` to a literal is a kind of run.

    `template` is how a table or figure calls it: a text with fields of the spec in braces.
    `in_grids` is what a grid means by fields that it does not name, where a stored run that does
    not name them means their default.
    """

    template: ClassVar[str]
    in_grids: ClassVar[Mapping[str, Any]] = {}
    kind: str
    dataset: DatasetSpec
    seed: Seed = 0
    evaluation: Evaluation = Evaluation()

    @property
    def title(self) -> str:
        """What it is called by itself, without its dataset and its seed."""
        return self.template.format(**self.model_dump())

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        """Register the class of a kind."""
        for kind in get_args(cls.model_fields["kind"].annotation):
            KINDS[kind] = cls


class LatentSpec(BaseSpec):
    """A run whose number of latents is chosen."""

    n_latents: Width = 10


class ModelSpec(BaseSpec):
    """A run that has a model, trained or not; its architecture may be own code."""

    architecture: Architecture = "burgess"
    likelihood: Literal["bernoulli", "gaussian"] = "bernoulli"
    initialisation: Literal["pytorch", "kaiming"] = "pytorch"

    @field_validator("initialisation")
    @classmethod
    def _of_the_suite(cls, value: str, info: ValidationInfo) -> str:
        # It would give equal runs different identities.
        if is_pinned(info.data.get("architecture", "")) and value != "pytorch":
            raise PydanticCustomError(
                "initialisation",
                "must be left out of an architecture of your own, which draws its own weights",
            )
        return value


class TrainedSpec(ModelSpec):
    """A model trained by gradient descent."""

    steps: Count = 300_000
    batch_size: Count = 64
    learning_rate: Positive = 5e-4

    @property
    def settings(self) -> dict[str, float]:
        """Its hyper-parameters that are numbers, by name: what an objective is given."""
        return {name: value for name, value in self if isinstance(value, float | int)}


class VAESpec(TrainedSpec, LatentSpec):
    """A trained VAE; each subclass is one objective, which may train a network of its own."""

    second_network: ClassVar[bool] = False


class PlainVAESpec(VAESpec):
    """Kingma & Welling 2014; stays distinct from `beta_vae` with β = 1."""

    template: ClassVar[str] = "VAE"
    kind: Literal["vae"]
    beta: ClassVar[float] = 1.0


class BetaVAESpec(VAESpec):
    """Higgins et al. 2017."""

    template: ClassVar[str] = "β-VAE β={beta:g}"
    kind: Literal["beta_vae"]
    beta: NonNegative


class AnnealedBetaVAESpec(VAESpec):
    """β runs linearly from `beta_start` to `beta_end` over `anneal_steps`, then stays."""

    template: ClassVar[str] = "annealed β-VAE β={beta_start:g}→{beta_end:g}"
    kind: Literal["annealed_beta_vae"]
    beta_start: NonNegative
    beta_end: NonNegative
    anneal_steps: Count


class CapacityVAESpec(VAESpec):
    """Burgess et al. 2018: γ|KL − C|, C linear from 0 to `capacity` nats over `anneal_steps`."""

    template: ClassVar[str] = "capacity γ={gamma:g} C={capacity:g}"
    kind: Literal["capacity_vae"]
    gamma: NonNegative
    capacity: NonNegative
    anneal_steps: Count


class BetaTCVAESpec(VAESpec):
    """Chen et al. 2018: β weighs the total correlation alone.

    The weight of Σ KL(q(z_j) ‖ p(z_j)) rises linearly from 0 to 1 over `warm_up_steps`, as in
    YannDubs/disentangling-vae.
    """

    template: ClassVar[str] = "β-TCVAE β={beta:g}"
    kind: Literal["beta_tcvae"]
    beta: NonNegative
    warm_up_steps: Steps = 0


class FactorVAESpec(VAESpec):
    """Kim & Mnih 2018: γ weighs the total correlation, which a discriminator measures.

    γ rises linearly from 0 over `warm_up_steps`, as in YannDubs/disentangling-vae.
    """

    second_network: ClassVar[bool] = True
    template: ClassVar[str] = "FactorVAE γ={gamma:g}"
    kind: Literal["factor_vae"]
    gamma: NonNegative
    warm_up_steps: Steps = 0
    batch_size: Several = 64


class _DIPVAESpec(VAESpec):
    lambda_od: NonNegative
    lambda_d: NonNegative
    batch_size: Several = 64


class DIPVAEISpec(_DIPVAESpec):
    """Kumar et al. 2018: the covariance of the means is drawn to the identity."""

    template: ClassVar[str] = "DIP-VAE-I λod={lambda_od:g} λd={lambda_d:g}"
    kind: Literal["dip_vae_i"]


class DIPVAEIISpec(_DIPVAESpec):
    """Kumar et al. 2018: as DIP-VAE-I, with the covariance of the samples."""

    template: ClassVar[str] = "DIP-VAE-II λod={lambda_od:g} λd={lambda_d:g}"
    kind: Literal["dip_vae_ii"]


class ControlVAESpec(VAESpec):
    """Shao et al. 2020: β is what a controller needs to hold KL = C, C as of a factor channel."""

    template: ClassVar[str] = "ControlVAE C={capacity:g}"
    kind: Literal["control_vae"]
    capacity: NonNegative
    capacity_start: NonNegative = 0.5
    anneal_steps: Count
    k_p: NonNegative = 0.01
    k_i: NonNegative = 0.001


class InfoVAESpec(VAESpec):
    """Zhao et al. 2019: KL weighs 1 − α, the MMD of codes and prior α + λ − 1."""

    template: ClassVar[str] = "InfoVAE α={alpha:g} λ={lambda_mmd:g}"
    kind: Literal["info_vae"]
    alpha: Share
    lambda_mmd: NonNegative
    batch_size: Several = 64

    @field_validator("lambda_mmd")
    @classmethod
    def _draws_to_the_prior(cls, value: float, info: ValidationInfo) -> float:
        if value + info.data.get("alpha", 1) < 1:
            raise PydanticCustomError("lambda_mmd", "must be 1 - alpha or more")
        return value


class OwnVAESpec(VAESpec):
    """An objective of the grid's author: a `bench.training.objective.Objective`, and its numbers.

    The name of the objective has the digest of its source with it: see `own_code`.
    """

    template: ClassVar[str] = "{objective} {options}"
    kind: Literal["own"]
    objective: Pinned
    options: dict[str, Number] = Field(default_factory=dict)

    @property
    def title(self) -> str:
        """The objective's own name, with its options."""
        said = [f"{name}={value:g}" for name, value in sorted(self.options.items())]
        return " ".join([short_name(self.objective), *said])

    @property
    def settings(self) -> dict[str, float]:
        """The numbers that every VAE has, and those of the objective."""
        return {**super().settings, **self.options}

    @field_validator("options")
    @classmethod
    def _have_names_of_their_own(cls, value: dict[str, float]) -> dict[str, float]:
        for name in value:
            if not (name.isidentifier() and name.isascii() and len(name) <= 60):
                raise PydanticCustomError("options", "must have names of letters, digits and _")
            if name in cls.model_fields:
                raise PydanticCustomError(
                    "options", f"must not have {name}, which is a setting of every model"
                )
        return value


class FactorChannelSpec(TrainedSpec):
    """Burgess et al. 2018, Fig. 3: the true factors through a noisy channel, and a decoder.

    There is a latent for every factor of the dataset, so their number is no choice. The objective
    is that of `capacity_vae`, with C linear from `capacity_start` to `capacity` nats. An `exact`
    channel holds KL = C, where every large γ has its minimum; a `learnt` one is drawn to it by γ,
    with gain and noise free, and is what a grid gets that names none. Stored runs that name none
    are exact: there was no choice then.

    `channel_rate` is the rate of the plain gradient descent of a learnt channel's gain and noise;
    the decoder has Adam and `learning_rate`.
    """

    in_grids: ClassVar[Mapping[str, Any]] = {"channel": "learnt"}
    template: ClassVar[str] = (
        "{channel} factor channel γ={gamma:g} C={capacity_start:g}→{capacity:g}"
    )
    kind: Literal["factor_channel"]
    architecture: Literal["burgess", "locatello"] = "burgess"
    gamma: NonNegative
    capacity_start: NonNegative = 0.5
    capacity: NonNegative
    anneal_steps: Count
    channel: Literal["exact", "learnt"] = "exact"
    channel_rate: Positive | None = None

    @model_validator(mode="before")
    @classmethod
    def _with_rate(cls, data: Any) -> Any:
        # Written out before the id is taken: with another default, stored runs stay what they are.
        learnt = isinstance(data, Mapping) and data.get("channel") == "learnt"
        if learnt and data.get("channel_rate") is None:
            return {**data, "channel_rate": CHANNEL_RATE}
        return data

    @field_validator("channel_rate")
    @classmethod
    def _of_a_learnt_channel(cls, value: float | None, info: ValidationInfo) -> float | None:
        # It would give equal runs different identities.
        if info.data.get("channel") == "exact" and value is not None:
            raise PydanticCustomError("channel_rate", "must be left out of an exact channel")
        return value


class UntrainedBaseline(ModelSpec, LatentSpec):
    """The encoder at its initialisation."""

    template: ClassVar[str] = "untrained encoder"
    kind: Literal["baseline_untrained"]


class RandomBaseline(LatentSpec):
    """Standard normal codes that know nothing of the image."""

    template: ClassVar[str] = "random codes"
    kind: Literal["baseline_random"]


class PCABaseline(LatentSpec):
    """The first `n_latents` principal components of the pixels."""

    template: ClassVar[str] = "PCA"
    kind: Literal["baseline_pca"]


class TruthBaseline(BaseSpec):
    """The factors themselves, one latent each: the ceiling of every supervised metric."""

    template: ClassVar[str] = "true factors"
    kind: Literal["baseline_truth"]


class Codes(LatentSpec):
    """Codes that were made elsewhere; those of one `name` on the same data are repetitions.

    `content` is the SHA-256 of the codes: they are what they are, not what they were made with.
    """

    template: ClassVar[str] = "{name}"
    kind: Literal["codes"]
    name: Annotated[str, Field(min_length=1, max_length=100)]
    content: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _OneOf:
    """Validates a run as the class of its `kind`, whichever that is of the registered ones."""

    def __init__(self, *left_out: str) -> None:
        self._left_out = left_out

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        kinds = [cls for kind, cls in KINDS.items() if kind not in self._left_out]
        union: Any = functools.reduce(operator.or_, kinds)
        return handler.generate_schema(Annotated[union, Field(discriminator="kind")])


# What a grid may ask for, and what may be stored.
GridSpec = Annotated[BaseSpec, _OneOf("codes")]
RunSpec = Annotated[BaseSpec, _OneOf()]
GRID_ADAPTER: TypeAdapter[GridSpec] = TypeAdapter(GridSpec)
SPEC_ADAPTER: TypeAdapter[RunSpec] = TypeAdapter(RunSpec)
