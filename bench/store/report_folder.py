"""ReportFolder: tables, figures and page of runs that lie elsewhere. It holds nothing else of ours.

    report.json                   marks the folder as ours
    tables/, figures/, report.html    derived, replaceable

What else somebody puts there is let be.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ..grid import arguments as given
from .files import DamagedError, dump_json, is_staged, read_json, write_text
from .folder import Folder, StoreError

_NAME = "report.json"
_MARK = {"software": "disbench", "holds": "report"}


class ReportFolder(Folder):
    """A folder for the report of output folders elsewhere.

    Parameters
    ----------
    folder : Path
        A folder that is new or empty, or that holds an earlier report made this way.
    sources : iterable of Path
        The output folders that are reported on.

    Raises
    ------
    StoreError
        If it is an output folder, lies in one or around one of the sources, holds anything that was
        not made here, or cannot be made. It is not touched then.
    """

    def __init__(self, folder: Path, sources: Iterable[Path]) -> None:
        try:
            super().__init__(given.path(folder))
            _check_place(self.folder, [source.resolve() for source in sources])
            mark = self.folder / _NAME
            if not _is_marked(mark):
                _check_free(self.folder)
                self.folder.mkdir(parents=True, exist_ok=True)
                write_text(mark, dump_json(_MARK))
        except (OSError, ValueError, RuntimeError) as error:
            # A path with a NUL in it is a ValueError; links in a circle are an OSError or
            # RuntimeError.
            reason = getattr(error, "strerror", None) or error
            raise StoreError(f"{folder}: cannot hold a report: {reason}") from None


def _check_place(folder: Path, sources: list[Path]) -> None:
    """Refuse a place that has to do with runs: those of the sources, or anybody's."""
    target = folder.resolve()
    if target in sources:
        raise StoreError(f"{folder}: is one of the folders to compare; name another --out")
    if os.path.lexists(target / "store.json"):
        raise StoreError(f"{folder}: is an output folder with runs; name another --out")
    if any(os.path.lexists(parent / "store.json") for parent in target.parents):
        raise StoreError(f"{folder}: is inside an output folder; name an --out outside of it")
    if any(target in source.parents for source in sources):
        raise StoreError(f"{folder}: holds folders to compare; name another --out")


def _is_marked(mark: Path) -> bool:
    """Return whether a folder was made here; a mark that is damaged is none."""
    try:
        return read_json(mark) == _MARK
    except (FileNotFoundError, NotADirectoryError, DamagedError):
        return False


def _check_free(folder: Path) -> None:
    """Refuse a folder that holds anything but what a killed first start leaves."""
    if folder.exists() and not all(map(is_staged, folder.iterdir())):
        raise StoreError(
            f"{folder}: holds files that bench.report did not make; name a new folder with --out"
        )
