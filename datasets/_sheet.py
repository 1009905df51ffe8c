"""A contact sheet: what a dataset looks like, and what each factor does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ._base import FactorDataset

_COLUMNS = 10


def traversal(data: FactorDataset, factor: int, n: int = _COLUMNS) -> NDArray[np.int64]:
    """Return indices of images where one factor runs through its values, the others held.

    The others are held at the values of the middle image. Up to `n` values are taken, evenly
    spaced and with both ends; combinations without image are left out.
    """
    size = data.factor_sizes[factor]
    values = np.unique(np.linspace(0, size - 1, min(n, size)).round().astype(np.int64))
    rows = np.repeat(data.factors([_middle(data)]), len(values), axis=0)
    rows[:, factor] = values
    found = []
    for row in rows:
        try:
            found.append(int(data.index(row[None])[0]))
        except ValueError:  # an incomplete grid
            continue
    return np.array(found, np.int64)


def _middle(data: FactorDataset) -> int:
    if not data.is_full_grid:
        return len(data) // 2
    # The last of a few classes: of dSprites' shapes the heart, whose orientation can be seen.
    return int(data.index([[size // 2 if size > 3 else size - 1 for size in data.factor_sizes]])[0])


def save_sheet(data: FactorDataset, path: Path, seed: int = 0) -> None:
    """Draw the contact sheet of a dataset into a .png, .svg or .pdf file.

    The first two rows are images drawn at random, as training draws them; then one row per factor.
    """
    from matplotlib.figure import Figure

    rng = np.random.default_rng(seed)
    drawn = [_drawn(data, rng) for _ in range(2)]
    rows = [("random images", drawn[0]), ("", drawn[1])]
    for k, (name, size) in enumerate(zip(data.factor_names, data.factor_sizes, strict=True)):
        rows.append((f"{name}\n{size} values", traversal(data, k)))
    figure = Figure(figsize=(1 + _COLUMNS, 0.7 + len(rows)), dpi=144)
    grid = figure.subplots(len(rows), _COLUMNS, squeeze=False)
    figure.subplots_adjust(
        left=1.6 / (1 + _COLUMNS),
        right=0.995,
        bottom=0.01,
        top=1 - 0.6 / (0.7 + len(rows)),
        wspace=0.06,
        hspace=0.06,
    )
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, (label, indices) in zip(grid, rows, strict=True):
        axes[0].text(-0.12, 0.5, label, transform=axes[0].transAxes, ha="right", va="center")
        for ax, image in zip(axes, data.images(indices), strict=False):
            ax.imshow(_picture(image), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    options = ", ".join(f"{key}={value}" for key, value in data.options.items())
    channels, h, w = data.image_shape
    title = f"{data.name} {f'({options}) ' if options else ''}— {len(data):,} images of {h}×{w}"
    figure.suptitle(title + (", colour" if channels == 3 else ""), y=1 - 0.15 / (0.7 + len(rows)))
    figure.savefig(path)


def _drawn(data: FactorDataset, rng: np.random.Generator) -> NDArray[np.int64]:
    weights = data.training_weights()
    if weights is None:
        return rng.integers(0, len(data), _COLUMNS)
    return rng.choice(len(data), _COLUMNS, p=weights / weights.sum())


def _picture(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.moveaxis(image, 0, 2) if len(image) == 3 else image[0]
