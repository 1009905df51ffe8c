"""Diagnoses as the page shows them: a table for each dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..headings import by_dataset
from ..page import number
from ..tables import Tables

if TYPE_CHECKING:
    from . import Diagnosis


@dataclass(frozen=True)
class DoctorTable:
    """The capacity runs of a dataset; every cell is text."""

    dataset: str
    rows: list[dict[str, str]]


def doctor_tables(diagnoses: Sequence[Diagnosis], tables: Tables) -> list[DoctorTable]:
    """Return what the page shows of diagnoses, per dataset in the order of the runs."""
    by_run = {diagnosis.run["run_id"]: diagnosis for diagnosis in diagnoses}
    found = []
    for heading, part in by_dataset(tables.runs):
        rows = [_row(by_run[run_id]) for run_id in part["run_id"] if run_id in by_run]
        if rows:
            found.append(DoctorTable(heading, rows))
    return found


def _row(diagnosis: Diagnosis) -> dict[str, str]:
    measured = diagnosis.measured
    return {
        "label": f"{diagnosis.run['label']}, seed {diagnosis.run['seed']}",
        "verdict": diagnosis.verdict,
        "others": ", ".join(diagnosis.findings[1:]),
        "c": number(measured.capacity),
        "kl": number(measured.kl),
        "share": f"{measured.share:.0%}",
        "slope": number(measured.seen.steepest),
        "sentence": diagnosis.sentence,
    }
