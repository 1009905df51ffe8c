"""Explain what is wrong with a grid, in its author's words, and what to write instead."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from .fields import as_written

_UNION_BRANCHES = ("bool", "int", "float", "str")
# A grid says what is computed, the command where and how.
OF_THE_COMMAND = (
    "address",
    "allow_imports",
    "device",
    "engine",
    "gpus_per_run",
    "out",
    "pack",
    "precision",
    "threads",
    "workers",
)
# Lists of a grid, with the key that says which an entry is.
_LISTS = {"datasets": "name", "seeds": "", "models": "kind", "metrics": "name"}
_MAPPINGS = {
    "evaluation": "{images: all}",
    "train": "{steps: 100000}",
}
_TRUE, _FALSE = ("yes", "on", "y", "1"), ("no", "off", "n", "0")
# Pydantic's name of a problem, and the message for the grid's author; in braces what pydantic adds.
_SAID = {
    "bool_type": "must be true or false",
    "dict_type": "must be a mapping",
    "finite_number": "must be finite",
    "float_type": "must be a number",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "int_type": "must be a whole number",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "list_type": "must be a list",
    "literal_error": "must be {expected}",
    "string_pattern_mismatch": "must be up to 100 letters, digits, '.', '_' and '-', and begin "
    "with a letter or digit",
    "string_type": "must be text",
    "too_short": "must have at least {min_length} entry",
}


def shape_problem(grid: Mapping[Any, Any]) -> tuple[str, str] | None:
    """Return the path and the reason where a grid's lists and mappings are something else.

    Examples
    --------
    >>> shape_problem({"evaluation": "all"})
    ('evaluation', 'must be a mapping, not all; write evaluation: {images: all}')
    """
    for key, tag in _LISTS.items():
        value = grid.get(key, [])
        if key == "metrics" and _is_foreign(value):
            continue
        if not isinstance(value, list):
            return key, f"must be a list, not {flow(value)}; {_as_list(key, value, tag)}"
        for position, entry in enumerate(value if tag else []):
            path, meant = f"{key}.{position}", _unwrapped(entry, tag)
            if meant is not None:
                return path, f"must be a mapping with {tag!r}; write {flow(meant)}"
            if not isinstance(entry, str | Mapping):
                return path, f"must be a mapping with {tag!r}, not {flow(entry)}"
    for key, example in _MAPPINGS.items():
        value = grid.get(key, {})
        if not isinstance(value, Mapping):
            plain = key == "evaluation" and not isinstance(value, list) and value is not None
            wanted = flow({"images": value}) if plain else example
            return key, f"must be a mapping, not {flow(value)}; write {key}: {wanted}"
    return None


def _is_foreign(metrics: object) -> bool:
    return (
        isinstance(metrics, Mapping)
        and all(isinstance(v, str) for v in metrics.values())
        and ("name" not in metrics)
    )


def _as_list(key: str, value: object, tag: str) -> str:
    """Return what to write for a value that should be a list of such."""
    if value is None:
        return "name one at least" + (", or leave the key out" if key == "metrics" else "")
    if key == "metrics" and value == "all":
        return "name those that you want: metrics: [mig, dci]"
    if not tag:
        if type(value) is int and value > 1:
            several = f"[0, 1, ..., {value - 1}]" if value > 3 else flow([*range(value)])
            return f"write {key}: [{value}] for this one, or list them: {key}: {several}"
        return f"list them: {key}: [0, 1, 2]" if type(value) is not int else f"write [{value}]"
    if isinstance(value, Mapping):
        # As some other tools have it: a mapping of names to their options.
        nested = [_unwrapped({name: options}, tag) for name, options in value.items()]
        if tag not in value and all(one is not None for one in nested):
            return f"write {key}: {flow(nested)}"
    meant = {"kind": value} if tag == "kind" and isinstance(value, str) else value
    return f"write {key}: {flow([meant])}"


def _unwrapped(entry: object, tag: str) -> dict[str, Any] | None:
    """Return the entry that is meant by `{mig: {n_bins: 10}}`, or by a kind without its key."""
    if tag == "kind" and isinstance(entry, str):
        return {tag: entry}
    if tag and isinstance(entry, Mapping) and len(entry) == 1 and tag not in entry:
        ((name, options),) = entry.items()
        if isinstance(options, Mapping):
            return {tag: name, **options}
    return None


def first_problem(error: ValidationError, known: Iterable[str] = ()) -> tuple[str, str]:
    """Return the path and the reason of the first complaint, in the words of a grid's author.

    Parameters
    ----------
    error : ValidationError
        Of a grid, or of a run of it.
    known : iterable of str
        The keys that there are where one is unknown.
    """
    # A key that is misspelt is missing too: the slip is what its author wrote.
    problems = sorted(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
    problem = problems[0]
    branch = _branch(problem["loc"])
    if branch:
        # Of the branches that were tried, the one that fitted farthest is what is meant.
        place = problem["loc"][:branch]
        same = [p for p in problems if p["loc"][:branch] == place and p["loc"][-1] != "[key]"]
        problem = max(same, key=lambda p: len(p["loc"]), default=problem)
    given, kind = problem["input"], problem["type"]
    # Inside a union the location continues with the branch that was tried, no part of the path.
    parts = [str(part) for part in problem["loc"] if not _is_branch(part)]
    if branch and parts[0] == "evaluation":
        reason = f"must be all, or a whole number from 1 on, not {flow(given)}"
        return "evaluation.images", reason + _remedy("int_type", given)
    path = ".".join(parts)
    if kind == "extra_forbidden":
        return path, unknown_key(parts[-1], known)
    if kind == "missing":
        return path, "is missing"
    if branch and given is None:
        return path, _empty(parts[-1])
    if branch:
        reason = f"must be a finite number, text, true, false or a list of these, not {flow(given)}"
        return path, reason
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        context = problem.get("ctx", {})
        tags = str(context.get("expected_tags", ""))
        if not tags:
            return "kind", "is missing: every model needs a kind"
        tag = str(context["tag"])
        meant = did_you_mean(tag, re.findall(r"\w+", tags))
        return "kind", f"must be one of {tags}, not {tag}{meant}"
    context = {key: as_written(value) for key, value in problem.get("ctx", {}).items()}
    said = _SAID.get(kind, problem["msg"]).format(**context)
    return path, f"{said}, not {flow(given)}{_remedy(kind, given)}"


def unknown_key(
    key: str, known: Iterable[str], elsewhere: Mapping[str, Iterable[str]] | None = None
) -> str:
    """Return what is said of a key that is not there, and which is meant or where it belongs.

    Examples
    --------
    >>> unknown_key("betta", ["kind", "beta"]), unknown_key("device", ["name"])
    ("unknown key; did you mean 'beta'?", 'unknown key; it is an option of the command, --device')
    """
    known = list(known)
    for place, keys in (elsewhere or {}).items():
        if key in keys:
            return f"unknown key here; it belongs in {place}"
    if key in OF_THE_COMMAND:
        return f"unknown key; it is an option of the command, --{key.replace('_', '-')}"
    if ":" in key:
        return f"unknown key; write a blank after the colon: {key.replace(':', ': ', 1)}"
    return f"unknown key{did_you_mean(key, known) or ('; known are ' + ', '.join(known))}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the question whether one of `known` is meant; nothing where none is near.

    Examples
    --------
    >>> did_you_mean("beta-VAE", ["vae", "beta_vae"]), did_you_mean("sap", ["mig", "sap_score"])
    ("; did you mean 'beta_vae'?", "; did you mean 'sap_score'?")
    """
    plain = {_letters(name): name for name in known}
    wanted = _letters(word)
    begun = [name for name in plain if name.startswith(wanted)]
    near = [name for name in plain if name == wanted]
    near += begun if len(begun) == 1 or len(wanted) >= 3 else []
    near += [name for name in plain if len(wanted) >= 3 and wanted in name]
    near += difflib.get_close_matches(wanted, plain, n=1, cutoff=0.7)
    near += [name for name in plain if len(name) >= 3 and wanted.startswith(name)]
    return f"; did you mean {plain[near[0]]!r}?" if wanted and near else ""


