"""What code a number comes from."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

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
    answer = subprocess.run(  # noqa: S603 - a fixed command
        [git, "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--match="],
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout.strip() or None
