"""Group runs, and select the one of each group that is shown; what counts as a code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..grid import Codes, TrainedSpec
from .frames import Frames, read_frames
from .source import Source
from .stored_run import StoredRun

# Nats per image. A code of less is collapsed, or has not begun: training starts on a plateau
# without a code.
CODE_KL = 1.0
# A latent with so many nats is in use.
ACTIVE_KL = 0.1


def trained_groups(runs: Iterable[StoredRun]) -> list[list[StoredRun]]:
    """Return the runs of trained models by group and precision, each by ascending seed.

    Codes from elsewhere are of models too; only their images are not known here.
    """
    groups: dict[tuple[str, str], list[StoredRun]] = {}
    for run in sorted(runs, key=lambda run: run.spec.seed):
        if isinstance(run.spec, TrainedSpec | Codes):
            key = (run.group_id, run.precision)
            groups.setdefault(key, []).append(run)
    return list(groups.values())


def shown_runs(store: Source, runs: Iterable[StoredRun]) -> list[StoredRun]:
    """Return those of `runs` that are shown, one of every group of trained models.

    The lowest seed whose code has not collapsed: a model without a code shows nothing but its mean
    image. Where all have, the lowest.
    """
    return [
        next((run for run in members if _has_code(store, run)), members[0])
        for members in trained_groups(runs)
    ]


def _has_code(store: Source, run: StoredRun) -> bool:
    kl = store.scored(run).kl
    return kl is not None and kl > CODE_KL


def stored_frames(store: Source, runs: Iterable[StoredRun]) -> Iterator[tuple[str, Frames]]:
    """Yield (run id, frames) of every shown run that has them."""
    for run in shown_runs(store, runs):
        frames = read_frames(store.frames_path(run.run_id))
        if frames is not None:
            yield run.run_id, frames
