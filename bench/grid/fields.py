"""What fields of a grid and of specs may hold."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from .own_code import is_own, is_pinned

# Adding 0.0 turns -0.0 into 0.0: one meaning, one id.
# Upper ends of counts are far above any use: what is above is a slip.
Number = Annotated[float, AfterValidator(lambda value: value + 0.0)]
NonNegative = Annotated[float, Field(ge=0), AfterValidator(lambda value: value + 0.0)]
# What a weight of 1 is lowered by: a negative one raises it.
Share = Annotated[float, Field(ge=-1e6, le=1), AfterValidator(lambda value: value + 0.0)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1, le=10**9)]
Steps = Annotated[int, Field(ge=0, le=10**9)]
# A batch of which images are compared with one another.
Several = Annotated[int, Field(ge=2, le=10**9)]
Width = Annotated[int, Field(ge=1, le=4096)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]


def _reference(value: str) -> str:
    if not is_own(value):
        raise PydanticCustomError("reference", "must be package.module:name")
    return value


def _pinned(value: str) -> str:
    if not is_pinned(value):
        raise PydanticCustomError("reference", "must be package.module:name")
    return value


def _architecture(value: str) -> str:
    if value not in ARCHITECTURES and not is_pinned(value):
        known = " or ".join(map(repr, ARCHITECTURES))
        reason = f"must be {known}, or your own as package.module:name"
        raise PydanticCustomError("architecture", reason)
    return value


# Own code as a grid names it, and as a run does: with the digest of its source.
Reference = Annotated[str, AfterValidator(_reference)]
Pinned = Annotated[str, AfterValidator(_pinned)]
# Of the suite's own.
ARCHITECTURES = ("burgess", "locatello")
Architecture = Annotated[str, AfterValidator(_architecture)]


def as_written(value: Any) -> Any:
    """Return a number as people write it: 2 for 2.0, which a column or a bound of floats has.

    Examples
    --------
    >>> as_written(2.0), as_written(0.5), as_written("2")
    (2, 0.5, '2')
    """
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Frozen(BaseModel):
    """Base of all configuration: immutable, no unknown keys, no type coercion, no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
