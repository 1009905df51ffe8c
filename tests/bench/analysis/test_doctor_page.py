"""Table, page and figure of the capacity doctor."""

from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib.text import Text

from bench.analysis.doctor import diagnose, diagnosis_frame
from bench.analysis.study import load_study
from bench.page.doctor import doctor_tables
from bench.plots._layout import sheet
from bench.plots.doctor import DOCTOR, _slope
from bench.store.store import Store
from bench.tables.csv import write_table

from .doctor_studies import (
    history_of,
    rise,
    tables_of,
)


def test_table_page_and_figure_are_of_the_capacity_runs_alone(small_store, tmp_path):
    store = Store(small_store)
    study = load_study(store)
    found = diagnose(study.tables)
    capacity = study.tables.runs[study.tables.runs["kind"] == "capacity_vae"]
    assert [one.run["run_id"] for one in found] == capacity["run_id"].tolist()
    written = pd.read_csv(small_store / "tables" / "doctor.csv", dtype={"kl_end": str})
    frame = diagnosis_frame(found)
    assert written["run_id"].tolist() == frame["run_id"].tolist()
    # By Python, as the readers of old and new pandas round otherwise.
    assert written["kl_end"].map(float).tolist() == frame["kl_end"].tolist()
    (table,) = doctor_tables(found, study.tables)
    assert {row["verdict"] for row in table.rows} == {one.verdict for one in found}
    text = (small_store / "report.html").read_text()
    assert text.count('id="doctor"') == 1
    (drawn,) = DOCTOR.draw(study)
    assert f"{len(found)} capacity runs" in drawn.alt
    bars, _, slope, _ = drawn.figure.axes
    labels = [label.get_text() for label in bars.get_yticklabels()]
    assert labels[0] == "γ=100 C=5"
    assert any(label.get_text() == "γ = 100" for label in slope.texts)

    plain = study.tables.runs[study.tables.runs["kind"] != "capacity_vae"]
    without = replace(study.tables, runs=plain)
    assert diagnose(without) == []
    assert list(DOCTOR.draw(replace(study, tables=without))) == []
    empty = Store(tmp_path / "store", create=True)
    (empty.folder / "tables").mkdir(exist_ok=True)
    (empty.folder / "tables" / "doctor.csv").write_text("of runs that are gone")
    write_table(empty, "doctor", diagnosis_frame([]))
    assert not (empty.folder / "tables" / "doctor.csv").exists()


def test_names_of_gamma_lie_on_no_line():
    # At the end of the frontier its slope is close to γ = 10.
    history = history_of(rise(7.0), rise(7.0))
    gammas = (10, 100, 150, 1000)
    runs = {f"{g}": ("capacity_vae", float(g), history, (3.5, 3.5), {}) for g in gammas}
    found = diagnose(tables_of(runs))
    (axes,) = sheet(["slope"], 1, (2.5, 2.0)).axes
    _slope(axes, {"all": found})
    axes.figure.draw_without_rendering()
    assert {text.get_text() for text in axes.texts} == {f"γ = {gamma}" for gamma in gammas}
    seen = found[0].measured.seen
    across = np.linspace(*axes.get_xlim(), 500)
    steps = [(r, seen.slope(r)) for r in across if seen.rates[0] <= r < seen.rates[-1]]
    places = axes.transData.transform([*steps, *((x, g) for g in gammas for x in across)])
    for text in axes.texts:
        # Without the leader that an annotation may have.
        box = Text.get_window_extent(text)
        assert not any(box.contains(*place) for place in places), text
