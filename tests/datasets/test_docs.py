"""The examples of the documentation run."""

from __future__ import annotations

from pathlib import Path

from datasets import DATASETS, load
from tests.documents import examples, run

DOCS = Path(__file__).parents[2] / "docs" / "datasets.md"


def test_examples(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = examples("docs/datasets.md")
    assert len(blocks) == 3
    names = run(*blocks)
    bars = load("file", path="bars.npz")
    assert bars.factor_names == ("angle", "size")
    assert bars.is_full_grid
    assert not names["data"].is_full_grid


def test_every_data_set_is_documented():
    text = DOCS.read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in text for name in DATASETS)
