"""Frontier: what training reached on the rate–distortion plane, and its slope there.

A model that minimises D + γ|R − C| stays on R = C only where γ exceeds the slope −dD/dR: where D
falls faster than γ per nat, every nat above C pays, and R runs away upwards.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ..gain import BEST, NO_CODE

# Rates are pooled in bins of so many nats.
BIN = 0.5


@dataclass(frozen=True)
class Frontier:
    """The lower convex hull of (rate, distortion) over all windows of training of like runs.

    Attributes
    ----------
    rates, distortions : ndarray
        (n,) the hull's corners in nats per image, rates ascending, distortions descending; empty
        without a history.
    plateau : float
        Lowest reconstruction known without a code; NaN where none is.
    """

    rates: NDArray[np.float64]
    distortions: NDArray[np.float64]
    plateau: float

    @property
    def slopes(self) -> NDArray[np.float64]:
        """−dD/dR between the corners, (n − 1,), descending."""
        slopes: NDArray[np.float64] = -np.diff(self.distortions) / np.diff(self.rates)
        return slopes

    @property
    def steepest(self) -> float:
        """The largest slope, at the lowest rate seen; NaN with fewer than two corners."""
        return float(self.slopes[0]) if len(self.rates) > 1 else math.nan

    def slope(self, rate: float) -> float:
        """Return −dD/dR at a rate: 0 beyond the last corner, where nothing more was gained."""
        if len(self.rates) < 2:
            return math.nan
        place = int(np.searchsorted(self.rates, rate, side="right")) - 1
        return 0.0 if place >= len(self.slopes) else float(self.slopes[max(place, 0)])


def frontier(windows: pd.DataFrame, plateau: float) -> Frontier:
    """Return the frontier of windows of training.

    Parameters
    ----------
    windows : DataFrame
        Columns `kl` and `reconstruction`, nats per image, of all runs that may be compared.
    plateau : float
        As in `Frontier`.

    Returns
    -------
    Frontier

    Examples
    --------
    >>> windows = pd.DataFrame({"kl": [0.0, 1, 2, 2], "reconstruction": [90.0, 50, 30, 70]})
    >>> seen = frontier(windows, 90.0)
    >>> seen.slopes.tolist(), seen.slope(1.5)
    ([40.0, 20.0], 20.0)
    """
    kl = windows["kl"].to_numpy(np.float64)
    reconstruction = windows["reconstruction"].to_numpy(np.float64)
    known = np.isfinite(kl) & np.isfinite(reconstruction)
    kl, reconstruction = kl[known], reconstruction[known]
    # Bin 0 holds windows without a code, bin 1 the rest of the first half nat, and so on.
    bins = np.where(kl < NO_CODE, 0, 1 + np.floor(kl / BIN).astype(np.int64))
    points = []
    for place in np.unique(bins):
        inside = np.flatnonzero(bins == place)
        lowest = inside[np.argsort(reconstruction[inside], kind="stable")]
        lowest = lowest[: max(1, round(BEST * len(lowest)))]
        points.append((float(kl[lowest].mean()), float(reconstruction[lowest].mean())))
    corners = _hull(points)
    return Frontier(corners[:, 0], corners[:, 1], plateau)


def _hull(points: ArrayLike) -> NDArray[np.float64]:
    """Return the descending part of the lower convex hull, (n, 2), of points sorted by rate."""
    hull: list[NDArray[np.float64]] = []
    for point in np.asarray(points, np.float64).reshape(-1, 2):
        while hull and (
            (len(hull) > 1 and _turns_down(hull[-2], hull[-1], point)) or point[0] <= hull[-1][0]
        ):
            hull.pop()
        if not hull or point[1] < hull[-1][1]:
            hull.append(point)
    return np.asarray(hull).reshape(-1, 2)


def _turns_down(a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64]) -> bool:
    """Return whether b lies on or above the line from a to c."""
    return bool((b[0] - a[0]) * (c[1] - a[1]) <= (b[1] - a[1]) * (c[0] - a[0]))
