"""Score codes: stored runs in, stored scores out. No torch: a new metric trains nothing.

- `score_stored` is the whole stage, as tasks of an engine: runs, variants, groups.
- `missing_scores` lists the requested scores that a run does not have yet.
- `drop_superseded` removes those that own metrics gave before they were changed.
- `run_entries`, `read_group_scores`, `read_variants` read stored scores.
- `scores_on_the_way`, `score_request` and `known_bounds` score arrays that are in memory.
"""

from .background import BackgroundScores
from .bounds import BoundCodes
from .bounds_cache import known_bounds
from .during_training import scores_on_the_way
from .evaluate import NOT_GIVEN, ONE_SEED, score_request
from .groups import read_group_scores
from .keys import scored_requests, superseded
from .runs import (
    drop_superseded,
    missing_scores,
    note_unscored,
    run_entries,
    scalar_scores,
    total,
)
from .tasks import each, score_stored
from .variants import read_variants

__all__ = [
    "NOT_GIVEN",
    "ONE_SEED",
    "BackgroundScores",
    "BoundCodes",
    "drop_superseded",
    "each",
    "known_bounds",
    "missing_scores",
    "note_unscored",
    "read_group_scores",
    "read_variants",
    "run_entries",
    "scalar_scores",
    "score_request",
    "score_stored",
    "scored_requests",
    "scores_on_the_way",
    "superseded",
    "total",
]
