"""Diagnose every capacity run from the tables, beside the runs it may be compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...grid import KINDS, VAESpec
from ...store import windowed
from ...tables import Tables
from ..comparable import Setting, comparable
from ..following import following, judged
from ..gain import DATA, without_code
from ._examination import Examination, findings, suggested_gamma, works
from ._frontier import Frontier, frontier
from ._reference import Reference, reference
from ._sentences import largest, sentence

# The end of training is its last tenth.
END_SHARE = 0.1


@dataclass(frozen=True)
class Diagnosis:
    """The doctor's verdict on a capacity run.

    Attributes
    ----------
    run : mapping
        The run's row of `Tables.runs`.
    findings : tuple of str
        Names of the rules that hold, the gravest first.
    measured : Examination
        The numbers that they follow from.
    setting : int
        Which set of comparable runs it is in, in their order.
    working : tuple of float
        Every γ at which runs of the same data are on C with a code, ascending.
    """

    run: dict[str, Any]
    findings: tuple[str, ...]
    measured: Examination
    setting: int
    working: tuple[float, ...] = ()

    @property
    def verdict(self) -> str:
        """The gravest finding."""
        return self.findings[0]

    @property
    def sentence(self) -> str:
        """The findings in words, with the numbers and what to do."""
        return sentence(self.measured, self.findings, self.working)

    @property
    def advice_on_c(self) -> str:
        """What the β = 1 runs say of C, or what is missing for that: for all runs of a setting."""
        return self.measured.reference.advice


def diagnose(tables: Tables) -> list[Diagnosis]:
    """Return a diagnosis of every capacity run, in the order of the table.

    Parameters
    ----------
    tables : Tables
        Everything that is known of a study.

    Returns
    -------
    list of Diagnosis
        Empty without a run of kind `capacity_vae`. A run that lacks its history or its KL per
        dimension has none.
    """
    histories = {str(run_id): rows for run_id, rows in tables.history.groupby("run_id")}
    codes = {
        str(run_id): _descending(kl)
        for run_id, kl in tables.kl_per_dimension.groupby("run_id")["kl"]
    }
    found: list[Diagnosis] = []
    every = _comparable(tables)
    for place, setting in enumerate(every):
        runs = setting.runs[setting.runs["kind"] == "capacity_vae"]
        runs = runs[runs["run_id"].isin(list(histories)) & runs["run_id"].isin(list(codes))]
        if runs.empty:
            continue
        seen, plain = _frontier(setting, histories), reference(setting, every, codes)
        for row in runs.to_dict("records"):
            run_id = row["run_id"]
            measured = _examine(row, histories[run_id], codes[run_id], seen, plain)
            run = {str(name): value for name, value in row.items()}
            found.append(Diagnosis(run, (), measured, place))
    found = _beside_one_another(found)
    order = {run_id: rank for rank, run_id in enumerate(tables.runs.get("run_id", []))}
    return sorted(found, key=lambda diagnosis: order[diagnosis.run["run_id"]])


def _beside_one_another(diagnoses: Sequence[Diagnosis]) -> list[Diagnosis]:
    """Return diagnoses that know of the other seeds of their model, and of other γ that work."""
    groups: dict[tuple[Any, ...], list[Diagnosis]] = {}
    for one in diagnoses:
        key = (_data(one), one.run["group_id"], one.run["precision"])
        groups.setdefault(key, []).append(one)
    working: dict[tuple[Any, ...], set[float]] = {_data(one): set() for one in diagnoses}
    found = []
    for members in groups.values():
        n_working = sum(works(one.measured) for one in members)
        for one in members:
            measured = replace(one.measured, n_working=n_working, n_seeds=len(members))
            found.append(replace(one, measured=measured, findings=tuple(findings(measured))))
        if found[-1].measured.mostly_works:
            working[_data(members[0])].add(members[0].measured.gamma)
    return [replace(one, working=tuple(sorted(working[_data(one)]))) for one in found]


def _data(diagnosis: Diagnosis) -> tuple[Any, ...]:
    return tuple(diagnosis.run.get(name) for name in DATA)


def _comparable(tables: Tables) -> list[Setting]:
    """Return trained VAEs in sets of the same data, settings and number of latents."""
    kinds = [kind for kind, cls in KINDS.items() if issubclass(cls, VAESpec)]
    return [
        Setting(tables, part)
        for setting in comparable(tables)
        for _, part in setting.runs[setting.runs["kind"].isin(kinds)].groupby(
            "n_latents", sort=False
        )
    ]


def diagnosis_frame(diagnoses: Sequence[Diagnosis]) -> pd.DataFrame:
    """Return diagnoses as the table `doctor.csv`: one row a run; nats per image."""
    rows = [
        {
            "run_id": diagnosis.run["run_id"],
            "dataset": diagnosis.run["dataset"],
            "dataset_options": diagnosis.run["dataset_options"],
            "label": diagnosis.run["label"],
            "seed": diagnosis.run["seed"],
            "precision": diagnosis.run["precision"],
            "verdict": diagnosis.verdict,
            "findings": "; ".join(diagnosis.findings),
            "c_end": diagnosis.measured.capacity,
            "kl_end": diagnosis.measured.kl,
            "judged_after_step": diagnosis.measured.after,
            "share_within_1_nat": diagnosis.measured.share,
            "share_above": diagnosis.measured.above,
            "share_below": diagnosis.measured.below,
            "kl": diagnosis.measured.final_kl,
            "reconstruction": diagnosis.measured.reconstruction,
            "plateau": diagnosis.measured.seen.plateau,
            "slope_at_c": diagnosis.measured.slope,
            "steepest_slope": diagnosis.measured.seen.steepest,
            "top_latents": largest(diagnosis.measured.latents),
            "suggested_capacity": diagnosis.measured.reference.kl,
            "suggested_gamma": suggested_gamma(diagnosis.measured, diagnosis.working),
            "sentence": diagnosis.sentence,
            "advice_on_c": diagnosis.advice_on_c,
        }
        for diagnosis in diagnoses
    ]
    return pd.DataFrame(rows)


def _examine(
    row: dict[Any, Any],
    history: pd.DataFrame,
    latents: NDArray[np.float64],
    seen: Frontier,
    plain: Reference,
) -> Examination:
    steps = int(row["steps"])
    width, after = judged(steps)
    windows = windowed(history, width)
    # Of a copy of few rows, the last says most.
    after = min([after, *windows["start"].tail(1).astype(int)])
    beside = following(windows, after)
    end = history[history["step"] > (1 - END_SHARE) * steps]
    return Examination(
        gamma=float(row["gamma"]),
        capacity=float(end["c"].mean()),
        kl=float(end["kl"].mean()),
        after=after,
        share=beside.within,
        above=beside.above,
        below=beside.below,
        final_kl=float(row["kl"]),
        reconstruction=float(row["reconstruction"]),
        latents=latents,
        seen=seen,
        reference=plain,
    )


def _frontier(setting: Setting, histories: Mapping[str, pd.DataFrame]) -> Frontier:
    known = [histories[run_id] for run_id in setting.runs["run_id"] if run_id in histories]
    columns = ["kl", "reconstruction"]
    return frontier(pd.concat([rows[columns] for rows in known]), without_code(setting))


def _descending(kl: pd.Series[float]) -> NDArray[np.float64]:
    ascending: NDArray[np.float64] = np.sort(kl.to_numpy(np.float64))
    return ascending[::-1]
