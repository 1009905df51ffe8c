"""Setting: runs that may be compared, and how a claim finds its models among them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..grid import VAESpec
from ..store import ACTIVE_KL, CODE_KL, WINDOW, windowed
from ..tables import MIN_SEEDS, Tables, counted, in_words
from .training_length import least_steps

# Runs are compared that agree in all of these; objectives differ in what is not listed.
SHARED = (
    "dataset",
    "dataset_options",
    "precision",
    "evaluation_images",
    "evaluation_seed",
    *(name for name in VAESpec.model_fields if name not in ("kind", "seed", "evaluation")),
)
# The β that the paper sets beside β = 1 on its ball (Fig. 2).
PAPER_BETA = 150.0
# Seeds that the protocol asks for; fewer than `MIN_SEEDS` allow no verdict.
SEEDS = 10
# The paper's annealing of dSprites; of models that differ in it alone, the nearest is taken.
ANNEAL_STEPS = 100_000
# A row may be a little longer than a window: 100,000 steps in 100 rows are rows of 1,002.
_LONGEST_ROW = 1.5 * WINDOW
AGAIN = "and start the grid again: nothing is trained again"


@dataclass(frozen=True)
class Setting:
    """Trained runs of one dataset, precision, architecture, length, batch size and learning rate.

    Attributes
    ----------
    tables : Tables
        Everything that is known, of other runs too.
    runs : DataFrame
        The rows of `tables.runs` that may be compared, all objectives and seeds.
    """

    tables: Tables
    runs: pd.DataFrame

    @property
    def dataset(self) -> str:
        """The dataset's name."""
        return str(self.runs["dataset"].iloc[0])

    @property
    def dataset_options(self) -> str:
        """The dataset's options as JSON."""
        return str(self.runs["dataset_options"].iloc[0])

    @property
    def precision(self) -> str:
        """The precision of training."""
        return str(self.runs["precision"].iloc[0])

    @property
    def steps(self) -> int:
        """How many steps all were trained."""
        return int(self.runs["steps"].iloc[0])

    def least_steps(self, large: int) -> int:
        """Return the steps that training needs here to be read, `large` on a large dataset."""
        first = self.runs.iloc[0]
        n_images = float(first.get("dataset_images", math.nan))
        return least_steps(n_images, float(first["batch_size"]), large)

    def models(self, kind: str, **wanted: float) -> pd.DataFrame:
        """Return the runs of a kind with these hyper-parameters, one for each seed; maybe none.

        Only those whose annealing has ended count.
        """
        chosen: pd.DataFrame = self.runs[self.runs["kind"] == kind]
        for name, value in wanted.items():
            chosen = chosen[chosen[name] == value] if name in chosen else chosen.iloc[:0]
        if "anneal_steps" in chosen:
            # A schedule that training cut off never reached what the model is called by.
            chosen = chosen[~(chosen["anneal_steps"] > chosen["steps"])]
        if chosen["group_id"].nunique() < 2:
            return chosen
        distance = (chosen["anneal_steps"] - ANNEAL_STEPS).abs()
        order = distance.sort_values(kind="stable").index
        nearest = str(chosen["group_id"].loc[order[0]])
        taken: pd.DataFrame = chosen[chosen["group_id"] == nearest]
        return taken

    def by_beta(self) -> dict[float, pd.DataFrame]:
        """Return β to the runs of fixed β, ascending; at β = 1 those of the plain VAE if any."""
        fixed = self.runs[self.runs["kind"] == "beta_vae"]
        found = {float(str(beta)): part for beta, part in fixed.groupby("beta")}
        plain = self.models("vae")
        if len(plain):
            found[1.0] = plain
        return dict(sorted(found.items()))

    def high_beta(self) -> float | None:
        """Return the paper's β = 150 where the median seed has a code, else the largest with one.

        None where no β above 1 has a code. A larger β than the paper's does not take its place: it
        is closer to the collapse.
        """
        coded = [b for b, runs in self.by_beta().items() if b > 1 and self.has_code(runs)]
        return PAPER_BETA if PAPER_BETA in coded else max(coded, default=None)

    def has_code(self, runs: pd.DataFrame) -> bool:
        """Return whether the median seed has a code."""
        return float(runs["kl"].median()) > CODE_KL

    def lacks_betas(self) -> str:
        """Return what to add where there is no contrast of a high β with β = 1."""
        known = self.by_beta()
        adds = [] if 1.0 in known else ["Add `{kind: vae}` to models."]
        if self.high_beta() is None:
            tried = ", ".join(f"{beta:g}" for beta in known if beta > 1) or "none"
            adds.append(
                f"No β above 1 has a code of {CODE_KL:g} nat (tried: {tried}); add lower ones or "
                f"train longer."
            )
        return " ".join(adds)

    def values(self, runs: pd.DataFrame, column: str) -> pd.Series[Any]:
        """Return a measured column by seed, without the seeds that have no value."""
        if column not in runs:
            return pd.Series(dtype="float64")
        return runs.set_index("seed")[column].dropna().astype("float64")

    def active(self, runs: pd.DataFrame) -> pd.Series[Any]:
        """Return by seed how many latents have more than `ACTIVE_KL` nats."""
        kl = self.tables.kl_per_dimension
        counts = (kl["kl"] > ACTIVE_KL).groupby(kl["run_id"]).sum()
        return runs.set_index("seed")["run_id"].map(counts).dropna()

    def windows(self, runs: pd.DataFrame) -> Iterator[tuple[int, str, pd.DataFrame]]:
        """Yield seed, run id and history in windows of `WINDOW` steps, of those that have one."""
        seeds = runs.set_index("run_id")["seed"]
        history = self.tables.history
        history = history[history["run_id"].isin(seeds.index)]
        for run_id, rows in history.groupby("run_id", sort=False):
            # Of longer rows, as a copy may have, nothing is known of windows.
            if not _is_coarse(rows["step"]):
                yield int(seeds[run_id]), str(run_id), windowed(rows)

    def coarse(self, runs: pd.DataFrame) -> str:
        """Return what to do about curves whose rows are longer than a window; mostly nothing."""
        history = self.tables.history
        history = history[history["run_id"].isin(runs["run_id"])]
        n = int(history.groupby("run_id")["step"].agg(_is_coarse).sum())
        if not n:
            return ""
        have = "has" if n == 1 else "have"
        return (
            f"{counted(n, 'run')} {have} training curves of rows longer than the windows of "
            f"{WINDOW:,} steps that this is read in. Of a shared copy, judge the original, or "
            f"share it with more rows."
        )

    def lacks(self, column: str, request: str) -> str:
        """Return what to do where a metric was not asked for, or why it has no value."""
        if column not in self.runs:
            return f"Add {request} to metrics {AGAIN}."
        scores = self.tables.scores
        known = scores[(scores["metric"] == column) & scores["run_id"].isin(self.runs["run_id"])]
        reasons = [*dict.fromkeys([*known["reason"].dropna(), *_flat(known["warnings"])])]
        return f"`{column}` lacks values: {'; '.join(reasons) or 'no reason is stored'}."


