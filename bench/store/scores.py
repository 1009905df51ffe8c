"""Schema of stored scores, and how they are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Annotated, Any, Literal, Self

from pydantic import Field, TypeAdapter, model_validator

from .schema import Checked, Number, parse

# A score is stored under its request; why there is none, under this and the metric's name.
NOTE = "without "
# A count stays an integer.
_Score = Annotated[int, Field(ge=-(2**53), le=2**53)] | Number


class _Level(Checked):
    chance: _Score = None
    ceiling: _Score = None


class ScoreEntry(_Level):
    """A score of a run: a value, or the reason why there is none."""

    # Of scores that a group's runs have of one another.
    run_id: str | None = None
    column: str
    value: _Score | list[_Score]
    reason: str | None = None
    low: _Score = None
    high: _Score = None
    warnings: list[str] | None = None
    options: dict[str, Any] | None = None
    detail: dict[str, Any] | None = None
    retry: bool = False

    @model_validator(mode="after")
    def _kl_is_summed(self) -> Self:
        value = self.value
        whole = value is None or (isinstance(value, list) and None not in value)
        if self.column == "kl_per_dimension" and not whole:
            raise ValueError("must be a list of numbers")
        # Not summed: a latent without a finite σ has an empty cell.
        if self.column == "posterior_std_per_dimension" and isinstance(value, int | float):
            raise ValueError("must be a list")
        return self

    @model_validator(mode="after")
    def _spread_is_a_number(self) -> Self:
        spread = (self.detail or {}).get("resampling_std")
        if spread is not None and not (isinstance(spread, float) and isfinite(spread)):
            raise ValueError("has a spread that is no number")
        return self


class _GroupEntry(ScoreEntry):
    run_id: str


_ENTRIES: TypeAdapter[Any] = TypeAdapter(dict[str, list[ScoreEntry]])
# What lies in a folder of its own below `scores/` has another form than a run's scores.
_SCORES: dict[str, TypeAdapter[Any]] = {
    "groups": TypeAdapter(dict[str, list[_GroupEntry]]),
    "levels": TypeAdapter(Annotated[dict[Literal["levels"], list[_Level]], Field(min_length=1)]),
    "variants": TypeAdapter(dict[str, dict[str, Number]]),
}


def parse_scores(name: str, scores: object) -> Any:
    """Return scores that are stored under `name`, refuse what is none.

    Raises
    ------
    DamagedError
        With the first field that does not fit.
    """
    return parse(_SCORES.get(name.partition("/")[0], _ENTRIES), scores)


def done_keys(scores: Mapping[str, Sequence[ScoreEntry]]) -> frozenset[str]:
    """Return the keys of scores but for those that had none for a reason that may be gone."""
    return frozenset(
        key for key, entries in scores.items() if not any(entry.retry for entry in entries)
    )


@dataclass(frozen=True)
class Scored:
    """What there is of a run's scores, in brief.

    Attributes
    ----------
    done : frozenset of str
        The keys of its scores, but for those that another start may have a value of.
    kl : float or None
        The KL of its code, summed over latents, nats per image; None where it was never scored.
    """

    done: frozenset[str] = frozenset()
    kl: float | None = None


def in_brief(scores: Mapping[str, Sequence[ScoreEntry]]) -> Scored:
    """Return what there is of a run's scores."""
    return Scored(done_keys(scores), _kl(entry for part in scores.values() for entry in part))


def _kl(entries: Iterable[ScoreEntry]) -> float | None:
    for entry in entries:
        if entry.column == "kl_per_dimension" and isinstance(entry.value, list):
            # No cell of it is empty, or it would not have been read.
            return float(sum(part for part in entry.value if part is not None))
    return None
