"""Studies as figures need them: changed ones of a small grid."""

from dataclasses import replace
from itertools import combinations

import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from bench.analysis.study import Study


def with_kl(study, kl):
    """Return the study with other total KLs, by kind and seed."""
    runs = study.tables.runs.copy()
    for kind, value in kl.items():
        runs.loc[runs["kind"] == kind, "kl"] = value
    return Study(replace(study.tables, runs=runs), study.frames)


def repeated(study, kind, changes):
    """Return the study with a further group of a kind for each mapping of changed columns."""
    runs, history, frames = study.tables.runs, study.tables.history, dict(study.frames)
    (first,) = runs[(runs["kind"] == kind) & (runs["seed"] == 0)].to_dict("records")
    rows, curves = [], []
    for number, changed in enumerate(changes):
        name = f"{kind}{number}"
        rows.append({**first, "run_id": name, "group_id": name, **changed})
        curves.append(history[history["run_id"] == first["run_id"]].assign(run_id=name))
        frames[name] = frames[first["run_id"]]
    more = pd.DataFrame(rows)[list(runs)].astype(runs.dtypes)
    tables = replace(
        study.tables,
        runs=pd.concat([runs, more], ignore_index=True),
        history=pd.concat([history, *curves], ignore_index=True),
    )
    return Study(tables, frames)


def texts_of(figure):
    """Return the texts of a figure."""
    return [text.get_text() for text in figure.texts]


def boxes_overlap(figure):
    """Return pairs of labels of a figure that lie on one another as they are drawn.

    Ticks are Matplotlib's own, and placed by it.
    """
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    texts = [*figure.texts]
    for axes in figure.axes:
        texts += [*axes.texts, axes.title, axes.xaxis.label, axes.yaxis.label]
    texts = [text for text in texts if text.get_text()]
    boxes = [Text.get_window_extent(text, renderer) for text in texts]
    return [
        (first.get_text(), second.get_text())
        for (first, a), (second, b) in combinations(zip(texts, boxes, strict=True), 2)
        if min(a.x1, b.x1) - max(a.x0, b.x0) > 1 and min(a.y1, b.y1) - max(a.y0, b.y0) > 1
    ]
