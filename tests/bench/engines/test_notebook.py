"""A grid in a notebook: a bar under the cell that starts it, in a real kernel."""

import json
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
BALL = {"name": "ball", "image_size": 16, "shape": "disc", "radius": 3, "grid_size": 8}
GRID = {
    "name": "tiny",
    "datasets": [BALL],
    "seeds": [0],
    "models": [{"kind": "vae"}],
    "train": {"steps": 3, "batch_size": 8, "n_latents": 2},
    "metrics": ["mig"],
}
WIDGET = "application/vnd.jupyter.widget-view+json"


def _outputs(tmp_path, *cells):
    """Return the cells' outputs, and the texts of all widgets that were shown."""
    needs = "needs a notebook's kernel: pip install 'disbench[integration]'"
    pytest.importorskip("ipykernel", reason=needs)
    nbclient = pytest.importorskip("nbclient", reason=needs)
    nbformat = pytest.importorskip("nbformat", reason=needs)
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    client = nbclient.NotebookClient(book, timeout=240, resources={"metadata": {"path": tmp_path}})
    client.execute(env=environment)
    widgets = book.metadata.get("widgets", {}).get("application/vnd.jupyter.widget-state+json", {})
    values = [one["state"].get("value") for one in widgets.get("state", {}).values()]
    # Blanks are as wide as digits there.
    texts = [value.replace("\u2007", " ") for value in values if isinstance(value, str)]
    return [cell.outputs for cell in book.cells], texts


def _printed(outputs, stream="stderr"):
    return "".join(one.text for one in outputs if one.get("name") == stream)


@pytest.mark.integration
@pytest.mark.slow
# What the notebook's packages warn of at their import is their own affair.
@pytest.mark.filterwarnings("ignore")
def test_run_grid_shows_a_bar_of_widgets_and_prints_lines(tmp_path):
    pytest.importorskip("ipywidgets", reason="needs pip install 'disbench[integration]'")
    code = f"from bench import run_grid\nrun_grid({GRID!r}, out='out')"
    (outputs,), texts = _outputs(tmp_path, code)
    assert (tmp_path / "out" / "report.html").exists()
    assert any(WIDGET in one.get("data", {}) for one in outputs)
    assert "train: 100%" in texts
    assert any(re.fullmatch(r" 3/3 \[\d\d:\d\d, 00:00 left, 1/1\]", text) for text in texts)
    printed = _printed(outputs)
    assert "1 run: 0 done, 1 to make\n" in printed
    assert re.search(r"^train 1/1: ball \S+ seed 0: done, 00:00 left$", printed, re.MULTILINE)
    assert "nan" not in json.dumps([texts, printed])


@pytest.mark.integration
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_without_widgets_the_bar_is_text(tmp_path):
    code = (
        "import sys\nsys.modules['ipywidgets'] = None\n"
        "from bench.engines.progress import aloud, progress\n"
        "with aloud(), progress('score', ['a'], [1]) as shown:\n    shown.end(0, None)"
    )
    (outputs,), texts = _outputs(tmp_path, code)
    assert texts == []
    printed = _printed(outputs)
    assert "score: 100%|" in printed
    assert "score 1/1: a: done, 00:00 left\n" in printed
