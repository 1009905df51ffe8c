"""The output folder: who may write what to it. Nothing in it is trusted unchecked.

A run is committed whole or not at all and never changes again. Everything else is derived from runs
and may be deleted. README.md in this folder explains how a commit is made safe.

- `Store` is the folder: commit, lock, scan, set aside; scores by name.
- `join` reads several output folders as one, `Source` is what it has in common with a `Store`, and
  `ReportFolder` holds the report of runs that lie elsewhere.
- `StoredRun` is a committed run: manifest, codes, curves, snapshots, scores on the way, weights
  (`tensors` reads them without torch).
- `Frames` and `Snapshots` are the pictures of a model, `history` its training curves.
- `up_to_date` knows whether a report is that of what is stored.
- `selection` groups runs, selects the one of each group that is shown, and defines what is a code.
- `files` has durable writes and checked reads of single files.
"""

from .files import (
    DamagedError,
    WriteError,
    clear,
    dump_json,
    fsync_path,
    making,
    read_bytes,
    read_json,
    remove,
    replacing,
    write_text,
    writing,
)
from .folder import Folder, StoreError, new_folder, resolved
from .frames import QUANTILES, Frames, has_frames, read_frames, write_frames
from .hdf5 import UNREADABLE, find_array
from .history import (
    WINDOW,
    coarser,
    epoch_mean,
    history_text,
    mean_curve,
    window_means,
    windowed,
)
from .joined import Joined, Repeated, folder_names, join
from .outdated import outdated_runs
from .provenance import COMMIT_VARIABLE, MADE_WITH, SCORED_WITH, git_commit, versions
from .report_folder import ReportFolder
from .results import Failure, Result
from .schema import check_grid, describe
from .scores import NOTE, ScoreEntry, done_keys, parse_scores
from .sealed import seal
from .selection import ACTIVE_KL, CODE_KL, shown_runs, stored_frames, trained_groups
from .snapshots import KL_SHOWN, Snapshots
from .source import Source
from .store import Store
from .stored_run import (
    CODES,
    CURVES,
    ON_THE_WAY,
    SNAPSHOTS,
    WEIGHTS,
    Latents,
    StoredRun,
    codes_bytes,
    read_run,
)
from .up_to_date import digest_of_sources, note_report, report_is_up_to_date

__all__ = [
    "ACTIVE_KL",
    "CODES",
    "CODE_KL",
    "COMMIT_VARIABLE",
    "CURVES",
    "KL_SHOWN",
    "MADE_WITH",
    "NOTE",
    "ON_THE_WAY",
    "QUANTILES",
    "SCORED_WITH",
    "SNAPSHOTS",
    "UNREADABLE",
    "WEIGHTS",
    "WINDOW",
    "DamagedError",
    "Failure",
    "Folder",
    "Frames",
    "Joined",
    "Latents",
    "Repeated",
    "ReportFolder",
    "Result",
    "ScoreEntry",
    "Snapshots",
    "Source",
    "Store",
    "StoreError",
    "StoredRun",
    "WriteError",
    "check_grid",
    "clear",
    "coarser",
    "codes_bytes",
    "describe",
    "digest_of_sources",
    "done_keys",
    "dump_json",
    "epoch_mean",
    "find_array",
    "folder_names",
    "fsync_path",
    "git_commit",
    "has_frames",
    "history_text",
    "join",
    "making",
    "mean_curve",
    "new_folder",
    "note_report",
    "outdated_runs",
    "parse_scores",
    "read_bytes",
    "read_frames",
    "read_json",
    "read_run",
    "remove",
    "replacing",
    "report_is_up_to_date",
    "resolved",
    "seal",
    "shown_runs",
    "stored_frames",
    "trained_groups",
    "versions",
    "window_means",
    "windowed",
    "write_frames",
    "write_text",
    "writing",
]
