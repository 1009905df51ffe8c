"""What the tests of this folder share: starting drivers, waiting, and who is still alive."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# A hang limit, far above what anything here takes.
HANG = 280
needs_proc = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="looks for processes in /proc"
)


def wait_for(condition, what="nothing happened"):
    """Wait until a condition holds and return what it returned."""
    deadline = time.monotonic() + HANG
    while not (found := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.002)
    return found


def members(group):
    """Return the processes of a group that have not ended (zombies have)."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name, in brackets, may hold anything.
            state, _, process_group = path.read_text().rpartition(")")[2].split()[:3]
            # The first thread may have ended before the others.
            threads = len(list((path.parent / "task").iterdir()))
        except OSError:
            continue
        if int(process_group) == group and (state not in "ZX" or threads > 1):
            found.append(int(path.parent.name))
    return found


def environment(**wishes):
    """Return the environment of a driver that does what a test wishes; see `driver`."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "DISBENCH_TEST": json.dumps(wishes)}


def start(*arguments, module="tests.reliability.driver", **wishes):
    """Start a driver in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=environment(**wishes),
    )


def tables(folder):
    """Return the bytes of every table of a folder by its name."""
    return {path.name: path.read_bytes() for path in (folder / "tables").glob("*.csv")}
