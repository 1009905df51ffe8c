"""load_results: the tables of output folders, with what is judged of them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import pandas as pd

from ..store import Store, join
from ..tables import Tables, collect, collect_joined
from .claims import judge, verdict_frame
from .doctor import diagnose, diagnosis_frame


@dataclass(frozen=True, repr=False)
class Results(Tables):
    """Tables of output folders, with the verdicts on them: given when they are first asked for."""

    @cached_property
    def claims(self) -> pd.DataFrame:
        """The verdicts on the paper's claims, as in `tables/claims.csv`: see `verdict_frame`."""
        return verdict_frame(judge(self))

    @cached_property
    def doctor(self) -> pd.DataFrame:
        """What the doctor says of every capacity run: see `diagnosis_frame`."""
        return diagnosis_frame(diagnose(self))


def load_results(folder: str | Path, *more: str | Path) -> Results:
    """Read an output folder, or several, into tables.

    Parameters
    ----------
    folder : str or Path
        What `disbench run` or `disbench score` wrote.
    *more : str or Path
        Further ones, to be compared with it. A run that several have counts once, as the first has
        it.

    Returns
    -------
    Results
        `runs`, `summary`, `differences`, `history`, `claims`, `doctor` and more, as pandas data
        frames. Of several folders `runs`, `summary`, `failures` and `provenance` have a column
        `folder`.

    Raises
    ------
    StoreError
        If one is not an output folder of this software, or is named twice.

    Examples
    --------
    >>> results = load_results("results/quick")          # doctest: +SKIP
    >>> results.runs[["kind", "beta", "kl"]]             # doctest: +SKIP
    >>> results.claims[["title", "verdict", "missing"]]  # doctest: +SKIP
    """
    stores = [Store(Path(one)) for one in (folder, *more)]
    if len(stores) == 1:
        tables = collect(stores[0], stores[0].runs())
    else:
        tables = collect_joined(join(stores))
    return Results(**{one.name: getattr(tables, one.name) for one in fields(tables)})
