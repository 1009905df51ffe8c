"""What processors this process may use, often fewer than the machine has, and what they can."""

from __future__ import annotations

import math
import os
from pathlib import Path

_GROUPS = Path("/proc/self/cgroup")
_ROOT = Path("/sys/fs/cgroup")
_PROCESSORS = Path("/proc/cpuinfo")


def usable_cpus() -> int:
    """Return how many processors this process may use.

    What `taskset` and Slurm leave it is in its affinity, what a container is allowed in the quota
    of its control group.

    Examples
    --------
    >>> 1 <= usable_cpus() <= os.cpu_count()
    True
    """
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    return max(1, math.ceil(min(count, _quota())))


def multiplies_bfloat16() -> bool | None:
    """Return whether the processors have products of bfloat16: AVX-512 BF16 or AMX.

    None where the system does not say, as outside of Linux and x86.
    """
    try:
        text = _PROCESSORS.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
    flags = next((line for line in text.splitlines() if line.startswith("flags")), None)
    return None if flags is None else not {"avx512_bf16", "amx_bf16"}.isdisjoint(flags.split())


def _quota() -> float:
    """Return the processors' time that this process's control groups may take; inf if any."""
    try:
        groups = _GROUPS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return math.inf
    quota = math.inf
    for group in groups:
        _, controllers, path = group.split(":", 2)
        if not controllers:  # version 2
            top, files = _ROOT, ["cpu.max"]
        elif "cpu" in controllers.split(","):
            top, files = _ROOT / "cpu", ["cpu.cfs_quota_us", "cpu.cfs_period_us"]
        else:
            continue
        # A group is bound by those above it. In a container only its own may be seen, at the top.
        own = top / path.lstrip("/")
        for place in (own, *own.parents):
            quota = min(quota, _allowed(place, files))
            if place == top:
                break
    return quota


def _allowed(place: Path, files: list[str]) -> float:
    """Return the quota of one control group: microseconds of time in a period, over the period."""
    try:
        words = [word for file in files for word in (place / file).read_text().split()]
        quota, period = (float(word) for word in words)
    except (OSError, ValueError):  # not there, or "max"
        return math.inf
    return quota / period if quota > 0 and period > 0 else math.inf
