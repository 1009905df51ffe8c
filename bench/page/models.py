"""The page's models: one block for each, with its pictures, its curves and its scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..analysis import Study
from ..store import ACTIVE_KL
from ..tables import counted, dataset_heading, metric_title, number
from .explorer import ShownModel
from .figures import Figure
from .ranking import MODELS
from .tables import Cell, block_id, interval_cell

# More blocks would make the page slow; the tables have every model.
MAX_BLOCKS = 100


@dataclass(frozen=True)
class ScoreRow:
    """A score of a model over its seeds.

    Attributes
    ----------
    metric, title : str
        The column, and in words.
    cell : Cell
        Mean and interval.
    chance, ceiling : str
        What codes without information and perfect ones have, empty where that is not known.
    by_seed : str
        Seeds and values as the page's script reads them: "0:0.25 1:0.5".
    """

    metric: str
    title: str
    cell: Cell
    chance: str
    ceiling: str
    by_seed: str


@dataclass(frozen=True)
class ModelBlock:
    """All that the page shows of a model.

    Attributes
    ----------
    block : str
        Id of its element; rows of tables lead to it.
    label, dataset, gist : str
        What it is called, the data, and seeds, KL and latents in use in a few words.
    collapsed : bool
        Whether the shown seed has no code.
    explorer : ShownModel or None
        Its latents, to be moved; None for codes from elsewhere.
    figures : tuple of Figure
        Traversals and curves.
    left_out : int
        How many more figures are in figures/.
    scores : tuple of ScoreRow
        Every score that it has.
    """

    block: str
    label: str
    dataset: str
    gist: str
    collapsed: bool
    explorer: ShownModel | None
    figures: tuple[Figure, ...]
    left_out: int
    scores: tuple[ScoreRow, ...]


def model_blocks(
    study: Study,
    explorers: Sequence[ShownModel],
    figures: Mapping[str, tuple[Sequence[Figure], int]],
) -> tuple[list[ModelBlock], int]:
    """Return the blocks in the order of the tables, and how many models have none.

    Parameters
    ----------
    study : Study
        All runs.
    explorers : sequence of ShownModel
        Models whose latents can be moved.
    figures : mapping
        Run id to its figures and how many more there are.
    """
    runs = study.tables.runs
    models = runs[runs["kind"].isin(MODELS)] if len(runs) else runs
    groups = [*models.groupby(["group_id", "precision"], sort=False)] if len(models) else []
    by_run = {model.run: model for model in explorers}
    summary = study.tables.summary
    scored = dict([*summary.groupby(["group_id", "precision"], sort=False)])
    blocks = []
    for (group_id, precision), group in groups[:MAX_BLOCKS]:
        ids = [*group["run_id"]]
        explorer = next((by_run[run] for run in ids if run in by_run), None)
        drawn = next((figures[run] for run in ids if run in figures), ((), 0))
        first = group.iloc[0]
        blocks.append(
            ModelBlock(
                block=block_id(str(group_id), str(precision)),
                label=str(first["label"]),
                dataset=dataset_heading(first["dataset"], first["dataset_options"]),
                gist=_gist(study, group),
                collapsed=explorer is not None and not explorer.has_code,
                explorer=explorer,
                figures=tuple(drawn[0]),
                left_out=drawn[1],
                scores=_scores(group, scored.get((group_id, precision), summary.iloc[:0])),
            )
        )
    return blocks, len(groups) - len(blocks)


def _gist(study: Study, group: pd.DataFrame) -> str:
    """Return seeds, KL and latents in use, medians over seeds."""
    seeds = counted(len(group), "seed")
    kl = group["kl"].dropna().median() if "kl" in group else float("nan")
    if pd.isna(kl):
        return seeds
    known = f"{seeds}, KL {float(kl):.1f} nats"
    latents = study.tables.kl_per_dimension
    latents = latents[latents["run_id"].isin(group["run_id"])]
    active = (latents["kl"] > ACTIVE_KL).groupby(latents["run_id"]).sum().median()
    return known if pd.isna(active) else f"{known} in {counted(active, 'latent')}"


def _scores(group: pd.DataFrame, summary: pd.DataFrame) -> tuple[ScoreRow, ...]:
    rows: list[ScoreRow] = []
    entries: Any = summary.to_dict("records")
    for entry in entries:
        metric = str(entry["metric"])
        values = group.set_index("seed")[metric].dropna()
        rows.append(
            ScoreRow(
                metric=metric,
                title=metric_title(metric),
                cell=interval_cell(entry, of=len(group)),
                chance=_level(entry.get("chance")),
                ceiling=_level(entry.get("ceiling")),
                by_seed=" ".join(f"{seed}:{value:.6g}" for seed, value in values.items()),
            )
        )
    return tuple(rows)


def _level(value: float | None) -> str:
    return "" if value is None or pd.isna(value) else number(value)
