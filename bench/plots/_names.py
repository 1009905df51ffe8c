"""What a figure calls its models: by what tells them apart in it, and the rest once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from ..analysis import settings
from ._base import COLOURS, GREY

# The parameter along which the shade of a kind's curves goes.
_ALONG = ("beta", "beta_start", "capacity", "gamma")
# The faintest of them.
_FAINTEST = 0.45


def short_names(labels: Sequence[str]) -> tuple[list[str], str]:
    """Return what tells models apart, and what all of a kind have in common.

    Parameters
    ----------
    labels : sequence of str
        As tables call them, each once.

    Examples
    --------
    >>> short_names(["VAE, 60 steps", "β-VAE β=4, 60 steps", "β-VAE β=16, 60 steps"])
    (['VAE', 'β-VAE β=4', 'β-VAE β=16'], '60 steps')
    >>> short_names(["capacity γ=10 C=6", "capacity γ=100 C=6"])
    (['capacity γ=10', 'capacity γ=100'], 'capacity C=6')
    """
    heads = [text.split(", ")[0] for text in labels]
    tails = [text.split(", ")[1:] for text in labels]
    # Of one model there is nothing to compare.
    several = len(labels) > 1
    everywhere = [t for t in tails[0] if all(t in other for other in tails)] if several else []
    common = {kind: _common(heads, kind) for kind in dict.fromkeys(map(_kind, heads))}
    names = [
        ", ".join(
            [
                " ".join(word for word in head.split() if word not in common[_kind(head)]),
                *(text for text in tail if text not in everywhere),
            ]
        )
        for head, tail in zip(heads, tails, strict=True)
    ]
    if len({*names}) < len({*labels}):
        return list(labels), ""
    told = [f"{kind} {' '.join(said)}" for kind, said in common.items() if said]
    return names, ", ".join([*told, *everywhere])


def groups(runs: pd.DataFrame) -> list[pd.DataFrame]:
    """Return runs by model: those that differ in their seed alone."""
    return [group for _, group in runs.groupby(["group_id", "precision"], sort=False)]


def sets(runs: pd.DataFrame) -> Iterator[tuple[str, list[pd.DataFrame], list[str], str]]:
    """Yield sets of runs that may be compared.

    Yields
    ------
    str, list of DataFrame, list of str, str
        What tells a set from the others; its models, each with its seeds; their names in the set;
        what models of a kind have in common.
    """
    for setting, part in settings(runs):
        models = groups(part)
        names, shared = short_names([str(model["label"].iloc[0]) for model in models])
        yield setting, models, names, shared


def shared_notes(shown: Sequence[tuple[str, Any, Any, str]]) -> list[str]:
    """Return sentences with what the models of a set share, where its name does not say it.

    Parameters
    ----------
    shown : sequence of tuple
        As `sets` yields them.

    Examples
    --------
    >>> shared_notes([("", [], [], "capacity C=6")])
    ['All capacity C=6.']
    >>> shared_notes([("6 steps", [], [], "capacity C=6, 6 steps"), ("9 steps", [], [], "9 steps")])
    ['6 steps: all capacity C=6.']
    """
    notes = []
    for setting, _, _, shared in shown:
        said = setting.split(", ")
        rest = ", ".join(text for text in shared.split(", ") if text and text not in said)
        if rest:
            notes.append(f"{setting}: all {rest}." if setting else f"All {rest}.")
    return notes


def opacities(n: int) -> list[float]:
    """Return n opacities of one colour, high to low."""
    return [1 - (1 - _FAINTEST) * rank / max(n - 1, 1) for rank in range(n)]


def shades(models: Sequence[pd.DataFrame]) -> list[tuple[str, float]]:
    """Return colour and opacity of models: the kind's, fainter along β or C."""
    keys = []
    for place, model in enumerate(models):
        first = model.iloc[0]
        values = [float(first[name]) for name in _ALONG if name in first and pd.notna(first[name])]
        keys.append((values, place))
    result = []
    for place, model in enumerate(models):
        kind = model["kind"].iloc[0]
        same = [keys[i] for i, other in enumerate(models) if other["kind"].iloc[0] == kind]
        rank = sorted(same).index(keys[place])
        result.append((COLOURS.get(kind, GREY), opacities(len(same))[rank]))
    return result


def _kind(head: str) -> str:
    return " ".join(word for word in head.split() if "=" not in word)


def _common(heads: Sequence[str], kind: str) -> list[str]:
    """Return the parameters in which all models of a kind agree, of two or more."""
    words = [head.split() for head in dict.fromkeys(heads) if _kind(head) == kind]
    if len(words) < 2:
        return []
    return [word for word in words[0] if "=" in word and all(word in other for other in words)]
