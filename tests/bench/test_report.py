"""The page: one file, complete, escaped, the same at every build; and what its tables say."""

import re
import shutil
import subprocess
import sys
from dataclasses import fields, replace
from html.parser import HTMLParser
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bench import page, report
from bench.frames import Frames
from bench.plots import draw_all
from bench.report import build, main, render
from bench.sprites import MAX_BYTES, traversal_sheet
from bench.store import Store
from bench.study import Study, load_study

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def study(small_store):
    return load_study(Store(small_store))


class _Page(HTMLParser):
    """Collects what a page would ask others for, and which elements are left open."""

    VOID = ("meta", "img", "input", "link", "br", "hr")

    def __init__(self, text):
        super().__init__()
        self.asked, self.open, self.text = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)
        for name, value in attrs:
            outside = name in ("src", "href", "xlink:href", "action") and value
            if outside and not value.startswith(("#", "data:")):
                self.asked.append(value)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_the_page_is_whole_and_asks_nobody(small_store):
    text = (small_store / "report.html").read_text()
    parsed = _Page(text)
    assert parsed.asked == []
    assert parsed.open == []
    assert "default-src 'none'" in text
    assert "@import" not in text
    assert not re.search(r"url\((?!#|\$\{)", text)


def test_every_run_model_and_section_is_on_it(small_store, study):
    text = " ".join(_Page((small_store / "report.html").read_text()).text)
    for run in study.tables.runs.itertuples():
        assert run.run_id in text
    for heading in ("Summary", "Differences from the VAE", "Figures", "Provenance", "How to cite"):
        assert heading in text
    assert "Too short to read: 6 of 6 trained runs" in text
    assert all(name in text for name in study.tables.metrics)


def test_the_same_runs_give_the_same_bytes(small_store):
    files = [*(small_store / "figures").iterdir(), small_store / "report.html"]
    before = {path: path.read_bytes() for path in files}
    (small_store / "figures" / "stale.svg").write_text("of a run that is gone")
    build(Store(small_store))
    assert {path: path.read_bytes() for path in files} == before
    assert not (small_store / "figures" / "stale.svg").exists()
    text = before[small_store / "report.html"].decode()
    assert str(small_store) not in text


def test_png_is_written_on_demand_and_never_stale(small_store, tmp_path, monkeypatch):
    copy = shutil.copytree(small_store, tmp_path / "store")
    monkeypatch.setattr(report, "draw_all", lambda study: islice(draw_all(study), 1))
    assert main([str(copy), "--png"]) == 0
    (svg,) = (copy / "figures").glob("*.svg")
    (png,) = (copy / "figures").glob("*.png")
    assert png.stem == svg.stem
    with Image.open(png) as image:
        dots = image.info["dpi"]
        inches = [float(x.removesuffix("pt")) / 72 for x in _sizes(svg.read_text())]
        assert image.size == pytest.approx([300 * length for length in inches], abs=2)
    assert dots == pytest.approx((300, 300), abs=0.1)
    assert main([str(copy)]) == 0
    assert not list((copy / "figures").glob("*.png"))


def _sizes(svg):
    return re.search(r'<svg [^>]*width="([\d.]+pt)" height="([\d.]+pt)"', svg, re.DOTALL).groups()


def test_a_report_is_rebuilt_without_torch(small_store):
    code = (
        "import sys; from bench.report import main; code = main([sys.argv[1]]); "
        "sys.exit(code or 'torch' in sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(small_store)], cwd=ROOT, check=True, capture_output=True
    )


def test_hostile_text_is_escaped(study):
    hostile = "<script>alert(1)</script>"
    failures = pd.DataFrame(
        [{"run_id": "x", "dataset": "ball", "kind": "vae", "seed": 0, "label": hostile}]
    ).assign(reason='"><img src=http://example.org/x>')
    runs = study.tables.runs.assign(label=hostile)
    tables = replace(study.tables, failures=failures, runs=runs)
    text = render(Study(tables, study.frames), {"name": hostile}, [])
    assert text.count("<script>") == 1
    assert _Page(text).asked == []
    assert "&lt;script&gt;alert(1)" in text


def test_an_empty_folder_has_a_page(tmp_path, capsys):
    Store(tmp_path / "new", create=True)
    assert main([str(tmp_path / "new")]) == 0
    assert "No run has finished." in (tmp_path / "new" / "report.html").read_text()
    assert capsys.readouterr().out == f"report: {tmp_path / 'new' / 'report.html'}\n"


def _summary(**groups):
    """Return the summary of one metric: label to (mean, low, high, interval)."""
    rows = [
        {
            "dataset": "ball",
            "dataset_options": "{}",
            "group_id": label,
            "precision": "float32",
            "label": label,
            "kind": "baseline_truth" if label == "truth" else "beta_vae",
            "metric": "mig_histogram",
            "n_seeds": 6,
            "mean": mean,
            "low": low,
            "high": high,
            "interval": interval,
        }
        for label, (mean, low, high, interval) in groups.items()
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("groups", "best"),
    [
        ({"a": (0.3, 0.2, 0.4, "t95"), "b": (0.1, 0.0, 0.19, "t95")}, "a"),
        ({"a": (0.3, 0.2, 0.4, "t95"), "b": (0.1, 0.0, 0.21, "t95")}, None),
        # Ranges of few seeds prove nothing, and the true factors do not compete.
        ({"a": (0.3, 0.2, 0.4, "range"), "b": (0.1, 0.0, 0.1, "t95")}, None),
        (
            {
                "a": (0.3, 0.2, 0.4, "t95"),
                "b": (0.1, 0.0, 0.1, "t95"),
                "truth": (0.9, 0.9, 0.9, "range"),
            },
            "a",
        ),
        ({"a": (0.3, 0.2, 0.4, "t95")}, None),
    ],
)
def test_the_best_is_marked_only_where_intervals_allow_it(study, groups, best):
    summary = _summary(**groups)
    (table,) = page.summary_tables(Study(replace(study.tables, summary=summary), {}))
    marked = [row.label for row in table.rows if any(cell.best for cell in row.cells)]
    assert marked == ([best] if best else [])


def test_differences_say_where_nothing_can_be_told(study):
    row = {
        "dataset": "ball",
        "dataset_options": "{}",
        "precision": "float32",
        "group_id": "b",
        "label": "β-VAE β=4",
        "metric": "mig_histogram",
        "n_pairs": 6,
        "mean": 0.1,
        "high": 0.3,
        "interval": "t95",
    }
    for low, said in ((-0.1, True), (0.05, False)):
        differences = pd.DataFrame([{**row, "low": low}])
        study_with = Study(replace(study.tables, differences=differences), {})
        (table,) = page.difference_tables(study_with)
        assert ("not distinguishable" in table.rows[0].cells[1].detail) == said


def test_every_measured_column_is_defined(study):
    assert {entry["name"] for entry in page.definitions(study)} == set(study.tables.metrics)
    assert len(page.definitions(study)) == len(study.tables.metrics)


def test_a_sheet_fits_its_budget_even_of_noise():
    noise = np.random.default_rng(0).integers(0, 256, (10, 11, 3, 64, 64), dtype=np.uint8)
    blank = np.zeros(0)
    others = dict.fromkeys((field.name for field in fields(Frames)), blank)
    frames = Frames(**{**others, "traversals": noise})
    sheet = traversal_sheet(frames)
    assert sheet.startswith("data:image/png;base64,")
    assert len(sheet) < MAX_BYTES * 4 / 3 + 30
