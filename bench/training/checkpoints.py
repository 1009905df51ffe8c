"""Checkpoints of a pack in training: one file, replaced whole, used only if its checksum fits.

The content is bytes that only the producer understands. The name is a hash of the members and of
how they are executed, so a pack resumes only with the same members and the same execution.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from dataclasses import asdict
from pathlib import Path

from ..grid import Pack
from ..grid.arguments import CHECKPOINT_SECONDS
from ..store import DamagedError, read_bytes, remove, replacing

log = logging.getLogger("disbench")
# To be raised when the state or the meaning of a step changes: older checkpoints are then ignored.
FORMAT = 2
_DIGEST_BYTES = hashlib.sha256().digest_size


class Checkpoints:
    """The checkpoint file of a pack, and when it is due.

    Parameters
    ----------
    path : Path or None
        The file; None keeps nothing.
    seconds : float
        The time between two checkpoints: at most so much work is lost.
    steps : int, optional
        Steps between two checkpoints, whatever the time.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     checkpoints = Checkpoints(Path(folder) / "pack", steps=10)
    ...     due = checkpoints.due(10)
    ...     checkpoints.save(10, b"weights")
    ...     due, checkpoints.due(11), checkpoints.load()
    (True, False, b'weights')
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        seconds: float = CHECKPOINT_SECONDS,
        steps: int | None = None,
    ) -> None:
        self._path = path
        self._seconds = seconds
        self._steps = steps
        self._last_step = 0
        self._last_time = time.monotonic()

    def due(self, step: int) -> bool:
        """Return whether a checkpoint should be written after so many steps."""
        if self._path is None:
            return False
        if self._steps is not None and step - self._last_step >= self._steps:
            return True
        return time.monotonic() - self._last_time >= self._seconds

    def save(self, step: int, content: bytes) -> None:
        """Replace the checkpoint."""
        if self._path is None:
            return
        with replacing(self._path) as staged:
            staged.write_bytes(hashlib.sha256(content).digest() + content)
        self._last_step, self._last_time = step, time.monotonic()

    def load(self) -> bytes | None:
        """Return the checkpoint; None where there is none to trust."""
        if self._path is None or not os.path.lexists(self._path):
            return None
        try:
            whole = read_bytes(self._path)
        except (OSError, DamagedError) as error:
            log.warning("%s: training starts again", error)
            return None
        digest, content = whole[:_DIGEST_BYTES], whole[_DIGEST_BYTES:]
        if hashlib.sha256(content).digest() != digest:
            log.warning("%s is damaged: training starts again", self._path)
            return None
        return content

    def remove(self) -> None:
        """Drop the checkpoint of a pack that is done."""
        if self._path is not None:
            remove(self._path)


def checkpoint_name(pack: Pack, versions: dict[str, str], fingerprint: str) -> str:
    """Return the file name of a pack's checkpoint: the same for equal members and equal terms.

    It begins with the run id of the first member.
    """
    terms = {
        "format": FORMAT,
        "runs": pack.run_ids,
        "execution": asdict(pack.execution),
        "versions": versions,
        "dataset": fingerprint,
    }
    digest = hashlib.sha256(json.dumps(terms, sort_keys=True).encode()).hexdigest()[:16]
    return f"{pack.run_ids[0]}-{digest}.ckpt"
