"""The page: one file, complete, escaped, the same at every build; and what its tables say."""

import base64
import io
import re
import shutil
import subprocess
import sys
from dataclasses import fields, replace
from html.parser import HTMLParser
from itertools import combinations, islice
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bench import report
from bench.analysis.study import Study, load_study
from bench.page import explorer as page_explorer, runs as page_runs, tables as page
from bench.page.definitions import definitions
from bench.page.explorer import MAP_BYTES, RUN_BYTES, code_map
from bench.page.render import render
from bench.page.sprites import picture_sheet
from bench.plots import draw_all
from bench.report import build, main
from bench.store.frames import Frames
from bench.store.store import Store

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def study(small_store):
    return load_study(Store(small_store))


class _Page(HTMLParser):
    """Collects what a page would ask others for, and which elements are left open."""

    VOID = ("meta", "img", "input", "link", "br", "wbr", "hr")

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
    for heading in ("Scores", "Differences from the VAE", "Figures", "Provenance", "How to cite"):
        assert heading in text
    assert "Too short to compare methods: 6 of 6 runs on ball" in text
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


def test_png_and_pdf_are_written_on_demand_and_never_stale(small_store, tmp_path, monkeypatch):
    copy = shutil.copytree(small_store, tmp_path / "store")
    monkeypatch.setattr(report, "draw_all", lambda study: islice(draw_all(study), 1))
    assert main([str(copy), "--png", "--pdf"]) == 0
    (svg,) = (copy / "figures").glob("*.svg")
    (png,) = (copy / "figures").glob("*.png")
    (pdf,) = (copy / "figures").glob("*.pdf")
    assert png.stem == pdf.stem == svg.stem
    first = pdf.read_bytes()
    with Image.open(png) as image:
        dots = image.info["dpi"]
        inches = [float(x.removesuffix("pt")) / 72 for x in _sizes(svg.read_text())]
        assert image.size == pytest.approx([300 * length for length in inches], abs=2)
    assert dots == pytest.approx((300, 300), abs=0.1)
    assert main([str(copy), "--pdf"]) == 0
    assert pdf.read_bytes() == first
    assert not png.exists()
    assert main([str(copy)]) == 0
    assert not pdf.exists()


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


@pytest.mark.parametrize("unscored", [[0], [0, 1]])
def test_a_folder_of_runs_that_are_not_scored_yet_has_a_report(small_store, tmp_path, unscored):
    store = Store(shutil.copytree(small_store, tmp_path / "store"))
    runs = [run for run in store.runs() if run.spec.seed in unscored]
    for run in runs:
        assert [path.unlink() for path in (store.folder / "scores").rglob(f"{run.run_id}*")]
    build(store)
    text = " ".join(_Page((store.folder / "report.html").read_text()).text)
    assert all(run.run_id in text for run in runs)


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
    columns = ["dataset", "dataset_options", "group_id", "precision", "label", "kind", "metric"]
    columns += ["n_seeds", "mean", "low", "high", "interval", "chance", "ceiling"]
    return pd.DataFrame(rows, columns=columns)


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


@pytest.mark.parametrize(
    ("groups", "tied", "noted"),
    [
        # The highest mean, and whoever reaches it; the others are worse beyond doubt.
        (
            {
                "a": (0.3, 0.2, 0.4, "t95"),
                "b": (0.2, 0.1, 0.25, "t95"),
                "c": (0.0, 0.0, 0.1, "t95"),
                "truth": (0.3, 0.3, 0.3, "t95"),
            },
            ["a", "b"],
            False,
        ),
        ({"a": (0.3, 0.2, 0.4, "t95"), "b": (0.1, 0.0, 0.19, "t95")}, [], False),
        ({"a": (0.3, 0.2, 0.4, "t95"), "b": (0.3, 0.2, 0.4, "range")}, [], True),
        ({"a": (0.3, 0.2, 0.4, "range")}, [], False),
    ],
)
def test_where_none_is_best_the_page_says_so(study, groups, tied, noted):
    summary = _summary(**groups)
    summary.loc[summary["interval"] == "range", "n_seeds"] = 2
    study_with = Study(replace(study.tables, summary=summary), {})
    (table,) = page.summary_tables(study_with)
    assert [row.label for row in table.rows if any(cell.tied for cell in row.cells)] == tied
    assert bool(table.note) == noted
    text = render(study_with, None, [])
    assert ("(1 of 2 has fewer than 6), so none is starred" in text) == noted


def _group(study, kind):
    runs = study.tables.runs
    return runs.loc[runs["kind"] == kind, "group_id"].iloc[0]


def test_differences_say_where_nothing_can_be_told(study):
    row = {
        "dataset": "ball",
        "dataset_options": "{}",
        "precision": "float32",
        "group_id": _group(study, "beta_vae"),
        "label": "β-VAE β=4",
        "metric": "mig_histogram",
        "n_pairs": 6,
        "mean": 0.1,
        "high": 0.3,
        "interval": "t95",
    }
    for low, said in ((-0.1, True), (0.05, False)):
        differences = pd.DataFrame([{**row, "low": low}])
        tables = replace(study.tables, differences=differences, summary=_summary())
        study_with = Study(tables, {})
        (table,) = page.difference_tables(study_with)
        assert table.rows[0].cells[1].tied == said
        assert table.rows[0].kind == "beta_vae"
        text = render(study_with, None, [])
        assert ("<small>not distinguishable</small>" in text) == said


