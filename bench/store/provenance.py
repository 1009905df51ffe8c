"""Provenance of a number: the code and the versions that it was computed with."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Iterable
from functools import cache
from importlib import metadata
from pathlib import Path

# What a run depends on, as its manifest has it, and what its scores do.
MADE_WITH = ("python", "torch", "numpy", "h5py")
SCORED_WITH = ("numpy", "scipy", "scikit-learn")

# Set where this code was copied from a checkout to a machine that has no more than the code.
COMMIT_VARIABLE = "DISBENCH_COMMIT"


@cache
def git_commit() -> str | None:
    """Return the commit of the checkout that this code runs from, None outside of one.

    A copy that a cluster was sent knows the commit of the checkout that it was made of.
    """
    root = Path(__file__).resolve().parents[2]
    git = shutil.which("git")
    if git is None or not (root / ".git").exists():
        return os.environ.get(COMMIT_VARIABLE)
    answer = subprocess.run(
        [git, "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--match="],
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout.strip() or None


def versions(names: Iterable[str], **known: str) -> dict[str, str]:
    """Return versions by name, of distributions and of Python; those that are known as they are.

    Examples
    --------
    >>> versions(["torch"], torch="none")
    {'torch': 'none'}
    """
    return {name: known.get(name) or _version(name) for name in names}


@cache
def _version(name: str) -> str:
    return platform.python_version() if name == "python" else metadata.version(name)
