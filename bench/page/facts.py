"""The page's text beside its tables: notices, what was run, definitions and provenance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..analysis import SHORT_STEPS, Study, least_steps
from ..grid import KINDS, TrainedSpec
from ..tables import by_dataset


def notices(study: Study) -> list[str]:
    """Return what a reader has to know before any number."""
    runs = study.tables.runs
    texts = [*study.tables.notices]
    if runs.empty:
        return [*texts, "No run has finished."]
    texts += _too_short(runs[runs["kind"].isin(_trained_kinds())])
    missing = study.tables.scores
    missing = missing[missing["value"].isna() & missing["reason"].notna()]
    for reason, part in missing.groupby("reason", sort=False):
        names = ", ".join(dict.fromkeys(part["metric"]))
        texts.append(f"No value for {len(part)} scores ({names}): {reason}.")
    if len(study.tables.failures):
        texts.append(f"{len(study.tables.failures)} runs failed; they are listed below.")
    return texts


def _too_short(trained: pd.DataFrame) -> list[str]:
    """Return which runs are too short to be read, by dataset: what is short depends on its size."""
    texts = []
    for heading, part in by_dataset(trained):
        sizes = zip(part["dataset_images"], part["batch_size"], strict=True)
        least = np.array([least_steps(n_images, batch) for n_images, batch in sizes])
        steps = part["steps"].to_numpy(np.float64)
        short = steps < least
        if short.any():
            ends = dict.fromkeys((least[short].min(), least[short].max()))
            needed = " to ".join(f"{value:,}" for value in ends)
            usual = "; the literature trains 300,000" if SHORT_STEPS in least[short] else ""
            texts.append(
                f"Too short to read: {short.sum()} of {len(part)} trained runs on {heading} have "
                f"fewer than {needed} steps (the shortest {int(steps.min()):,}{usual}). Their "
                f"scores say how training starts, not how the methods compare."
            )
    return texts


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
        facts.append(("Evaluated on", ", ".join(f"{value} images" for value in images)))
        facts += [
            (name, ", ".join(f"{value:.0f} {unit}" for value in sorted(set(found.dropna()))))
            for name, key, unit in _SHARED
            if (found := study.tables.provenance.get(key)) is not None
        ]
    if study.tables.folders:
        sizes = Counter(runs["folder"]) if len(runs) else Counter()
        listed = [
            f"{name} ({sizes[name]:,} run{'' if sizes[name] == 1 else 's'})"
            for name in study.tables.folders
        ]
        facts.insert(0, ("Folders", ", ".join(listed)))
    if grid:
        facts.insert(0, ("Grid", str(grid.get("name", ""))))
    return facts


def provenance(study: Study) -> tuple[list[str], list[list[str]]]:
    """Return the table of what the runs came from."""
    frame = study.tables.provenance
    rows = [["" if pd.isna(v) else str(v) for v in record] for record in frame.to_numpy().tolist()]
    return [str(name) for name in frame], rows


def _trained_kinds() -> Sequence[str]:
    return [kind for kind, cls in KINDS.items() if issubclass(cls, TrainedSpec)]
