"""Training curves as they are stored: rows of means over windows of steps. No torch."""

from __future__ import annotations

import numpy as np
import pandas as pd


def history_text(history: pd.DataFrame) -> str:
    """Return training curves as CSV."""
    # Means over windows of noisy steps: six digits are more than they are worth.
    text: str = history.to_csv(index=False, lineterminator="\n", float_format="%.6g")
    return text


def coarser(history: pd.DataFrame, n_rows: int) -> pd.DataFrame:
    """Return curves of at most so many rows, each the mean over neighbouring windows of steps.

    Parameters
    ----------
    history : DataFrame
        Curves of one run: `step`, the number of steps done by the end of each window, and means.
    n_rows : int
        From 1 on.

    Returns
    -------
    DataFrame
        The same columns. Windows weigh as many steps as they have; the last has its full share of
        them, the first may have fewer.

    Examples
    --------
    >>> coarser(pd.DataFrame({"step": [1, 2, 3, 4], "kl": [4.0, 2.0, 1.0, 3.0]}), 2)
       step   kl
    0     2  3.0
    1     4  2.0
    """
    together = -(-len(history) // n_rows)
    # Counted from the end, so that what is said of the end of training is of all its windows.
    part = np.arange(len(history))[::-1] // max(together, 1)
    n_steps = pd.Series(np.diff(history["step"], prepend=0), history.index)
    values = history.drop(columns="step")
    sums = values.mul(n_steps, axis=0).groupby(part).sum(min_count=1)
    means = sums / values.notna().mul(n_steps, axis=0).groupby(part).sum()
    means.insert(0, "step", history["step"].groupby(part).last())
    fewer: pd.DataFrame = means[::-1].reset_index(drop=True)
    return fewer
