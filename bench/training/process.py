"""Prepare a process to train or encode: its threads, arithmetic and memory."""

from __future__ import annotations

import ctypes
import sys

import torch

from ..grid import Execution

# glibc's mallopt parameters: the size from which a block is mapped on its own, and how much free
# memory at the heap's top is handed back to the system.
_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1


def prepare(execution: Execution) -> None:
    """Set this process to execute packs as asked for."""
    torch.set_num_threads(execution.threads)
    keep_freed_memory()
    set_products(execution)


def keep_freed_memory() -> bool:
    """Let the process keep the memory it frees; return whether the C library agrees to.

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


def set_products(execution: Execution) -> None:
    """Keep float32 what it says: no TensorFloat-32 in products, unless that was asked for."""
    allowed = execution.precision == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = allowed
    torch.backends.cudnn.allow_tf32 = allowed


def autocast(execution: Execution) -> torch.autocast:
    """Return the context in which layers run: in bfloat16 where that was asked for."""
    return torch.autocast(
        execution.device, dtype=torch.bfloat16, enabled=execution.precision == "bfloat16"
    )
