"""The device that runs are computed on. Torch is imported only when a GPU may be used."""

from __future__ import annotations

import logging
from dataclasses import replace

from ..engines import Engine, multiplies_bfloat16
from ..errors import DeviceError
from ..grid import Execution

log = logging.getLogger("disbench")


def settle_device(execution: Execution, engine: Engine | None = None) -> Execution:
    """Decide which device `auto` is; refuse a GPU that is not there, or what only a GPU has.

    A processor of this machine that is slower in the precision than in float32 is warned of.

    Parameters
    ----------
    execution : Execution
        As it was asked for.
    engine : Engine, optional
        Where runs are to be made; this machine by default.

    Returns
    -------
    Execution
        With the device `cpu` or `cuda`.

    Raises
    ------
    DeviceError
        If the device, or one that has the precision, is not there.
    """
    there: bool | None = False
    if execution.device != "cpu":
        there = engine.has_gpu() if engine is not None else None
        where = "no node of the cluster has a GPU"
        if there is None:
            import torch

            there, where = torch.cuda.is_available(), "torch finds no CUDA device here"
        if execution.device == "cuda" and not there:
            raise DeviceError(f"--device cuda: {where}; use --device cpu")
    if execution.precision == "tf32" and not there:
        raise DeviceError("--precision tf32: only GPUs have it; use float32 or bfloat16")
    here = engine is None or engine.has_gpu() is None
    if execution.precision == "bfloat16" and not there and here and multiplies_bfloat16() is False:
        log.warning(
            "--precision bfloat16: slower than float32 on this processor, which has neither "
            "AVX-512 BF16 nor AMX"
        )
    return replace(execution, device="cuda" if there else "cpu")
