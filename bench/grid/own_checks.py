"""Whether own objectives and architectures are what a run needs, as far as can be told at once.

Nothing is trained or called, and torch is not needed: an objective is known by its class's name.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ..errors import OwnCodeError

# What a history has a column for.
_CONTROLS = ("beta", "c")
# Where objectives are defined, in this copy of the package.
_HOME = f"{__package__.removesuffix('.grid')}.training.objective"
_OBJECTIVE = "Objective('beta', control, loss)"
_ARCHITECTURE = "def name(image_shape, n_latents): return encoder, decoder"


def check_objective(name: str, found: Any) -> None:
    """Refuse what is no objective, or one that could not begin to train.

    Parameters
    ----------
    name : str
        What to call it in errors.
    found : object
        What has that name.

    Raises
    ------
    OwnCodeError
        With what is wrong and what to write.
    """
    if _derived(type(found), "Objective") is None:
        what = f"the class {found.__name__}" if isinstance(found, type) else type(found).__name__
        reason = _of_another_copy(type(found)) or f"write {_OBJECTIVE}"
        raise OwnCodeError(f"{name} is no {_HOME}.Objective, but {what}: {reason}")
    if found.control_name not in _CONTROLS:
        raise OwnCodeError(
            f"{name} must have the control_name 'beta' or 'c', which names a column of the curves, "
            f"not {found.control_name!r}: write {_OBJECTIVE}"
        )
    learner = found.learner
    base = _derived(learner, "Learner") if isinstance(learner, type) else None
    if base is None:
        raise OwnCodeError(
            f"{name} must have a class derived from {_HOME}.Learner as its learner, not {learner!r}"
        )
    # A learner may have its own in place of the objective's functions, which are not called then.
    for part, arguments in (("control", "step, settings"), ("loss", "terms, control, settings")):
        if getattr(learner, part) is getattr(base, part):
            _check_call(f"{name}: its {part}", getattr(found, part), arguments, _OBJECTIVE)


def check_architecture(name: str, found: Any) -> None:
    """Refuse what cannot be called as an architecture is; what it returns is seen in its run.

    Raises
    ------
    OwnCodeError
        With what is wrong and what to write.
    """
    if hasattr(found, "forward") and not isinstance(found, type):
        raise OwnCodeError(
            f"{name} is a module, not a function or a class that makes modules for every seed: "
            f"write {_ARCHITECTURE}"
        )
    _check_call(name, found, "image_shape, n_latents", _ARCHITECTURE)


# What of a model may be own code.
CHECKS: dict[str, Callable[[str, Any], None]] = {
    "architecture": check_architecture,
    "objective": check_objective,
}


def _derived(found: type, name: str) -> type | None:
    """Return the class of that name in this copy of the package that a class derives from."""
    classes = (one for one in found.__mro__ if (one.__module__, one.__name__) == (_HOME, name))
    return next(classes, None)


def _of_another_copy(found: type) -> str:
    """Return what to write where a class is an `Objective` that was imported by another path.

    In a checkout the package is `bench`, and installed `disbench.bench`: there may be both.
    """
    _, _, place = _HOME.rpartition("bench.")
    for one in found.__mro__:
        if one.__name__ == "Objective" and one.__module__.endswith(f"bench.{place}"):
            return (
                f"it is that of another copy of this package, {one.__module__}; write "
                f"from {_HOME} import Objective"
            )
    return ""


def _check_call(name: str, found: Any, arguments: str, remedy: str) -> None:
    if not callable(found):
        raise OwnCodeError(
            f"{name} is {type(found).__name__}, which is not a function: it is called with "
            f"({arguments}); write {remedy}"
        )
    try:
        signature = inspect.signature(found)
    except (TypeError, ValueError):
        # Of a function that is compiled nothing is known.
        return
    try:
        signature.bind(*arguments.split(", "))
    except TypeError as error:
        raise OwnCodeError(
            f"{name} cannot be called with ({arguments}): {error}; write {remedy}"
        ) from None
