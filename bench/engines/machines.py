"""What engines of several machines share: what is sent to a machine, and what is asked of it.

Before it is trusted with runs, a machine imports this package and writes a file to the output
folder, which must then appear here. Otherwise every run would fail for these reasons.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from ..store import COMMIT_VARIABLE, MADE_WITH, SCORED_WITH, git_commit
from .base import EngineError

log = logging.getLogger("disbench")
# How long files may take until they are seen here: network file systems may be late.
SEEN_SECONDS = 10.0
# What results depend on: reported where it is not what this machine has.
_COMPARED = tuple(name for name in dict.fromkeys(MADE_WITH + SCORED_WITH) if name != "python")


def variables() -> dict[str, str]:
    """Return the environment variables that workers on other machines need."""
    found = {}
    if cache := os.environ.get("DISBENCH_CACHE"):
        found["DISBENCH_CACHE"] = cache
    if commit := git_commit():
        found[COMMIT_VARIABLE] = commit
    return found


def questions() -> tuple[Callable[..., dict[str, Any]], Callable[..., None]]:
    """Return the functions that a machine runs: one that asks it, and one that cleans up.

    They can be pickled whole, because they are nested, and not as names in this package: a machine
    may lack it.
    """
    compared = _COMPARED

    def ask(module: str, folder: str, name: str) -> dict[str, Any]:
        import importlib
        from importlib import metadata
        from pathlib import Path

        try:
            importlib.import_module(module)
            versions = {each: metadata.version(each) for each in compared}
            ours = metadata.version("disbench") if module.startswith("disbench.") else None
        except ImportError as error:  # also a distribution that is not there
            return {"lacks": f"{type(error).__name__}: {error}"}
        if not (Path(folder) / "store.json").is_file():
            return {"blind": "does not see it"}
        try:
            (Path(folder) / name).write_text(name)
        except OSError as error:
            return {"blind": f"cannot write to it ({error.strerror})"}
        return {"versions": versions, "ours": ours}

    def remove(folder: str, name: str) -> None:
        from pathlib import Path

        (Path(folder) / name).unlink(missing_ok=True)

    return ask, remove


def judge(said: dict[str, Any], node: str, folder: Path, extra: str) -> None:
    """Raise what is wrong with a machine, and log what is merely different.

    Parameters
    ----------
    said : dict
        What it answered.
    node : str
        What to call it.
    folder : Path
        The output folder.
    extra : str
        The engine's extra of this distribution.

    Raises
    ------
    EngineError
        If runs would fail there; the message names the machine and the remedy.
    """
    if "lacks" in said:
        raise EngineError(
            f"node {node} cannot import what runs need ({said['lacks']}): install the "
            f"same version of disbench there, with pip install 'disbench[{extra}]'"
        )
    if "blind" in said:
        raise EngineError(
            f"{folder}: node {node} {said['blind']}: name a folder on a file system that "
            f"all nodes share, with --out"
        )
    if said["ours"] is not None and said["ours"] != metadata.version("disbench"):
        raise EngineError(
            f"node {node} has disbench {said['ours']}, this machine "
            f"{metadata.version('disbench')}: install the same version"
        )
    other = [
        f"{name} {there} ({metadata.version(name)} here)"
        for name, there in said["versions"].items()
        if there != metadata.version(name)
    ]
    if other:
        log.warning(
            "node %s has %s: its results may differ in their last digits", node, ", ".join(other)
        )


def seen(folder: Path, name: str, deadline: float) -> bool:
    """Wait until a file that a machine wrote is seen here; `deadline` is of `time.monotonic`."""
    while True:
        with suppress(OSError):
            # Listing makes a network file system look again, opening a missing name need not.
            if any(path.name == name for path in folder.iterdir()):
                return (folder / name).read_text() == name
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.2)
