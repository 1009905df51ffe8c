"""Load weights and checkpoints from untrusted files: nothing is executed or unpickled."""

from __future__ import annotations

import io
import zipfile
from pickle import UnpicklingError
from typing import Any

import torch

from ..store import UNREADABLE

# What torch raises of content that it did not write.
NO_WEIGHTS = (*UNREADABLE, EOFError, UnpicklingError, zipfile.BadZipFile)


def read_weights(content: bytes, device: str = "cpu") -> Any:
    """Return what `torch.save` wrote: tensors and plain values, nothing that has to be executed.

    Raises
    ------
    One of NO_WEIGHTS
        If it is not what `torch.save` writes.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        # Torch compresses nothing, so a file that unpacks to more than it is was made to fill the
        # memory.
        if sum(entry.file_size for entry in archive.infolist()) > len(content):
            raise ValueError("it unpacks to more than it is")
    return torch.load(io.BytesIO(content), map_location=device, weights_only=True)


def halved(content: bytes) -> bytes:
    """Return weights that `torch.save` wrote in half precision: half the size, to be read as ever.

    Examples
    --------
    >>> buffer = io.BytesIO()
    >>> torch.save({"w": torch.tensor([1.0, 1.0001])}, buffer)
    >>> read_weights(halved(buffer.getvalue()))["w"].tolist()
    [1.0, 1.0]
    """
    buffer = io.BytesIO()
    # Own architectures may have counts, which are no weights.
    torch.save(
        {
            name: value.half() if value.is_floating_point() else value
            for name, value in read_weights(content).items()
        },
        buffer,
    )
    return buffer.getvalue()
