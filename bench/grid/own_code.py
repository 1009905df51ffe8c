"""Code of a grid's author, named by import path: imported only if allowed, pinned by source.

A grid is data, and reading data runs no code, so whoever starts it has to allow what it imports:
`--allow-imports`. The grid has "package.module:name"; its runs and scores have that with the first
digits of the SHA-256 of the module's source, "package.module:name@0123456789abcdef". So a changed
source is another run, or another score, and what is stored is never taken for one of today's
source.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import sys
from importlib.abc import ExecutionLoader
from importlib.machinery import ModuleSpec
from typing import Any

from ..errors import OwnCodeError, Stopped, named

REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_DIGITS = 16
PINNED = re.compile(rf"({REFERENCE.pattern})@([0-9a-f]{{{_DIGITS}}})")
# A name has so many of them: enough to tell versions apart.
_SHOWN_DIGITS = 6


def is_own(name: str) -> bool:
    """Return whether a name is that of code to be imported, pinned or not.

    Examples
    --------
    >>> is_own("my_package.nets:Small"), is_own("burgess")
    (True, False)
    """
    return bool(REFERENCE.fullmatch(name) or PINNED.fullmatch(name))


def is_pinned(name: str) -> bool:
    """Return whether a name is that of code with the digest of its source."""
    return PINNED.fullmatch(name) is not None


def short_name(name: str) -> str:
    """Return what people call own code, in a text of any names.

    Examples
    --------
    >>> short_name("my_package.nets:Small@0123456789abcdef"), short_name("burgess")
    ('Small@012345', 'burgess')
    """
    return PINNED.sub(_short, name)


def _short(found: re.Match[str]) -> str:
    return f"{found[1].rpartition(':')[2]}@{found[2][:_SHOWN_DIGITS]}"


def short_digest(reference: str) -> str:
    """Return the digits by which people tell the sources of a pinned name apart.

    Examples
    --------
    >>> short_digest("my_package.metrics:spread@0123456789abcdef")
    '012345'
    """
    return reference.rpartition("@")[2][:_SHOWN_DIGITS]


def pinned(reference: str, *, allow_imports: bool) -> str:
    """Import own code, and return its name with the digest of its source.

    Parameters
    ----------
    reference : str
        "package.module:name"; with a digest it has to be that of today's source.
    allow_imports : bool
        Whether it may be imported.

    Raises
    ------
    OwnCodeError
        If it may not or cannot be imported, or is of another source.
    """
    if not allow_imports:
        raise OwnCodeError(
            f"{reference} is code from outside; it is imported with --allow-imports, from Python "
            f"with allow_imports=True"
        )
    if not is_pinned(reference):
        reference = f"{reference}@{_digest(_source(*_parts(reference))[1])}"
    own_object(reference)
    return reference


def own_object(reference: str) -> Any:
    """Return the object of a pinned name. Whoever calls it has made sure that it may be imported.

    The module is executed from the very text that was digested, under a name of its own, so it is
    what its name says, whatever version of it a notebook has imported before.

    Raises
    ------
    OwnCodeError
        If it cannot be imported, or its source is no longer that of its digest.
    """
    reference, _, digest = reference.rpartition("@")
    module, name = _parts(reference)
    if f"{module}@{digest}" not in sys.modules:
        found, text = _source(module, name)
        today = _digest(text)
        if today != digest:
            raise OwnCodeError(
                f"{reference} was of another source: its digest was {digest} and is now {today}; "
                f"bring that version of {found.origin} back"
            )
        _execute(f"{module}@{digest}", text, found)
    try:
        return getattr(sys.modules[f"{module}@{digest}"], name)
    except AttributeError:
        raise OwnCodeError(f"{reference} cannot be imported: {module} has no {name}") from None


def _parts(reference: str) -> tuple[str, str]:
    module, _, name = reference.partition(":")
    if module == "__main__":
        raise OwnCodeError(
            f"{reference} is in the script that starts the grid, which nobody else can import: "
            f"put it into a module"
        )
    return module, name


def _no_module(name: str) -> str:
    """Return that there is no such module, and what to do."""
    return (
        f"there is no module {name}; it has to be installed, in a folder of PYTHONPATH, or in the "
        f"folder where you are"
    )


def _is_missing(module: str, error: BaseException) -> bool:
    """Return whether a module, or a package that it is in, is not there; not one that it needs."""
    name = error.name if isinstance(error, ModuleNotFoundError) else None
    return name is not None and f"{module}.".startswith(f"{name}.")


def _source(module: str, name: str) -> tuple[ModuleSpec, str]:
    """Return where a module is, and its text, without executing it (but for its packages)."""
    try:
        found = importlib.util.find_spec(module)
        text = getattr(found and found.loader, "get_source", lambda _: None)(module)
    except (KeyboardInterrupt, Stopped):
        raise
    except BaseException as error:
        # A package may raise anything while it is imported; a script exits.
        reason = _no_module(module) if _is_missing(module, error) else named(error)
        raise OwnCodeError(f"{module}:{name} cannot be imported: {reason}") from None
    if found is None:
        raise OwnCodeError(f"{module}:{name} cannot be imported: {_no_module(module)}")
    if text is None:
        raise OwnCodeError(
            f"{module}:{name} has no Python source to tell its versions apart by: call it in a "
            f"module of yours"
        )
    return found, text


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


class _Text(ExecutionLoader):
    """Loads a module from a text that was read before."""

    def __init__(self, text: str, found: ModuleSpec) -> None:
        self._text = text
        self._found = found

    def get_source(self, fullname: str) -> str:
        """Return the text."""
        return self._text

    def get_filename(self, fullname: str) -> str:
        """Return the file that it was read from, for tracebacks."""
        return self._found.origin or "<own code>"


def _execute(name: str, text: str, found: ModuleSpec) -> None:
    loader = _Text(text, found)
    spec = ModuleSpec(name, loader, origin=found.origin)
    # A package finds its parts, and a module its file, where the ordinary import has them.
    spec.submodule_search_locations = found.submodule_search_locations
    spec.has_location = found.has_location
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, KeyboardInterrupt | Stopped):
            raise
        raise OwnCodeError(f"{found.origin} cannot be imported: {named(error)}") from error
