"""What pydantic complains of, in the words of a grid's author."""

from __future__ import annotations

from pydantic import ValidationError

_UNION_BRANCHES = ("bool", "int", "float", "str")


def first_problem(error: ValidationError) -> tuple[str, str]:
    """Return the path and the reason of the first complaint, in the words of a grid's author."""
    problem = error.errors()[0]
    shown = repr(problem["input"])
    shown = shown if len(shown) < 80 else shown[:77] + "..."
    # Inside a union the location goes on with the branch that was tried: no part of the path.
    parts = [str(part) for part in problem["loc"]]
    branch = next((i for i, part in enumerate(parts) if part in _UNION_BRANCHES or "[" in part), 0)
    if branch and parts[0] == "evaluation":
        return "evaluation.images", f"must be all, or a whole number from 1 on, not {shown}"
    if branch:
        return ".".join(
            parts[:branch]
        ), f"must be a finite number, text, true, false or a list of these, not {shown}"
    path = ".".join(parts)
    kind = problem["type"]
    if kind == "extra_forbidden":
        return path, "unknown key"
    if kind == "missing":
        return path, "is missing"
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        tags = problem.get("ctx", {}).get("expected_tags", "")
        return "kind", f"must be one of {tags}" if tags else "is missing: every model needs a kind"
    return path, f"{problem['msg']}, not {shown}"
