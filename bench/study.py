"""Study: all that figures, claims and the report are derived from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .frames import Frames, stored_frames
from .store import Store
from .tables import Tables, collect


@dataclass(frozen=True)
class Study:
    """The frames and tables of an output folder.

    Attributes
    ----------
    tables : Tables
        Tidy frames of all runs.
    frames : mapping
        Run id to images, for the runs that are shown.
    """

    tables: Tables
    frames: Mapping[str, Frames]


def load_study(store: Store) -> Study:
    """Read everything that is derived from, out of a store."""
    return Study(collect(store), dict(stored_frames(store)))
