"""Which arithmetic layers use: float32, TensorFloat-32 on a card, or bfloat16."""

from __future__ import annotations

import torch

from ..grid.packs import Execution


def set_products(execution: Execution) -> None:
    """Keep float32 what it says: no TensorFloat-32 in products, unless that was asked for.

    This is a setting of the process, as PyTorch has it.
    """
    allowed = execution.precision == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = allowed
    torch.backends.cudnn.allow_tf32 = allowed


def autocast(execution: Execution) -> torch.autocast:
    """Return the context in which layers run: in bfloat16 where that was asked for."""
    return torch.autocast(
        execution.device, dtype=torch.bfloat16, enabled=execution.precision == "bfloat16"
    )
