"""The page's comparison with published numbers: plain cells for the template."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any

import pandas as pd

from ..analysis.published_ball import NOTES
from ..analysis.published_models import DATASET, MEASURED, SOURCE, TRAINING, beside_published
from ..store import ACTIVE_KL
from ..tables import Tables, minus, number
from .tables import Cell, Row, Table, interval_cell

# The parts of the section by their ids, which a claim may name, and their titles.
PARTS = {
    "ball": "The ball's latents",
    "utilisation": "Factors by capacity",
    "implementations": "Trained models of others",
}


def logs_parts(frame: pd.DataFrame) -> list[dict[str, object]]:
    """Return what the page shows of ours beside training logs: a part a group of ours and epoch.

    Parameters
    ----------
    frame : DataFrame
        As `published_table` returns it.

    Returns
    -------
    list of dict
        `title`, `difference` and `rows`, whose cells are text.
    """
    parts: list[dict[str, object]] = []
    for _, part in frame.groupby(["group_id", "precision", "epoch"], sort=False):
        first = part.iloc[0]
        parts.append(
            {
                "title": f"{first['model']}, epoch {first['epoch']} (step {first['steps']:,}): "
                f"ours {first['label']}, {_seeds(first)}",
                "difference": first["known_difference"],
                "rows": [_log_cells(row) for row in part.to_dict("records")],
            }
        )
    return parts


def _log_cells(row: dict[Hashable, Any]) -> dict[str, str]:
    difference = row["ours"] / row["published"] - 1
    spread = f"range {row['low']:.2f} to {row['high']:.2f}" if row["n_seeds"] > 1 else ""
    return {
        "quantity": row["quantity"],
        "theirs": f"{row['published']:.2f}",
        "ours": f"{row['ours']:.2f}",
        "range": spread,
        "difference": minus(f"{difference:+.0%}"),
        "agrees": "yes" if row["within_5_percent"] else "no",
    }


def models_table(tables: Tables) -> Table | None:
    """Return the published models, and ours of the same objective below each.

    Parameters
    ----------
    tables : Tables
        Everything that is known of a study.

    Returns
    -------
    Table or None
        None where nothing was trained on dSprites. Ours are means over seeds.
    """
    rows = []
    for model, ours in beside_published(tables):
        cells = [Cell(f"{model[name]:,}") for name in TRAINING]
        cells += [Cell("1"), *(Cell(number(model[name])) for name in MEASURED)]
        rows.append(Row(model["model"], SOURCE, tuple(cells)))
        for _, group in ours.groupby(["group_id", "precision"], sort=False):
            rows.append(_our_row(group))
    return Table(DATASET, (*TRAINING, "seeds", *MEASURED), tuple(rows)) if rows else None


def _our_row(group: pd.DataFrame) -> Row:
    first, entries = group.iloc[0], group.set_index("metric")
    cells = [Cell(f"{int(first[name]):,}") for name in TRAINING]
    cells.append(Cell(str(int(group["n_seeds"].max()))))
    cells += [
        interval_cell(entries.loc[name]) if name in entries.index else Cell("–")
        for name in MEASURED
    ]
    return Row(first["label"], "ours", tuple(cells))


def ball_parts(frame: pd.DataFrame) -> list[dict[str, object]]:
    """Return what the page shows of the ball's latents: a part for each group of ours.

    Parameters
    ----------
    frame : DataFrame
        As `ball_latents` returns it.

    Returns
    -------
    list of dict
        `title`, `rows`, whose cells are text: the latents that the poster shows, and those of ours
        that any seed uses, and `note`, mostly empty.
    """
    parts: list[dict[str, object]] = []
    for _, part in frame.groupby(["group_id", "precision"], sort=False):
        first = part.iloc[0]
        shown = part[part["published_kl"].notna() | (part["kl_high"] > ACTIVE_KL)]
        parts.append(
            {
                # A float where baselines, which have none, stand beside it.
                "title": f"β = {first['beta']:g}: ours {first['label']}, {first['steps']:,.0f} "
                f"steps, {_seeds(first)}",
                "rows": [_ball_cells(row) for row in shown.to_dict("records")],
                "note": NOTES.get(float(first["beta"]), ""),
            }
        )
    return parts


def _ball_cells(row: dict[Hashable, Any]) -> dict[str, str]:
    cells = {"rank": str(row["rank"])}
    for name in ("kl", "sigma"):
        ours, low, high = (_hundredths(row[f"{name}{end}"]) for end in ("", "_low", "_high"))
        several = row["n_seeds"] > 1 and not math.isnan(row[name])
        cells |= {
            f"{name}_theirs": _hundredths(row[f"published_{name}"]),
            f"{name}_ours": ours,
            f"{name}_range": f"{low} to {high}" if several else "",
        }
    return cells


def _hundredths(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.2f}"


def utilisation_parts(frame: pd.DataFrame) -> list[dict[str, object]]:
    """Return what the page shows of factors by capacity: a part for each group of ours.

    Parameters
    ----------
    frame : DataFrame
        As `utilisation_table` returns it.

    Returns
    -------
    list of dict
        `title` and `rows`, whose cells are text.
    """
    parts: list[dict[str, object]] = []
    for _, part in frame.groupby(["dataset", "group_id", "precision"], sort=False):
        first = part.iloc[0]
        parts.append(
            {
                "title": f"{first['dataset']}: {first['label']}, {_seeds(first)}",
                "rows": [_utilisation_cells(row) for row in part.to_dict("records")],
            }
        )
    return parts


def _utilisation_cells(row: dict[Hashable, Any]) -> dict[str, str]:
    spread = f"range {_nats(row['low'])} to {_nats(row['high'])}" if row["n_seeds"] > 1 else ""
    return {
        "quantity": row["quantity"],
        "theirs": _nats(row["published"]),
        "ours": _nats(row["ours"]),
        "range": spread,
    }


def _nats(value: float) -> str:
    if not math.isfinite(value):
        return "never"
    return minus(f"{value:.2f}" if abs(value) < 20 else f"{value:.0f}")


def _seeds(row: pd.Series[Any]) -> str:
    return "1 seed" if row["n_seeds"] == 1 else f"{row['n_seeds']} seeds"
