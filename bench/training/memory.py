"""How the C library hands out memory while a model trains."""

from __future__ import annotations

import ctypes
import sys

# glibc's mallopt parameters: the size from which a block is mapped on its own, and how much free
# memory at the heap's top is handed back to the system.
_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1


def keep_freed_memory() -> bool:
    """Let the process keep the memory it frees; return whether the C library takes that wish.

    A training step allocates and frees the same tensors of up to 8 MB each time. By default glibc
    maps blocks of that size anew: some 20,000 page faults a step, a third of its time.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    # 32 MB is the most that every glibc takes; nothing of a step is as large.
    return bool(mallopt(_MMAP_THRESHOLD, 1 << 25) and mallopt(_TRIM_THRESHOLD, (1 << 31) - 1))