def comparable(tables: Tables) -> list[Setting]:
    """Return the trained runs in sets that may be compared with one another."""
    runs = tables.runs
    if runs.empty or "steps" not in runs:
        return []
    trained = runs[runs["steps"].notna()]
    return [Setting(tables, part) for _, part in settings(trained)]


def settings(runs: pd.DataFrame, also: Sequence[str] = ()) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield runs in sets that agree in everything but objective and seed.

    Parameters
    ----------
    runs : DataFrame
        Rows of `Tables.runs`.
    also : sequence of str
        Hyper-parameters of the objective in which a set shall agree too.

    Yields
    ------
    str, DataFrame
        What tells a set from the others, empty where there is one alone, and its rows.

    Examples
    --------
    >>> runs = pd.DataFrame({"steps": [5, 5, 9], "n_latents": 10, "beta": [1.0, 4.0, 1.0]})
    >>> [(name, list(part["beta"])) for name, part in settings(runs)]
    [('5 steps', [1.0, 4.0]), ('9 steps', [1.0])]
    """
    names = [name for name in (*SHARED, *also) if name in runs]
    varying = [name for name in names if len(runs[name].drop_duplicates()) > 1]
    # Empty cells are a value like others here: no run is dropped.
    for _, part in runs.groupby(names, sort=False, dropna=False):
        first = part.iloc[0]
        told = [name for name in varying if not pd.isna(first[name])]
        yield ", ".join(in_words(name, first[name]) for name in told), part


def more_seeds(n_seeds: int, of: str) -> str:
    """Return what to do where there are too few seeds."""
    return (
        f"{n_seeds} {'seed has' if n_seeds == 1 else 'seeds have'} {of}; add seeds until "
        f"{MIN_SEEDS} do ({SEEDS} are better) and start the grid again."
    )


def called(high_beta: float) -> str:
    """Return a high β, and why it is the one that is compared with β = 1.

    Examples
    --------
    >>> called(150.0), called(30.0)
    ("β = 150, the paper's", 'β = 30, the largest with a code')
    """
    why = "the paper's" if high_beta == PAPER_BETA else "the largest with a code"
    return f"β = {high_beta:g}, {why}"


def _flat(lists: pd.Series[Any]) -> list[str]:
    return [str(text) for entry in lists if isinstance(entry, list) for text in entry]


def _is_coarse(steps: pd.Series[Any]) -> bool:
    """Return whether the rows of a training curve are longer than a window."""
    return bool(steps.diff().max() > _LONGEST_ROW)
