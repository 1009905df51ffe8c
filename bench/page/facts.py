"""The page's text beside its tables: notices, what was run, definitions and provenance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..analysis import Study, least_steps
from ..grid import KINDS, TrainedSpec
from ..scoring import NOT_GIVEN, ONE_SEED
from ..tables import by_dataset, counted, listed, metric_title

# Of more scores, or in a longer text, nobody reads on.
_MAX_NAMED = 3
_LONG = 120


def notices(study: Study) -> list[str]:
    """Return what is wrong and has to be known before any number; mostly nothing."""
    runs = study.tables.runs
    texts = [*study.tables.notices]
    if runs.empty:
        return [*texts, *_failed(study)]
    texts += _too_short(runs[runs["kind"].isin(_trained_kinds())])
    missing = study.tables.scores
    missing = missing[missing["value"].isna() & missing["reason"].notna()]
    # What lies in the kind of codes is no fault: PCA has no posterior variances.
    missing = missing[~missing["reason"].astype(str).str.startswith((NOT_GIVEN, ONE_SEED))]
    texts += [_lacking(str(reason), part) for reason, part in missing.groupby("reason", sort=False)]
    return [*texts, *_failed(study)]


def _failed(study: Study) -> list[str]:
    failed = len(study.tables.failures)
    return [f"{counted(failed, 'run')} failed: see the list of failures."] if failed else []


def _lacking(reason: str, part: pd.DataFrame) -> str:
    """Return which scores have no value for a reason; of a long one, where the rest of it is."""
    names = [metric_title(name) for name in dict.fromkeys(part["metric"])]
    if len(names) > _MAX_NAMED + 1:
        names[_MAX_NAMED:] = [f"{len(names) - _MAX_NAMED} other scores"]
    why, _, remedy = reason.partition("; ")
    if len(remedy) > _LONG:
        remedy = "open one of these runs below for what to add"
    said = "; ".join(filter(None, (why, remedy)))
    return f"No {listed(names, last='or')} in {counted(part['run_id'].nunique(), 'run')}: {said}."


def _too_short(trained: pd.DataFrame) -> list[str]:
    """Return which runs are too short to be read, by dataset: what is short depends on its size."""
    found = []
    for heading, part in by_dataset(trained):
        sizes = zip(part["dataset_images"], part["batch_size"], strict=True)
        least = np.array([least_steps(n_images, batch) for n_images, batch in sizes])
        steps = part["steps"].to_numpy(np.float64)
        short = steps < least
        if short.any():
            needed = " to ".join(
                f"{value:,}" for value in dict.fromkeys((least[short].min(), least[short].max()))
            )
            found.append(
                f"{short.sum()} of {len(part)} runs on {heading} (from {int(steps.min()):,} steps; "
                f"{needed} are needed)"
            )
    if not found:
        return []
    return [
        f"Too short to compare methods: {', '.join(found)}. Their scores show how training starts."
    ]


# What the page says of a shared copy: fact, column of the provenance and unit.
_SHARED = (
    ("Codes rounded to", "code_bits", "significant bits"),
    ("Curves averaged to", "history_rows", "rows at most"),
)


def grid_facts(study: Study, grid: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """Return what was run, in a few lines."""
    runs = study.tables.runs
    facts = [("Runs", f"{len(runs)} finished, {len(study.tables.failures)} failed")]
    if len(runs):
        trained = runs[runs["kind"].isin(_trained_kinds())]
        names = [name for name, _ in by_dataset(runs)]
        facts.append(("Datasets", ", ".join(names)))
        facts.append(("Models", ", ".join(dict.fromkeys(trained["label"])) or "none trained"))
        elsewhere = dict.fromkeys(runs.loc[runs["kind"] == "codes", "label"])
        if elsewhere:
            facts.append(("Codes from elsewhere", ", ".join(elsewhere)))
        seeds = sorted({*runs.loc[runs["kind"].isin([*_trained_kinds(), "codes"]), "seed"]})
        facts.append(("Seeds", ", ".join(map(str, seeds)) or "–"))
        steps = sorted({int(value) for value in trained["steps"].dropna()})
        facts.append(("Steps", ", ".join(f"{value:,}" for value in steps) or "–"))
        images = sorted(set(runs["evaluation_images"]))
        facts.append(("Evaluated on", ", ".join(_images(value) for value in images)))
        facts += [
            (name, ", ".join(f"{value:.0f} {unit}" for value in sorted(set(found.dropna()))))
            for name, key, unit in _SHARED
            if (found := study.tables.provenance.get(key)) is not None
        ]
    if study.tables.folders:
        sizes = Counter(runs["folder"]) if len(runs) else Counter()
        named = [f"{name} ({counted(sizes[name], 'run')})" for name in study.tables.folders]
        facts.insert(0, ("Folders", ", ".join(named)))
    if grid:
        facts.insert(0, ("Grid", str(grid.get("name", ""))))
    return facts


def _images(value: Any) -> str:
    return "all images" if value == "all" else f"{int(value):,} images"


def provenance(study: Study) -> tuple[list[str], list[list[str]]]:
    """Return the table of what the runs came from."""
    frame = study.tables.provenance
    rows = [["" if pd.isna(v) else str(v) for v in record] for record in frame.to_numpy().tolist()]
    return [str(name) for name in frame], rows


def _trained_kinds() -> Sequence[str]:
    return [kind for kind, cls in KINDS.items() if issubclass(cls, TrainedSpec)]
