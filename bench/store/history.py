"""History: stored training curves, as rows of means over windows of steps. No torch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

# Curves are judged in windows of so many steps.
WINDOW = 1_000


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
    together = max(-(-len(history) // n_rows), 1)
    # Counted from the end, so that what is said of the end of training is of all its windows.
    ends = history["step"].to_numpy()[::-1][::together][::-1]
    return window_means(history, [0, *ends])


def mean_curve(curves: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the mean over runs of curves whose rows may be means over windows of other lengths.

    Parameters
    ----------
    curves : sequence of DataFrame
        Of one run each, at least one, all of the same columns: `step`, the number of steps done by
        the end of each window, and means.

    Returns
    -------
    DataFrame
        The numeric columns, in the windows of the curve that has the fewest. It ends where the
        shortest curve ends, so that every row is a mean over all runs.

    Examples
    --------
    >>> fine = pd.DataFrame({"step": [1, 2, 3, 4], "kl": [1.0, 3.0, 5.0, 7.0]})
    >>> mean_curve([fine, pd.DataFrame({"step": [2, 4], "kl": [4.0, 8.0]})])
       step   kl
    0     2  3.0
    1     4  7.0
    """
    coarsest = min(curves, key=len)["step"].to_numpy()
    last = min(curve["step"].max() for curve in curves)
    edges = [0, *coarsest[coarsest < last], last]
    alike = [window_means(curve.select_dtypes("number"), edges) for curve in curves]
    mean: pd.DataFrame = pd.concat(alike).groupby("step", as_index=False).mean()
    return mean


def window_means(history: pd.DataFrame, edges: ArrayLike) -> pd.DataFrame:
    """Return curves as means over other windows of steps.

    Parameters
    ----------
    history : DataFrame
        Of one run: `step`, the number of steps done by the end of each window, and means.
    edges : array_like, shape (n + 1,)
        The steps done at the ends of the windows wanted, rising, from the start of the first on.

    Returns
    -------
    DataFrame
        n rows of the same columns; `step` is the end of a window. A row that lies in two windows
        counts in each for the steps that it has there. What is absent counts nowhere; a window of
        which nothing is known has NaN.

    Examples
    --------
    >>> rows = pd.DataFrame({"step": [400, 800, 1200, 1600, 2000], "kl": [1.0, 2, 3, 4, 5]})
    >>> window_means(rows, [0, 1000, 2000])
       step   kl
    0  1000  1.8
    1  2000  4.2
    """
    bounds = np.asarray(edges)
    ends = np.concatenate([[0], history["step"].to_numpy()])
    found = {"step": bounds[1:]}
    for name in history.columns.drop("step"):
        values = history[name].to_numpy(np.float64)
        lengths = np.where(np.isfinite(values), np.diff(ends), 0)
        # What was summed up by any step, as rows are level: the integral of a step function.
        weights, sums = (
            np.diff(np.interp(bounds, ends, np.concatenate([[0], np.cumsum(part)])))
            for part in (lengths, lengths * np.nan_to_num(values, posinf=0, neginf=0))
        )
        found[name] = np.divide(sums, weights, out=np.full(len(sums), np.nan), where=weights > 0)
    return pd.DataFrame(found, columns=history.columns)


def windowed(history: pd.DataFrame, width: int = WINDOW) -> pd.DataFrame:
    """Return means over windows of equally many steps, of whole rows.

    Parameters
    ----------
    history : DataFrame
        Of one run: `step`, the number of steps done by the end of each window, and means.
    width : int
        Steps of a window; the length of a row where that is longer.

    Returns
    -------
    DataFrame
        `start`, the step that a window starts at, and the means, as of `window_means`. A row
        belongs to the window that its middle is in; a last window of less than half the width is
        left out.

    Examples
    --------
    >>> rows = pd.DataFrame({"step": [400, 800, 1200, 1600, 2000], "kl": [1.0, 2, 3, 4, 5]})
    >>> windowed(rows)
       start   kl
    0      0  1.5
    1   1000  4.0
    """
    ends = history["step"].to_numpy(np.float64)
    lengths = np.diff(ends, prepend=0)
    width = max(width, math.ceil(lengths.max()))
    place = ((ends - lengths / 2) // width).astype(np.int64)
    last = np.flatnonzero(np.diff(place, append=-1))
    edges = np.array([0, *ends[last]])
    means = window_means(history.select_dtypes("number"), edges).drop(columns="step")
    means.insert(0, "start", place[last] * width)
    return means[np.diff(edges) >= width / 2].reset_index(drop=True)


def epoch_mean(history: pd.DataFrame, epoch: int, steps: int) -> pd.Series[float] | None:
    """Return the means of a history over the steps of an epoch, None if it ends before.

    Parameters
    ----------
    history : DataFrame
        Of one run: `step`, the steps done by the end of a row's window, and window means.
    epoch : int
        From 1.
    steps : int
        Training steps in an epoch.

    Returns
    -------
    Series or None
        Means of the numeric columns, each row weighted by how many of its steps lie in the epoch.
    """
    if not len(history) or history["step"].iloc[-1] < epoch * steps:
        return None
    edges = [(epoch - 1) * steps, epoch * steps]
    means: pd.Series[float] = window_means(history.select_dtypes("number"), edges).iloc[0]
    return means.drop("step")
