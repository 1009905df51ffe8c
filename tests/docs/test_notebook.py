"""The notebook of the documentation: kept without outputs, and it runs."""

import json
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).resolve().parents[2] / "docs" / "score_your_codes.ipynb"


def test_it_is_kept_without_outputs():
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert len(code) > 3
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


# What Jupyter's packages warn of is their own affair.
@pytest.mark.integration
@pytest.mark.filterwarnings("ignore")
def test_it_runs_and_shows_what_its_text_says():
    needs = "needs nbclient: pip install 'disbench[integration]'"
    nbclient = pytest.importorskip("nbclient", reason=needs)
    nbformat = pytest.importorskip("nbformat", reason=needs)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    notebook.cells.append(
        nbformat.v4.new_code_cell(
            "import json\n"
            "table = found.scores.set_index('metric')[['value', 'ceiling']]\n"
            "print(json.dumps([table.to_dict(), [dict(scores) for scores in history]]))"
        )
    )
    nbclient.NotebookClient(notebook, timeout=200, kernel_name="python3").execute()
    scores, history = json.loads(notebook.cells[-1]["outputs"][-1]["text"])
    for name, perfect in (("mig_histogram", 0.85), ("sap_score", 0.05), ("modularity", 1.0)):
        assert scores["value"][name] == pytest.approx(perfect, abs=0.005)
        assert scores["value"][name] == pytest.approx(scores["ceiling"][name], abs=0.005)
    # Turned by 15 degrees: two of the four forgive it.
    assert history[3]["beta_vae_score"] == 1
    assert history[3]["modularity"] > 0.98
    assert history[3]["mig_histogram"] < 0.4
    assert history[3]["dci_disentanglement"] < 0.05