def _letters(word: str) -> str:
    return re.sub(r"[\W_]", "", word.lower())


def _remedy(kind: str, given: object) -> str:
    """Return what to write instead of a value, where that is plain."""
    if given is None:
        return "; write a value after the colon, or leave the key out"
    if kind == "bool_type" and str(given).lower() in (*_TRUE, *_FALSE):
        return f"; write {'true' if str(given).lower() in _TRUE else 'false'}"
    if kind == "string_type" and type(given) in (int, float):
        return f'; write "{given}"'
    number = _number(given)
    whole = number is not None and number.is_integer() and abs(number) < 1e15
    if kind == "int_type" and number is not None and whole and type(given) is not int:
        return f"; write {int(number)}"
    if kind == "float_type" and number is not None and isinstance(given, str):
        return f"; write {given.strip()} without quotes"
    return ""


def _number(given: object) -> float | None:
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        return None
    try:
        return float(given)
    except (ValueError, OverflowError):
        return None


def _empty(key: str) -> str:
    if ":" in key:
        return f"is empty; write a blank after the colon: {key.replace(':', ': ', 1)}"
    if key.isdecimal():
        return "is empty; write a value, or leave it out"
    return "is empty; write a value after the colon, or leave the key out"


def _is_branch(part: int | str) -> bool:
    return part in _UNION_BRANCHES or "[" in str(part)


def _branch(location: tuple[int | str, ...]) -> int:
    """Return where in a problem's location the first branch of a union stands; 0 if none does."""
    return next((i for i, part in enumerate(location) if _is_branch(part)), 0)


def flow(value: object, most: int = 80) -> str:
    """Return a value as a grid has it, not too long."""
    text = _yaml(value)
    return text if len(text) < most else text[: most - 3] + "..."


def _yaml(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_yaml(k)}: {_yaml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    if isinstance(value, str):
        simple = re.fullmatch(r"[A-Za-z]\w*", value) and value not in ("true", "false", "null")
        return value if simple else repr(value)
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return repr(value)