def test_every_measured_column_is_defined(study):
    found = definitions(study)
    assert {*found} == {*study.tables.metrics}
    assert all(entry.title and entry.text.endswith(".") for entry in found.values())


def test_definitions_differ_where_columns_do(study):
    found = definitions(study)
    for one, other in combinations(found.values(), 2):
        assert one.title != other.title
        assert one.text != other.text
    assert "aggregate posterior" in found["mig_posterior"].text
    assert "without position x" in found["mig_posterior_exclude_position_x"].text
    assert found["infomec_infoc"].title == "InfoMEC compactness"
    assert [found[name].better for name in ("kl", "reconstruction", "udr")] == ["", "less", "more"]


def _frames(traversals, **arrays):
    blank = dict.fromkeys((field.name for field in fields(Frames)), np.zeros(0))
    return Frames(**{**blank, "traversals": traversals, **arrays})


@pytest.mark.parametrize(("n_latents", "size"), [(10, 128), (64, 64)])
def test_what_a_run_takes_of_the_page_fits_its_budget_even_of_noise(n_latents, size):
    shape = (n_latents, 11, 3, size, size)
    rng = np.random.default_rng(0)
    frames = _frames(
        rng.integers(0, 256, shape, dtype=np.uint8),
        factors=np.array([b"position_y", b"position_x"]),
        tuning_maps=rng.normal(size=(n_latents, 64, 64)).astype(np.float32),
    )
    codes = code_map(frames)
    assert 25_000 < len(codes.data) <= MAP_BYTES
    sheet = picture_sheet(frames.traversals, RUN_BYTES - len(codes.data))
    assert len(sheet) + len(codes.data) <= RUN_BYTES
    head, data = sheet.split(",")
    assert head == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        # Whole cells, and not smaller than needs be.
        assert image.width % 11 == image.height % n_latents == 0
    assert len(sheet) > RUN_BYTES / 10


def test_codes_of_positions_come_back_and_only_where_a_position_is_all():
    maps = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    maps[:, 1, 2] = np.nan
    names = [b"position_x", b"position_y"]
    codes = code_map(_frames(np.zeros(0), tuning_maps=maps, factors=np.array(names)))
    whole = np.frombuffer(base64.b64decode(codes.data), "<i2").reshape(2, 3, 4)
    assert (codes.height, codes.width, codes.step) == (3, 4, 1)
    assert (whole[:, 1, 2] == -(2**15)).all()
    known = np.isfinite(maps)
    assert whole[known] * codes.unit == pytest.approx(maps[known], abs=1e-3)
    more = np.array([*names, b"shape"])
    assert code_map(_frames(np.zeros(0), tuning_maps=maps, factors=more)) is None


def test_sliders_are_left_out_aloud_where_the_page_has_no_room(study, monkeypatch):
    assert len(study.frames) == 3
    whole, left_out = page_explorer.shown_models(study)
    assert (len(whole), left_out) == (3, 0)
    one = sum(map(len, (whole[0].sheet, whole[0].codes.data, whole[0].images)))
    monkeypatch.setattr(page_explorer, "ALL_BYTES", one)
    assert [len(part) for part in page_explorer.shown_models(study)[:1]] == [1]
    assert "2 of the models have nothing to move here" in render(study, None, [])


def test_every_run_has_its_details(study):
    tables = study.tables
    table = page_runs.run_table(study)
    assert [row.cells[0] for row in table.rows] == tables.runs["label"].tolist()
    folders = [f"runs/{run}" for run in tables.runs["run_id"]]
    assert [row.details[0] for row in table.rows] == folders
    assert "scored on all images" in table.shared
    assert "=" not in table.shared
    by_name = dict(zip(tables.runs["run_id"], table.rows, strict=True))
    trained = tables.runs[tables.runs["kind"] == "capacity_vae"].iloc[0]
    settings, kl = by_name[trained["run_id"]].details[1:3]
    assert {"gamma 100", "capacity 5", "annealed over 20 steps"} <= {*settings.split(", ")}
    values = [float(text) for text in re.findall(r"z\d (\S+?)(?:,|$)", kl)]
    assert len(values) == 4
    assert values == sorted(values, reverse=True)
    pca = tables.runs.loc[tables.runs["kind"] == "baseline_pca", "run_id"].iloc[0]
    assert any(re.match(r"No .*KL.*: ", line) for line in by_name[pca].details)


def test_runs_beyond_the_page_are_counted(study, monkeypatch):
    monkeypatch.setattr(page_runs, "MAX_ROWS", 4)
    table = page_runs.run_table(study)
    assert (len(table.rows), table.left_out) == (4, len(study.tables.runs) - 4)
    assert f"{table.left_out} further runs are in" in render(study, None, [])
