"""Source: what tables and figures are read from, one output folder or several joined."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from .scores import Scored, ScoreEntry
from .stored_run import StoredRun


class Source(Protocol):
    """The part of `Store` that reads: see there for what each method returns."""

    def runs(self) -> list[StoredRun]:
        """Return the runs, and say which are damaged and left out."""

    def scored(self, run: StoredRun) -> Scored:
        """Return what there is of a run's scores, in brief."""

    def read_scores(self, name: str, of: str) -> dict[str, Any]:
        """Return stored scores as they are stored."""

    def entries(self, name: str, of: str) -> dict[str, list[ScoreEntry]]:
        """Return stored scores in the form to read."""

    def failures(self) -> list[dict[str, Any]]:
        """Return the records of runs that gave no result and have none since."""

    def frames_path(self, identity: str) -> Path:
        """Return where the images that show a run are stored."""
