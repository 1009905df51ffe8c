"""The page's diagnoses: a table for each dataset, where findings of several seeds appear once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from markupsafe import Markup

from ..analysis import Diagnosis
from ..analysis.doctor import Examination
from ..tables import Tables, by_dataset, counted, number
from .markup import with_code


@dataclass(frozen=True)
class DoctorTable:
    """The capacity runs of a dataset; every cell is text.

    `advice` is what is to be said of C, once for all rows that it is about.
    """

    dataset: str
    rows: list[dict[str, str]]
    advice: list[Markup]


def doctor_tables(diagnoses: Sequence[Diagnosis], tables: Tables) -> list[DoctorTable]:
    """Return what the page shows of diagnoses, per dataset in the order of the runs."""
    by_run = {diagnosis.run["run_id"]: diagnosis for diagnosis in diagnoses}
    found = []
    for heading, part in by_dataset(tables.runs):
        alike: dict[tuple[Any, ...], list[Diagnosis]] = {}
        for one in (by_run[run_id] for run_id in part["run_id"] if run_id in by_run):
            key = (one.run["group_id"], one.run["precision"], one.findings)
            alike.setdefault(key, []).append(one)
        if alike:
            rows = [_row(members) for members in alike.values()]
            found.append(DoctorTable(heading, rows, _advice([one for one, *_ in alike.values()])))
    return found


def _advice(diagnoses: Sequence[Diagnosis]) -> list[Markup]:
    """Return what is to be said of C, each once; of several, with the models it is about."""
    models: dict[str, dict[str, None]] = {}
    for one in diagnoses:
        models.setdefault(one.advice_on_c, {})[str(one.run["label"])] = None
    return [
        with_code(text if len(models) == 1 else f"{'; '.join(labels)}: {text}")
        for text, labels in models.items()
    ]


def doctor_gist(diagnoses: Sequence[Diagnosis]) -> str:
    """Return how many capacity runs have which gravest finding."""
    counts = Counter(diagnosis.verdict for diagnosis in diagnoses)
    return ", ".join(f"{verdict}: {counted(n, 'run')}" for verdict, n in counts.most_common())


def typical(examined: Sequence[Examination]) -> Examination:
    """Return an examination of medians over the seeds of a model."""
    names = ("capacity", "kl", "share", "above", "below", "final_kl", "reconstruction")
    middle: dict[str, Any] = {
        name: float(np.median([getattr(one, name) for one in examined])) for name in names
    }
    latents = np.median([one.latents for one in examined], axis=0)
    return replace(examined[0], latents=latents, **middle)


def _row(members: Sequence[Diagnosis]) -> dict[str, str]:
    """Return the row of a model's seeds with the same findings."""
    first, seeds = members[0], [str(one.run["seed"]) for one in members]
    measured = typical([one.measured for one in members])
    words = replace(first, measured=measured).sentence
    return {
        "label": f"{first.run['label']}, seed{'s' if len(seeds) > 1 else ''} {', '.join(seeds)}",
        "verdict": first.verdict,
        "others": ", ".join(first.findings[1:]),
        "c": number(measured.capacity),
        "kl": number(measured.kl),
        "share": f"{measured.share:.0%}",
        "slope": number(measured.seen.steepest),
        "sentence": with_code(
            words if len(seeds) == 1 else f"Medians over {len(seeds)} seeds. {words}"
        ),
    }
